"""Teacher forcing: what a search says of its own sequences, and what the model says of any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pictell.bundle import Bundle
from pictell.decoding import SearchOptions, beam_search, forced_log_probs
from pictell.engines.onnx import OnnxEngine


@pytest.fixture(scope="module")
def engine(tiny_bundle: Path) -> OnnxEngine:
    return OnnxEngine(Bundle.open(tiny_bundle))


def pixels(photos: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (photos, 32, 32, 3), dtype=np.uint8)


def test_sequences_of_a_search_have_the_log_probabilities_of_the_search(engine: OnnxEngine) -> None:
    """Several sequences of each photo, of different lengths and not equally many."""
    memory = engine.encode(pixels(3))
    found = beam_search(engine, memory, SearchOptions(beam=4, num=4, max_words=8))
    kept = [own[: 1 + place] for place, own in enumerate(found)]
    hypotheses = [hypothesis for own in kept for hypothesis in own]
    owners = [place for place, own in enumerate(kept) for _ in own]
    log_probs = forced_log_probs(engine, memory, [hypothesis.tokens for hypothesis in hypotheses], owners)
    assert len({len(own) for own in log_probs}) > 1
    for hypothesis, own in zip(hypotheses, log_probs, strict=True):
        np.testing.assert_allclose(own, hypothesis.word_log_probs, atol=1e-5)


def test_a_photo_may_have_no_sequence(engine: OnnxEngine) -> None:
    memory = engine.encode(pixels(3))
    [own] = forced_log_probs(engine, memory, [(5, 9, 4)], [2])
    [alone] = forced_log_probs(engine, engine.encode(pixels(3)[2:]), [(5, 9, 4)], [0])
    np.testing.assert_allclose(own, alone, atol=1e-5)
    [other] = forced_log_probs(engine, memory, [(5, 9, 4)], [0])
    assert np.abs(own - other).max() > 1e-3
    assert forced_log_probs(engine, memory, [], []) == []
    assert forced_log_probs(engine, memory, [()], [1])[0].shape == (1,)
