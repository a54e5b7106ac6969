"""From a bundle to a folder of `transformers`, with a card that the hub reads."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from transformers import GenerationConfig
from transformers.utils import logging

from pictell.bundle import Bundle
from pictell.errors import BundleError
from pictell.hf.configuration import PictellConfig
from pictell.hf.modeling import PictellForImageCaptioning
from pictell.hf.processing import PictellImageProcessor, PictellProcessor, PictellTokenizer
from pictell.language.vocabulary import END, PAD, START

_CARD = "README.md"
_DATA = {
    "Flickr8k": "flickr8k",
    "Flickr30k": "flickr30k",
    "COCO": "coco",
    "VizWiz": "vizwiz-captions",
    "Visual Genome": "visual_genome",
}
_METRICS = {"BLEU": "bleu", "ROUGE": "rouge", "METEOR": "meteor", "CIDEr": "cider", "SPICE": "spice"}


def from_bundle(bundle: Bundle) -> tuple[PictellForImageCaptioning, PictellProcessor]:
    """The bundle's network in full precision, and what prepares photos and words for it.

    Raises:
        BundleError: the bundle has no `model.safetensors`, or not that of its network.

    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if bundle.regions is not None:
        raise BundleError(
            "regions", f"{bundle.label} reads region features, for which there is no model of transformers"
        )
    vocabulary, generation = bundle.vocabulary, bundle.generation
    content = json.loads(bundle.read("vocabulary.json"))
    config = PictellConfig(
        architecture=dict(bundle.architecture),
        vocab_size=len(vocabulary),
        subwords=content if vocabulary.unit == "pieces" else None,
    )
    model = PictellForImageCaptioning(config).eval()
    try:
        model.network.load_state_dict(load(bundle.read("model.safetensors")))
    except (RuntimeError, SafetensorError) as error:
        message = f"the weights in {bundle.directory / 'model.safetensors'} are not those of the bundle's network"
        raise BundleError("broken-model", message) from error
    settings = json.loads(bundle.read("generation.json"))
    model.generation_config = GenerationConfig(
        num_beams=generation.beam,
        max_new_tokens=int(settings["max_words"]),
        min_new_tokens=generation.min_words,
        length_penalty=generation.length_penalty,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
    )
    tokenizer = PictellTokenizer(str(bundle.directory / "vocabulary.json"))
    return model, PictellProcessor(PictellImageProcessor(bundle.preprocessing.to_json()), tokenizer)


def export_to_hf(bundle: Bundle, folder: Path) -> Path:
    """Writes a folder that `from_pretrained` opens, with a model card (`README.md`) for the hub and the bundle's `LICENSE`.

    Raises:
        BundleError: what `from_bundle` raises; `in-the-way`, something is in `folder`; `cannot-save`, it cannot be written.

    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError("in-the-way", f"{folder} is not empty: name another folder for the model of transformers")
    model, processor = from_bundle(bundle)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
            made = Path(temporary) / folder.name
            model.save_pretrained(made)
            processor.save_pretrained(made)
            (made / "LICENSE").write_bytes(bundle.read("LICENSE"))
            (made / _CARD).write_text(card(bundle), encoding="utf-8")
            for path in made.iterdir():
                path.chmod(0o644)
            if folder.exists():
                folder.rmdir()
            made.replace(folder)
    except OSError as error:
        raise BundleError("cannot-save", f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        if bars:
            logging.enable_progress_bar()
    return folder


def card(bundle: Bundle) -> str:
    """The bundle's own model card with what the hub reads at its top (YAML): licence, language, task, data and metrics."""
    own = bundle.read("README.md").decode()
    front = re.match(r"---\n(.*?)\n---\n", own, re.DOTALL)
    body = own[front.end() :] if front else own
    # What it says of its licence itself, it knows best.
    named = dict(re.findall(r"^(license\w*): *(.+?) *$", front[1], re.MULTILINE)) if front else {}
    about: dict[str, Any] = {
        "language": bundle.vocabulary.language,
        "license": named.get("license", "other"),
        "license_name": named.get("license_name", "see-license"),
        "license_link": named.get("license_link", "LICENSE"),
        "library_name": "transformers",
        "pipeline_tag": "image-to-text",
        "tags": ["image-captioning", "pictell"],
        "datasets": [name for text, name in _DATA.items() if text in bundle.terms],
        "metrics": [name for text, name in _METRICS.items() if text in own],
    }
    # JSON's values are YAML's, too.
    lines = [f"{name}: {json.dumps(value)}" for name, value in about.items() if value]
    use = (
        "## Use\n\n`pip install 'pictell[hf]'`; it runs no code from this repository.\n\n```python\nimport pictell.hf\n"
        "from transformers import pipeline\n\n"
        'captioner = pipeline("image-text-to-text", model="FOLDER or OWNER/NAME")\nprint(captioner("dog.jpg", text=""))\n```\n'
    )
    return "\n".join(["---", *lines, "---", "", body.strip(), "", use])
