"""pictell's captioners as models of transformers, loaded as anyone would load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import pictell.hf
from pictell.bundle import Bundle
from pictell.decoding import SearchOptions, beam_search, greedy
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError
from pictell.hf import PictellConfig, PictellForImageCaptioning, export_to_hf
from pictell.language import Vocabulary
from pictell.language.subwords import Subwords
from pictell.models import CaptioningModel
from pictell.models.captioning import DECODERS
from pictell.photos import Preprocessing
from pictell.training.export import export_bundle

WORDS = [
    "a",
    "dog",
    "cat",
    "man",
    "runs",
    "on",
    "grass",
    "red",
    "ball",
    "with",
    "the",
    "is",
    "in",
    "two",
    "black",
    "'s",
]


def bundle_of(model: CaptioningModel, vocabulary: Vocabulary, folder: Path) -> Bundle:
    export_bundle(
        model, vocabulary, folder, name="tiny", version=1, terms="Trained on Flickr8k and COCO.", licence="For tests.\n",
        card="---\nlicense: other\nlicense_name: research-use\n---\n# Tiny\n\n- BLEU-4: 0.1\n- CIDEr-D: 0.2\n",
        preprocessing=Preprocessing(size=model.encoder.size),
        generation={"beam": 3, "max_words": 9, "min_words": 2, "length_penalty": 0.5},
    )  # fmt: skip
    return Bundle.open(folder)


@pytest.fixture(scope="module")
def bundle(telling_model: CaptioningModel, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    words = [*WORDS, *(f"word{number}" for number in range(30))][: telling_model.vocabulary_size - 4]
    tokens = ["<pad>", "<start>", "<end>", "<unk>", *words]
    return bundle_of(telling_model, Vocabulary(tokens), tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_to_hf(bundle, tmp_path_factory.mktemp("hf") / "tiny")


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(folder)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (5, 2, 2, 3))
    return np.kron(coarse, np.ones((1, 32, 32, 1))).astype(np.uint8)  # (5, 64, 64, 3)


def ours(
    model: Any, pixels: np.ndarray, find: Callable[..., Any], **options: Any
) -> list[list[tuple[tuple[int, ...], float]]]:
    engine = TorchEngine(model.network.eval())
    found = find(engine, engine.encode(pixels), SearchOptions(**options))
    return [[(each.tokens, each.log_prob) for each in hypotheses] for hypotheses in found]


@pytest.mark.parametrize(
    ("find", "asked", "options"),
    [
        (greedy, {"num_beams": 1, "max_new_tokens": 7, "length_penalty": 0.0, "min_new_tokens": 1}, {"beam": 1, "max_words": 7}),
        (beam_search, {}, {"beam": 3, "max_words": 9, "min_words": 2, "length_penalty": 0.5}),
        (beam_search, {"num_beams": 4, "num_return_sequences": 3, "max_length": 8, "max_new_tokens": None},
         {"beam": 4, "num": 3, "max_words": 6, "min_words": 2, "length_penalty": 0.5}),
    ],
)  # fmt: skip
def test_generate_is_our_own_search(loaded: Any, pixels: np.ndarray, find: Any, asked: Any, options: Any) -> None:
    expected = ours(loaded, pixels, find, **options)
    if asked.get("max_new_tokens", 0) is None:
        loaded.generation_config.max_new_tokens, kept = None, loaded.generation_config.max_new_tokens
        asked = {name: value for name, value in asked.items() if value is not None}
    else:
        kept = loaded.generation_config.max_new_tokens
    try:
        found = loaded.generate(torch.from_numpy(pixels), return_dict_in_generate=True, **asked)
    finally:
        loaded.generation_config.max_new_tokens = kept
    flat = [each for hypotheses in expected for each in hypotheses[: options.get("num", 1)]]
    assert [tuple(t for t in row if t > 2) for row in found.sequences.tolist()] == [tokens for tokens, _ in flat]
    np.testing.assert_allclose(found.sequences_scores, [log_prob for _, log_prob in flat], rtol=1e-5)
    assert len({tokens for tokens, _ in flat}) > 1
    alone = torch.cat([loaded.generate(torch.from_numpy(pixels[i : i + 1]), **asked)[0, :4] for i in range(2)])
    assert alone.tolist()[:4] == loaded.generate(torch.from_numpy(pixels), **asked)[0, :4].tolist()


def test_samples_are_ours(loaded: Any, pixels: np.ndarray) -> None:
    asked = {"do_sample": True, "temperature": 1.3, "top_k": 8, "num_return_sequences": 2}
    torch.manual_seed(5)
    first = loaded.generate(torch.from_numpy(pixels), **asked)
    torch.manual_seed(5)
    assert torch.equal(first, loaded.generate(torch.from_numpy(pixels), **asked))
    assert first.shape[0] == 10
    assert not torch.equal(first, loaded.generate(torch.from_numpy(pixels), **asked))


def test_what_it_does_not_know_is_refused(loaded: Any, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="knows no 'repetition_penalty'"):
        loaded.generate(torch.from_numpy(pixels), repetition_penalty=2.0)
    with pytest.raises(ValueError, match="pixel_values are"):
        loaded.generate(torch.zeros(1, 3, 64, 64))


def test_a_saved_model_is_the_same(loaded: Any, pixels: np.ndarray, bundle: Bundle, tmp_path: Path) -> None:
    loaded.save_pretrained(tmp_path)
    again = PictellForImageCaptioning.from_pretrained(tmp_path)
    fresh, _ = pictell.hf.from_bundle(bundle)
    for other in (again, fresh):
        assert all(
            torch.equal(mine, theirs)
            for mine, theirs in zip(loaded.state_dict().values(), other.state_dict().values(), strict=True)
        )
        assert torch.equal(loaded.generate(torch.from_numpy(pixels)), other.generate(torch.from_numpy(pixels)))


def test_pipeline(
    folder: Path, loaded: Any, pixels: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from transformers import pipeline

    pipe = pipeline("image-text-to-text", model=str(folder))
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path, picture in zip(paths, pixels, strict=False):
        Image.fromarray(picture).save(path)
    tokenizer = pipe.processor.tokenizer
    expected = [tokenizer.decode(row) for row in loaded.generate(torch.from_numpy(pixels[:3]))]
    found = [pipe(path, text="")[0]["generated_text"] for path in paths]
    assert found == expected
    assert all(found)
    [begun] = pipe(Image.open(paths[0]), text="a dog", max_new_tokens=6)
    assert begun["generated_text"].startswith("a dog")
    assert "not supported" not in caplog.text


def test_processor(folder: Path, bundle: Bundle) -> None:
    from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer

    processor = AutoProcessor.from_pretrained(folder)
    photo = np.random.default_rng(1).integers(0, 256, (50, 90, 3), np.uint8)
    from pictell.photos import prepare
    from pictell.types import Photo

    expected = prepare(Photo(photo, 90, 50, "array"), bundle.preprocessing)
    for given in (photo, Image.fromarray(photo), torch.from_numpy(photo).permute(2, 0, 1), photo.astype(np.float32)):
        both = processor(images=given, text=["a dog's ball", "dog"], return_tensors="pt")
        assert both["pixel_values"].dtype == torch.uint8
        np.testing.assert_array_equal(both["pixel_values"][0], expected)
        assert both["input_ids"].tolist()[1][2:] == [0, 0, 0]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer("A dog's RED ball.").input_ids) == "a dog's red ball"
    assert len(tokenizer) == len(bundle.vocabulary)
    assert AutoImageProcessor.from_pretrained(folder).preprocessing["size"] == 64


def test_the_loss_is_that_of_teacher_forcing_and_reaches_every_weight(folder: Path, pixels: np.ndarray) -> None:
    model = PictellForImageCaptioning.from_pretrained(folder).eval()
    labels = torch.tensor([[4, 5, 2, -100], [4, 6, 7, 2]])
    output = model(pixel_values=torch.from_numpy(pixels[:2]), labels=labels)
    read = torch.tensor([[[1, 4, 5, 2]], [[1, 4, 6, 7]]])
    log_probs = model.network(torch.from_numpy(pixels[:2]), read)[:, 0]
    kept = labels != -100
    expected = -log_probs.gather(2, labels.clamp(min=0)[..., None])[..., 0][kept].mean()
    torch.testing.assert_close(output.loss, expected)
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_comes_back_whole(decoder: str, pixels: np.ndarray, tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(0)
    config = PictellConfig(
        architecture={"encoder": {"name": "mobilenet_v2", "size": 64}, "decoder": {"name": decoder}}, vocab_size=30
    )
    model = PictellForImageCaptioning(config).eval()
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path)
    for (name, value), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(value, other), name
    found = again.generate(torch.from_numpy(pixels[:2]), num_beams=2, max_new_tokens=5)
    expected = ours(model, pixels[:2], beam_search, beam=2, max_words=5)
    assert [tuple(t for t in row if t > 2) for row in found.tolist()] == [each[0][0] for each in expected]


def test_words_of_pieces_keep_to_their_rules(
    telling_model: CaptioningModel, pixels: np.ndarray, tmp_path: Path
) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    letters = [*"abcdefghijkl"]
    vocabulary = Subwords(["<pad>", "<start>", "<end>", "<unk>", *letters, *(f"{each}</w>" for each in letters), "ab", "ab</w>"],
                          [("a", "b"), ("a", "b</w>")])  # fmt: skip
    assert len(vocabulary) == 30
    bundle = bundle_of(telling_model, vocabulary, tmp_path / "bundle")
    folder = export_to_hf(bundle, tmp_path / "hf")
    model = AutoModelForImageTextToText.from_pretrained(folder)
    found = model.generate(torch.from_numpy(pixels), max_new_tokens=3)
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    for row in found:
        assert len(tokenizer.decode(row).split()) <= 3
    options = {
        "beam": 3, "max_words": vocabulary.most_tokens(3), "min_words": 2, "length_penalty": 0.5, "not_after": vocabulary.rule(3)
    }  # fmt: skip
    assert [tuple(t for t in row if t > 2) for row in found.tolist()] == [
        each[0][0] for each in ours(model, pixels, beam_search, **options)
    ]


def test_the_card_has_what_the_hub_reads(folder: Path) -> None:
    import yaml

    text = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front == {
        "language": "en", "license": "other", "license_name": "research-use", "license_link": "LICENSE",
        "library_name": "transformers", "pipeline_tag": "image-to-text", "tags": ["image-captioning", "pictell"],
        "datasets": ["flickr8k", "coco"], "metrics": ["bleu", "cider"],
    }  # fmt: skip
    assert text.count("\n---\n") == 1
    assert "# Tiny" in text
    assert (folder / "LICENSE").is_file()
    names = {path.name for path in folder.iterdir()}
    assert "model.safetensors" in names
    assert not [name for name in names if name.endswith((".py", ".bin", ".pkl"))]


def test_nothing_is_written_over(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BundleError, match="is not empty"):
        export_to_hf(bundle, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
