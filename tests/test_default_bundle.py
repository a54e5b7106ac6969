"""The model that ships with the package: what its card says of it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pictell
from pictell.bundle import DEFAULT, Bundle, find_bundle, installed_bundles
from pictell.captioner import Captioner
from pictell.data import load_dataset
from pictell.decoding import beam_search
from pictell.evaluation import Evaluation, evaluate
from pictell.language import BLOCKED_WORDS
from pictell.photos import open_photo, prepare

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.jpg"))

pytestmark = pytest.mark.skipif(
    DEFAULT not in [bundle.name for bundle in installed_bundles()], reason="no model is installed with the package"
)


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    return pictell.load()


@pytest.fixture(scope="module")
def full_precision(captioner: Captioner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in a bundle that was not quantised."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from safetensors.torch import load_file

    from pictell.models import build_model
    from pictell.training.export import export_bundle

    bundle = captioner.bundle
    model = build_model(bundle.architecture, len(bundle.vocabulary)).eval()
    halves = load_file(bundle.directory / "model.safetensors")
    model.load_state_dict({name: weight.float() for name, weight in halves.items()})
    directory = tmp_path_factory.mktemp("full") / "full"
    export_bundle(
        model, bundle.vocabulary, directory, name="full", version=1, terms="", licence="", card="",
        preprocessing=bundle.preprocessing,
        generation={
            "beam": bundle.generation.beam, "max_words": bundle.generation.max_words,
            "length_penalty": bundle.generation.length_penalty,
        },
    )  # fmt: skip
    return directory


@pytest.fixture(scope="module")
def on_test(captioner: Captioner, shared_data: Path) -> Evaluation:
    """The scores of the bundle as installed, at its own beam, on the 1,000 photos of Flickr8k test."""
    return evaluate(captioner, load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "test"))


def test_it_is_whole_and_small() -> None:
    bundle = find_bundle()
    bundle.check()
    assert bundle.size < 25e6
    assert "Flickr8k" in bundle.terms
    assert "COCO" in bundle.terms


def test_it_cannot_say_blocked_words() -> None:
    assert not BLOCKED_WORDS & {part for word in find_bundle().vocabulary.tokens for part in word.split("-")}


def test_examples_get_a_sentence_each(captioner: Captioner) -> None:
    captions = captioner.caption_many(EXAMPLES)
    texts = [caption.text for caption in captions if isinstance(caption, pictell.Caption)]
    assert len(set(texts)) == len(EXAMPLES)
    assert all(text and len(text.split()) >= 4 for text in texts)


def test_batched_equals_single(captioner: Captioner) -> None:
    """Every batch size gives the same words: cuts of the examples, with all alternatives of the search."""
    random = np.random.default_rng(1)
    pictures = []
    for path in EXAMPLES * 4:
        pixels = open_photo(path).pixels
        top, left = (int(random.integers(0, side // 3)) for side in pixels.shape[:2])
        pictures.append(np.ascontiguousarray(pixels[top:, left:]))
    alone = [captioner.caption(picture, num=3) for picture in pictures]
    for batch_size in (3, len(pictures)):
        for one, other in zip(alone, captioner.caption_many(pictures, num=3, batch_size=batch_size), strict=True):
            assert isinstance(other, pictell.Caption)
            assert (one.text, [a.text for a in one.alternatives]) == (other.text, [a.text for a in other.alternatives])
            assert other.log_prob == pytest.approx(one.log_prob, abs=1e-3)


@pytest.mark.shared
def test_scores_on_flickr8k_test(on_test: Evaluation) -> None:
    assert on_test.photos == 1000
    assert on_test.scores["BLEU-1"] >= 0.65
    assert on_test.scores["BLEU-4"] >= 0.23
    assert on_test.scores["CIDEr-D"] >= 0.57
    assert on_test.distinct >= 0.5
    assert on_test.function_word_endings <= 0.01


@pytest.mark.shared
def test_quantisation_costs_little(on_test: Evaluation, full_precision: Path, shared_data: Path) -> None:
    photos = load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "test")
    full = evaluate(pictell.load(full_precision), photos)
    assert on_test.scores["CIDEr-D"] >= full.scores["CIDEr-D"] - 0.01


@pytest.mark.shared
def test_full_precision_onnx_equals_torch(full_precision: Path, shared_data: Path) -> None:
    """The same words on 200 photos, and log-probabilities of each word within 1e-4."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from pictell.engines.onnx import OnnxEngine
    from pictell.engines.torch import TorchEngine
    from pictell.models import build_model

    bundle = Bundle.open(full_precision)
    model = build_model(bundle.architecture, len(bundle.vocabulary)).eval()
    halves = load_file(full_precision / "model.safetensors")
    model.load_state_dict({name: weight.float() for name, weight in halves.items()})
    photos = load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "dev")[:200]
    pixels = np.stack([prepare(open_photo(photo.path), bundle.preprocessing) for photo in photos])
    onnx, reference = OnnxEngine(bundle), TorchEngine(model)
    with torch.inference_mode():
        for first in range(0, len(pixels), 50):
            batch = pixels[first : first + 50]
            found = beam_search(onnx, onnx.encode(batch), bundle.generation)
            expected = beam_search(reference, reference.encode(batch), bundle.generation)
            for ours, theirs in zip(found, expected, strict=True):
                assert ours[0].tokens == theirs[0].tokens
                np.testing.assert_allclose(ours[0].word_log_probs, theirs[0].word_log_probs, atol=1e-4)
