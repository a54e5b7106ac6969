"""From someone else's checkpoint, its words and an encoder to a bundle."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pictell.bundle import Bundle
from pictell.errors import CheckpointError, OptionError
from pictell.importing.encoder import open_encoder, read_regions
from pictell.importing.im2txt import Im2txt
from pictell.importing.layout import Family, Imitation, choose_family
from pictell.importing.reading import read_tensors
from pictell.importing.self_critical import FC, Att2in2, LuoTransformer, UpDown
from pictell.importing.words import Words, read_words
from pictell.models import CaptioningModel, build_model
from pictell.training.export import check_replaceable, export_bundle

FAMILIES: tuple[Family, ...] = (
    FC("FC (self-critical.pytorch)", "img_embed", "core"),
    FC("NewFC (self-critical.pytorch)", "fc_embed", "_core"),
    Att2in2(),
    UpDown(),
    LuoTransformer(),
    Im2txt(),
)
"""What can be imported."""

_MAX_WORDS = 20  # the longest caption that all of them search for


@dataclass(frozen=True)
class Imported:
    """The bundle, what the checkpoint was found to be, and how many of its words pictell never says."""

    bundle: Bundle
    family: str
    left_out: int


def import_checkpoint(
    checkpoint: Path,
    words: Path,
    encoder: str | None,
    directory: Path,
    *,
    name: str,
    version: int = 1,
    size: int | None = None,
    heads: int = 8,
    beam: int = 5,
    length_penalty: float = 0.0,
    terms: str | None = None,
    regions: int | None = None,
    boxes: bool = False,
) -> Imported:
    """Makes a bundle of a checkpoint (`.pth` or `.npz`), the file of its words, and the encoder whose features it reads.

    Without an encoder it reads features of up to so many `regions` a photo, with `boxes` their boxes beside them. `encoder` and
    `size` are as `open_encoder` has them; `heads` are a Transformer's, which its weights do not show; `terms` is what the bundle
    says about what it was trained on and may be used for. A bundle that is in `directory` is replaced.

    Raises:
        CheckpointError: a file is missing, damaged or not what it should be, or the parts do not fit each other.
        OptionError: nothing can be searched with this `beam` or `length_penalty`; there is neither an encoder nor a number of
            regions, or both.
        BundleError: the encoder's bundle cannot be opened, or there is something other than a bundle in `directory`.
        DataError: the encoder's pretrained weights are not as `transformers` saves them.
        RecipeError: the checkpoint's sizes make no decoder, for example with these `heads`.

    """
    check_replaceable(directory)
    if beam < 1 or not math.isfinite(length_penalty):
        raise OptionError(
            f"a search has a beam of 1 or more and a finite length penalty, not {beam} and {length_penalty}"
        )
    if (encoder is None) == (regions is None) or (boxes and regions is None):
        raise OptionError(
            "name an --encoder or, for region features, --regions N (and --boxes where these are read too)"
        )
    tensors = read_tensors(checkpoint)
    family = choose_family(checkpoint, tensors, FAMILIES)
    known = read_words(words)
    known.check(words, family.rows(tensors))
    channels = family.channels(tensors)
    eyes = read_regions(regions or 0, channels, boxes) if encoder is None else open_encoder(encoder, size)
    given = eyes.network.channels
    if channels != given:
        raise CheckpointError(
            "channels",
            f"{checkpoint} reads {channels} channels, and the encoder {encoder} gives {given}: name another one",
        )
    model = _assemble(eyes.settings, family.imitate(tensors, known, heads=heads), known)
    model.encoder.load_state_dict(eyes.network.state_dict())
    terms = terms or (
        f"Imported from {checkpoint.name}, {family.name}; what it was trained on, and what that allows, is for those to say "
        f"who trained it. "
        + (
            f"The encoder is from {eyes.origin}"
            if encoder
            else "It reads region features that another program computes."
        )
    )
    export_bundle(
        model.eval(),
        known.vocabulary,
        directory,
        name=name,
        version=version,
        terms=terms,
        licence=f"{terms}\n",
        card=_card(f"{name}@{version}", checkpoint, words, family, terms, eyes.origin),
        preprocessing=eyes.preprocessing,
        generation={"beam": beam, "max_words": _MAX_WORDS, "length_penalty": length_penalty},
    )
    return Imported(Bundle.open(directory), family.name, known.left_out)


def _assemble(encoder: dict[str, Any], decoder: Imitation, words: Words) -> CaptioningModel:
    model = build_model({"encoder": encoder, "decoder": decoder.settings}, len(words.vocabulary))
    weights = {name: tensor.float() for name, tensor in decoder.weights.items()}
    if "position" in weights:
        weights["position"] = weights["position"].expand(model.encoder.places, -1)
    model.decoder.load_state_dict(weights)
    return model


def _card(label: str, checkpoint: Path, words: Path, family: Family, terms: str, origin: str) -> str:
    lines = [
        f"# {label}",
        "",
        f"An image captioning model for pictell. {terms}",
        "",
        f"- what it was: {family.name}",
        *(f"- {file.name}: SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in (checkpoint, words)),
        f"- encoder: {origin}",
        "",
        "It was not measured: `pictell evaluate` does. Captions are as good as those who trained it found only if the encoder",
        "is the very network whose features the checkpoint was trained on.",
        "",
    ]
    return "\n".join(lines)
