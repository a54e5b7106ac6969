"""The onnxruntime engine on a tiny bundle: one and many photos, and rows in any order."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pictell.bundle import Bundle, seal
from pictell.decoding import SearchOptions, beam_search
from pictell.engines import Engine
from pictell.engines.onnx import Memory, OnnxEngine, State
from pictell.errors import BundleError, PictellError

Noise = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="module")
def engine(tiny_bundle: Path) -> OnnxEngine:
    return OnnxEngine(Bundle.open(tiny_bundle), threads=1)


def test_gives_the_contract(engine: OnnxEngine, noise: Noise) -> None:
    contract: Engine[Memory, State] = engine
    memory = contract.encode(noise(3))
    assert contract.count(memory) == 3
    features = contract.features(memory)
    assert features.shape[0] == 3
    assert len(np.unique(features, axis=0)) == 3
    np.testing.assert_allclose(contract.features(contract.encode(noise(3)[1:2])), features[1:2], rtol=1e-5)
    log_probs, state, attention = contract.step(np.ones(3, dtype=np.int64), contract.start(memory))
    assert log_probs.shape == (3, contract.vocabulary_size)
    assert log_probs.dtype == np.float32
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, rtol=1e-5)
    assert attention is not None
    assert attention.shape == (3, 16)
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)
    assert len(state.photos) == 3


@settings(max_examples=60)
@given(data=st.data())
def test_any_rows_step_as_they_would_alone(engine: OnnxEngine, noise: Noise, data: st.DataObject) -> None:
    """Rows repeated, reordered and left out, twice, against each row's own history run by itself."""
    photos = noise(4)
    state = engine.start(engine.encode(photos))
    owners = np.arange(4)
    histories: list[list[int]] = [[] for _ in owners]
    log_probs = np.zeros((4, 34), dtype=np.float32)
    for _ in range(3):
        regular = data.draw(st.booleans())
        if regular:
            kept = data.draw(st.lists(st.sampled_from(sorted(set(owners.tolist()))), min_size=1, unique=True))
            times = data.draw(st.integers(1, 3))
            rows = np.concatenate([np.resize(np.flatnonzero(owners == photo), times) for photo in kept])
        else:
            rows = np.array(data.draw(st.lists(st.integers(0, len(owners) - 1), min_size=1, max_size=8)))
        state = engine.select(state, rows)
        owners, histories = owners[rows], [[*histories[row]] for row in rows]
        tokens = np.array(data.draw(st.lists(st.integers(0, 33), min_size=len(rows), max_size=len(rows))))
        log_probs, state, _ = engine.step(tokens, state)
        for history, token in zip(histories, tokens.tolist(), strict=True):
            history.append(token)
    for row, (owner, history) in enumerate(zip(owners, histories, strict=True)):
        alone = engine.start(engine.encode(photos[owner : owner + 1]))
        for token in history:
            expected, alone, _ = engine.step(np.array([token]), alone)
        np.testing.assert_allclose(log_probs[row], expected[0], atol=1e-4)


def test_memory_is_shared_while_rows_are_regular(engine: OnnxEngine, noise: Noise) -> None:
    state = engine.start(engine.encode(noise(3)))
    keys = state.constants["memory.keys"]
    tripled = engine.select(state, np.repeat(np.arange(3), 3))
    assert tripled.constants["memory.keys"] is keys
    shuffled = engine.select(tripled, np.array([1, 1, 0, 3, 5, 4, 8, 8, 8]))
    assert shuffled.constants["memory.keys"] is keys
    fewer = engine.select(shuffled, np.array([0, 1, 2, 6, 7, 8]))
    np.testing.assert_array_equal(fewer.constants["memory.keys"], keys[[0, 2]])
    irregular = engine.select(fewer, np.array([0, 1, 3]))
    np.testing.assert_array_equal(irregular.constants["memory.keys"], keys[[0, 0, 2]])


@pytest.mark.parametrize("num", [1, 4])
def test_photos_together_give_the_tokens_they_give_alone(engine: OnnxEngine, noise: Noise, num: int) -> None:
    photos = noise(23, seed=1)
    options = SearchOptions(beam=3, num=num, max_words=12, attention=True)
    alone = [beam_search(engine, engine.encode(photo[None]), options)[0] for photo in photos]
    assert len({found[0].tokens for found in alone}) > 10, "the tiny model tells the photos apart"
    for size in (2, 7, 23):
        together = [
            found
            for begin in range(0, len(photos), size)
            for found in beam_search(engine, engine.encode(photos[begin : begin + size]), options)
        ]
        assert [[h.tokens for h in found] for found in together] == [[h.tokens for h in found] for found in alone]
        for found, wanted in zip(together, alone, strict=True):
            np.testing.assert_allclose([h.log_prob for h in found], [h.log_prob for h in wanted], rtol=1e-4)
            assert found[0].attention is not None
            assert wanted[0].attention is not None
            np.testing.assert_allclose(found[0].attention, wanted[0].attention, atol=1e-4)


def test_threads_change_no_token(tiny_bundle: Path, engine: OnnxEngine, noise: Noise) -> None:
    other = OnnxEngine(Bundle.open(tiny_bundle), threads=2)
    photos = noise(5, seed=2)
    one, two = (beam_search(e, e.encode(photos), SearchOptions(max_words=12)) for e in (engine, other))
    assert [[h.tokens for h in found] for found in one] == [[h.tokens for h in found] for found in two]
    with pytest.raises(PictellError, match="at least 1"):
        OnnxEngine(Bundle.open(tiny_bundle), threads=0)


def test_a_graph_that_cannot_run_is_named(tiny_bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_bundle, copy)
    (copy / "step.onnx").write_bytes(b"not a graph")
    bundle = seal(copy, name="copy", version=1, architecture={}, terms="")
    with pytest.raises(BundleError, match=r"step\.onnx") as caught:
        OnnxEngine(bundle)
    assert caught.value.kind == "broken-model"
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_graphs_that_do_not_fit_are_named(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_bundle, copy)
    shutil.copy(copy / "encoder.onnx", copy / "step.onnx")
    bundle = seal(copy, name="copy", version=1, architecture={}, terms="")
    with pytest.raises(BundleError, match=r"step\.onnx does not give log_probs"):
        OnnxEngine(bundle)
