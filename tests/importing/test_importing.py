"""Imported checkpoints say what the published equations say of their own tensors, in PyTorch and exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml
from checkpoints import CHANNELS, COUNTS, HEADS, KINDS, WORDS, Array, Arrays, tensors_of, write_checkpoint
from numpy.typing import NDArray

from pictell.bundle import Bundle
from pictell.decoding import beam_search
from pictell.engines import Engine
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.importing import import_checkpoint
from pictell.models import build_model
from pictell.training.checkpoint import load_checkpoint
from pictell.training.start import settings_to_go_on_from

PHOTOS, STEPS = 4, 6


@pytest.fixture(params=list(KINDS), scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp(kind)
    path, words = write_checkpoint(folder, kind)
    to = folder / "bundle"
    return import_checkpoint(path, words, "pictell-default", to, name="theirs", size=64, heads=HEADS).bundle


@pytest.fixture(scope="module")
def grids(bundle: Bundle) -> Array:
    """What the encoder gives the decoder, `(P, R, D)`."""
    session = onnxruntime.InferenceSession(bundle.directory / "encoder.onnx")
    found: Array = session.run(["grid"], {"pixels": pictures()})[0].astype(np.float64)
    assert found.shape == (PHOTOS, 4, CHANNELS)
    return found


@pytest.fixture(scope="module")
def arrays(kind: str) -> Arrays:
    """The checkpoint's tensors as its file has them."""
    return {name: array.astype(np.float32).astype(np.float64) for name, array in tensors_of(kind).items()}


def pictures() -> NDArray[np.uint8]:
    """Random colours in large squares, so that the photos differ much."""
    colours = np.random.default_rng(3).integers(0, 256, (PHOTOS, 4, 4, 3))
    return np.kron(colours, np.ones((1, 16, 16, 1))).astype(np.uint8)


def rows_of(kind: str) -> list[int | None]:
    """The checkpoint's own row of each token of the bundle, as said; padding and the start have none."""
    if kind == "im2txt":
        plain = [row for row, word in enumerate(COUNTS) if word not in ("<S>", "</S>")]
        return [None, None, COUNTS.index("</S>"), len(COUNTS), *plain]
    unknown = WORDS.index("UNK") + 1
    return [None, None, 0, unknown, *(row for row in range(1, len(WORDS) + 1) if row != unknown)]


def start_of(kind: str) -> int:
    return COUNTS.index("<S>") if kind == "im2txt" else 0


def log_probs_of(kind: str, arrays: Arrays, grid: Array, read: Sequence[int]) -> Array:
    """Of the rows that can be said: TensorFlow's start row has a share, which pictell's words are without."""
    found = KINDS[kind].log_probs(arrays, grid, read).copy()
    if kind == "im2txt":
        found[start_of(kind)] = -np.inf
        found -= np.log(np.exp(found).sum())
    return found


def test_its_words_are_those_of_the_checkpoint(kind: str, bundle: Bundle) -> None:
    theirs = (*COUNTS, "UNK") if kind == "im2txt" else (None, *WORDS)
    for token, row in list(zip(bundle.vocabulary.tokens, rows_of(kind), strict=True))[4:]:
        assert row is not None
        assert token == theirs[row]


def test_it_says_what_the_equations_say(kind: str, bundle: Bundle, grids: Array, arrays: Arrays) -> None:
    rows = rows_of(kind)
    sayable = [token for token, row in enumerate(rows) if row is not None]
    theirs = [row for row in rows if row is not None]
    said = np.random.default_rng(1).integers(4, len(rows), (PHOTOS, STEPS))
    engine = OnnxEngine(bundle)
    state, tokens, expected = engine.start(engine.encode(pictures())), np.full(PHOTOS, 1), []
    for step in range(STEPS + 1):
        found, state, _ = engine.step(tokens, state)
        read = [[start_of(kind), *(rows[token] or 0 for token in words[:step])] for words in said]
        expected.append([log_probs_of(kind, arrays, grid, each) for grid, each in zip(grids, read, strict=True)])
        np.testing.assert_allclose(found[:, sayable], np.array(expected[-1])[:, theirs], atol=2e-4)
        assert (found[:, :2] < -29).all()
        if step < STEPS:
            tokens = said[:, step]
    probabilities = np.exp(np.array(expected))
    assert np.ptp(probabilities[0], axis=0).max() > 0.01, "photos are told apart"
    assert np.ptp(probabilities, axis=0).max() > 0.1, "words are told apart"


def test_greedy_captions_are_the_equations(kind: str, bundle: Bundle, grids: Array, arrays: Arrays) -> None:
    rows, expected = rows_of(kind), []
    end, unknown = rows[2], rows[3]
    for grid in grids:
        read = [start_of(kind)]
        while len(read) <= 20:
            log_probs = log_probs_of(kind, arrays, grid, read)
            log_probs[unknown] = -np.inf  # no search of pictell's says an unknown word
            if len(read) == 1:
                log_probs[end] = -np.inf  # or nothing
            if log_probs.argmax() == end:
                break
            read.append(int(log_probs.argmax()))
        expected.append([rows.index(row) for row in read[1:]])
    options = replace(bundle.generation, beam=1)
    engine = OnnxEngine(bundle)
    found = beam_search(engine, engine.encode(pictures()), options)
    assert [bundle.vocabulary.to_words(best[0].tokens) for best in found] == [
        bundle.vocabulary.to_words(words) for words in expected
    ]
    assert any(expected)


def test_training_can_go_on_from_it(bundle: Bundle) -> None:
    """The weights in half precision make the same network again, and the settings survive a recipe."""
    key, _, value = settings_to_go_on_from(str(bundle.directory))[1].partition("=")
    assert key == "model.decoder"
    settings = yaml.safe_load(value)
    build_model({**bundle.architecture, "decoder": settings}, len(bundle.vocabulary))
    weights, _ = load_checkpoint(bundle.directory / "model.safetensors")
    model = build_model(bundle.architecture, len(bundle.vocabulary))
    model.load_state_dict(weights)
    engines: tuple[Engine[Any, Any], ...] = (OnnxEngine(bundle), TorchEngine(model.eval()))
    found = []
    for engine in engines:
        log_probs, state, _ = engine.step(np.full(PHOTOS, 1), engine.start(engine.encode(pictures())))
        found.append(np.exp([log_probs, engine.step(np.full(PHOTOS, 5), state)[0]]))
    np.testing.assert_allclose(*found, atol=0.03)
    assert np.ptp(found[0], axis=(0, 1)).max() > 0.1
