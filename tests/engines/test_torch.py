"""The PyTorch engine: the contract that every engine gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pictell.decoding import SearchOptions, beam_search
from pictell.engines import Engine
from pictell.engines.torch import TorchEngine, TorchState
from pictell.models import CaptioningModel

WORDS = 30


@pytest.fixture(scope="module")
def engine(telling_model: CaptioningModel) -> Iterator[TorchEngine]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield TorchEngine(telling_model)
    torch.set_num_threads(threads)


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random colours in large squares, so that the photos differ much."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3))
    return np.kron(colours, np.ones((1, 16, 16, 1))).astype(np.uint8)


def test_gives_the_contract(engine: TorchEngine) -> None:
    contract: Engine[torch.Tensor, TorchState] = engine
    memory = contract.encode(pictures(3))
    assert contract.count(memory) == 3
    np.testing.assert_allclose(contract.features(memory), memory.numpy().mean(axis=1), rtol=1e-5, atol=1e-6)
    assert contract.vocabulary_size == WORDS
    log_probs, _, attention = contract.step(np.ones(3, dtype=np.int64), contract.start(memory))
    assert log_probs.shape == (3, WORDS)
    assert log_probs.dtype == np.float32
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, rtol=1e-5)
    assert attention is not None
    assert attention.shape == (3, 4)
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)


def test_the_caller_may_overwrite_log_probabilities(engine: TorchEngine) -> None:
    state = engine.start(engine.encode(pictures(2)))
    first, after, _ = engine.step(np.ones(2, dtype=np.int64), state)
    kept, following = first.copy(), engine.step(np.array([4, 5]), after)[0].copy()
    first[:] = 0
    np.testing.assert_array_equal(engine.step(np.ones(2, dtype=np.int64), state)[0], kept)
    np.testing.assert_array_equal(engine.step(np.array([4, 5]), after)[0], following)


@settings(max_examples=30)
@given(data=st.data())
def test_any_rows_step_as_they_would_alone(engine: TorchEngine, data: st.DataObject) -> None:
    """Rows repeated, reordered and left out, against each row's own history run by itself."""
    memory = engine.encode(pictures(3))
    state = engine.start(memory)
    owners = np.arange(3)
    histories: list[list[int]] = [[] for _ in owners]
    log_probs = np.zeros((3, WORDS), dtype=np.float32)
    for _ in range(3):
        rows = np.array(data.draw(st.lists(st.integers(0, len(owners) - 1), min_size=1, max_size=6)))
        state = engine.select(state, rows)
        owners, histories = owners[rows], [[*histories[row]] for row in rows]
        tokens = np.array(data.draw(st.lists(st.integers(0, WORDS - 1), min_size=len(rows), max_size=len(rows))))
        log_probs, state, _ = engine.step(tokens, state)
        for history, token in zip(histories, tokens.tolist(), strict=True):
            history.append(token)
    for row, (owner, history) in enumerate(zip(owners, histories, strict=True)):
        alone = engine.start(memory[owner : owner + 1])
        for token in history:
            expected, alone, _ = engine.step(np.array([token]), alone)
        np.testing.assert_allclose(log_probs[row], expected[0], atol=1e-4)


@pytest.mark.parametrize("num", [1, 4])
def test_photos_together_give_the_tokens_they_give_alone(engine: TorchEngine, num: int) -> None:
    photos = pictures(13, seed=1)
    options = SearchOptions(beam=3, num=num, max_words=10)
    alone = [beam_search(engine, engine.encode(photo[None]), options)[0] for photo in photos]
    assert len({found[0].tokens for found in alone}) > 5, "the tiny model tells the photos apart"
    for size in (4, 13):
        together = [
            found
            for begin in range(0, len(photos), size)
            for found in beam_search(engine, engine.encode(photos[begin : begin + size]), options)
        ]
        assert [[h.tokens for h in found] for found in together] == [[h.tokens for h in found] for found in alone]
        for found, wanted in zip(together, alone, strict=True):
            np.testing.assert_allclose([h.log_prob for h in found], [h.log_prob for h in wanted], rtol=1e-4)
