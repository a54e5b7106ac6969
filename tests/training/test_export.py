"""Exported bundles: they say what the network says, for any number of photos, and replace each other whole."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pictell import Captioner
from pictell.bundle import NEEDED, Bundle
from pictell.decoding import SearchOptions, beam_search
from pictell.engines import Engine
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError
from pictell.language import Vocabulary
from pictell.models import CaptioningModel, build_model
from pictell.photos import Preprocessing
from pictell.training import export
from pictell.training.checkpoint import load_checkpoint
from pictell.training.export import export_bundle

WORDS = 30
VOCABULARY = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", *(f"word{number}" for number in range(WORDS - 4))])


def write(model: CaptioningModel, directory: Path, **changes: Any) -> Path:
    settings: dict[str, Any] = {
        "name": "tiny",
        "version": 4,
        "terms": "Random weights.",
        "licence": "For tests.\n",
        "card": "# Größe\n",
        "preprocessing": Preprocessing(size=64),
        "generation": {"beam": 2, "max_words": 9, "length_penalty": 0.0},
    }
    export_bundle(model, VOCABULARY, directory, **(settings | changes))
    return directory


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random colours in large squares, so that the photos differ much."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3))
    return np.kron(colours, np.ones((1, 16, 16, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def full(telling_model: CaptioningModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in full precision. Do not write into it."""
    return write(telling_model, tmp_path_factory.mktemp("bundles") / "full")


@pytest.fixture(scope="module")
def small(telling_model: CaptioningModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, quantised. Do not write into it."""
    return write(telling_model, tmp_path_factory.mktemp("bundles") / "small", calibration=pictures(20, seed=9))


@pytest.mark.parametrize("photos", [1, 3, 6])
@pytest.mark.parametrize("beams", [1, 2, 5])
def test_full_precision_gives_the_networks_log_probabilities(
    telling_model: CaptioningModel, full: Path, photos: int, beams: int
) -> None:
    engines: tuple[Engine[Any, Any], ...] = (TorchEngine(telling_model), OnnxEngine(Bundle.open(full)))
    pixels = pictures(photos)
    tokens = np.random.default_rng(0).integers(4, WORDS, (5, photos * beams))
    rows = np.repeat(np.arange(photos), beams)
    found = []
    for engine in engines:
        state = engine.start(engine.encode(pixels))
        state = engine.select(state, rows)
        steps = []
        for words in tokens:
            log_probs, state, attention = engine.step(words, state)
            steps.append((log_probs, attention))
        found.append(steps)
    for (log_probs, attention), (expected, looked) in zip(*found, strict=True):
        assert log_probs.shape == (photos * beams, WORDS)
        np.testing.assert_allclose(log_probs, expected, atol=1e-4, rtol=1e-5)
        np.testing.assert_allclose(attention, looked, atol=1e-4)


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_full_precision_finds_the_networks_words(telling_model: CaptioningModel, full: Path, beam: int) -> None:
    engines: tuple[Engine[Any, Any], ...] = (TorchEngine(telling_model), OnnxEngine(Bundle.open(full)))
    pixels = pictures(20, seed=1)
    options = SearchOptions(beam=beam, num=2, max_words=9)
    one, other = (
        [[h.tokens for h in found] for found in beam_search(engine, engine.encode(pixels), options)]
        for engine in engines
    )
    assert one == other
    assert len({tuple(found) for found in one}) > 5, "the photos are told apart"


@pytest.mark.parametrize("name", ["full", "small"])
def test_photos_together_give_what_they_give_alone(name: str, request: pytest.FixtureRequest) -> None:
    engine = OnnxEngine(Bundle.open(request.getfixturevalue(name)))
    pixels = pictures(9, seed=2)
    pixels[0], pixels[1] = 0, 255  # extremes, which a scale chosen by the batch would follow
    options = SearchOptions(beam=3, max_words=9)
    together = beam_search(engine, engine.encode(pixels), options)
    alone = [beam_search(engine, engine.encode(photo[None]), options)[0] for photo in pixels]
    assert [[h.tokens for h in found] for found in together] == [[h.tokens for h in found] for found in alone]
    np.testing.assert_allclose([f[0].log_prob for f in together], [f[0].log_prob for f in alone], rtol=1e-4)


def test_the_quantised_bundle_is_smaller_and_close(full: Path, small: Path) -> None:
    def size(directory: Path) -> int:
        return sum((directory / f"{graph}.onnx").stat().st_size for graph in ("encoder", "start", "step"))

    assert size(small) < 0.45 * size(full)
    pixels = pictures(6, seed=3)
    grids = [
        OnnxEngine(Bundle.open(directory)).encode(pixels).constants["memory.values"] for directory in (full, small)
    ]
    one, other = (np.asarray(grid, np.float64).ravel() for grid in grids)
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.9


@pytest.mark.parametrize("name", ["full", "small"])
def test_a_bundle_is_whole_and_captions(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    directory: Path = request.getfixturevalue(name)
    bundle = Bundle.open(directory)
    bundle.check()
    assert bundle.label == "tiny@4"
    assert set(bundle.files) == {*NEEDED, "model.safetensors"}
    assert bundle.vocabulary.tokens == VOCABULARY.tokens
    assert bundle.preprocessing == Preprocessing(size=64)
    assert (bundle.generation.beam, bundle.generation.max_words) == (2, 9)
    assert bundle.read("README.md").decode() == "# Größe\n"
    Image.fromarray(pictures(1)[0]).save(tmp_path / "photo.png")
    captioner = Captioner(bundle, OnnxEngine(bundle))
    caption = captioner.caption(tmp_path / "photo.png", num=2)
    assert caption.text
    assert caption.model == "tiny@4"
    assert len(caption.words) <= 9
    many = captioner.caption_many([tmp_path / "photo.png", pictures(1)[0]])
    assert [each.text for each in many if not isinstance(each, Exception)] == [caption.text] * 2


def test_training_can_go_on_from_a_bundle(telling_model: CaptioningModel, full: Path) -> None:
    bundle = Bundle.open(full)
    model = build_model(bundle.architecture, len(bundle.vocabulary))
    halves, _ = load_checkpoint(full / "model.safetensors")  # as `model.start_from` of a recipe is read
    model.load_state_dict(halves)
    for name, value in telling_model.state_dict().items():
        assert halves[name].dtype == torch.float16
        torch.testing.assert_close(model.state_dict()[name], value, atol=1e-3, rtol=1e-3)


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes on Windows")
def test_everybody_may_read_a_bundle(full: Path, small: Path) -> None:
    for directory in (full, small):
        modes = {path.name: stat.filemode(path.stat().st_mode) for path in directory.iterdir()}
        assert modes == dict.fromkeys(modes, "-rw-r--r--")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_replaces_another(telling_model: CaptioningModel, tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "bundle"
    write(telling_model, directory)
    (directory / "encoder.onnx").write_bytes(b"damaged")
    assert Bundle.open(write(telling_model, directory, version=5)).label == "tiny@5"
    Bundle.open(directory).check()
    assert [path.name for path in directory.parent.iterdir()] == ["bundle"]


def test_a_full_disk_is_one_line(
    telling_model: CaptioningModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export, "export_graphs", fail)
    with pytest.raises(BundleError, match=f"cannot write the bundle {tmp_path / 'bundle'}: No space left") as caught:
        write(telling_model, tmp_path / "bundle")
    assert caught.value.kind == "cannot-save"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["export_graphs", "fold_padding", "seal", "replace"])
def test_a_failure_leaves_what_was_there_and_nothing_else(
    telling_model: CaptioningModel, full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    directory = tmp_path / "bundle"
    directory.mkdir()
    for name, data in content(full).items():
        (directory / name).write_bytes(data)
    before = content(tmp_path)

    def fail(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    if step == "replace":
        replace = Path.replace

        def fail_in_place(self: Path, target: Path) -> Path:
            if Path(target) == directory and self.name == "bundle":
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", fail_in_place)
    else:
        monkeypatch.setattr(export, step, fail)
    with pytest.raises(KeyboardInterrupt):
        write(telling_model, directory)
    assert content(tmp_path) == before
    with pytest.raises(KeyboardInterrupt):
        write(telling_model, tmp_path / "bundle2" if step != "replace" else directory)
    assert content(tmp_path) == before


def test_what_is_no_bundle_is_not_replaced(telling_model: CaptioningModel, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "config.json").write_text("{}", encoding="utf-8")
    (photos / "dear.jpg").write_bytes(b"irreplaceable")
    (tmp_path / "file").write_bytes(b"irreplaceable")
    before = content(tmp_path)
    for directory in (photos, tmp_path / "file"):
        with pytest.raises(BundleError, match=directory.name) as caught:
            write(telling_model, directory)
        assert caught.value.kind == "in-the-way"
    assert content(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert Bundle.open(write(telling_model, tmp_path / "empty")).name == "tiny"
