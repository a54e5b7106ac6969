"""An ensemble is the mean of its models, and one model where all are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pictell.bundle import Bundle
from pictell.decoding import SearchOptions, beam_search
from pictell.engines import Engine
from pictell.engines.ensemble import EnsembleEngine, Parts
from pictell.engines.onnx import OnnxEngine


@pytest.fixture(scope="module")
def engines(tiny_bundle: Path, other_tiny_bundle: Path) -> list[OnnxEngine]:
    return [OnnxEngine(Bundle.open(path)) for path in (tiny_bundle, other_tiny_bundle)]


def pictures(count: int) -> NDArray[np.uint8]:
    colours = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3))
    return np.kron(colours, np.ones((1, 8, 8, 1))).astype(np.uint8)


def test_gives_the_mean_of_probabilities_and_of_attention(engines: list[OnnxEngine]) -> None:
    contract: Engine[Parts, Parts] = EnsembleEngine(engines)
    photos = pictures(3)
    memory = contract.encode(photos)
    assert contract.count(memory) == 3
    each = [engine.features(engine.encode(photos)) for engine in engines]
    np.testing.assert_array_equal(contract.features(memory), np.hstack(each))
    assert contract.vocabulary_size == 34
    state = contract.start(memory)
    parts = [engine.start(engine.encode(photos)) for engine in engines]
    for tokens in (np.array([1, 1, 1]), np.array([4, 9, 5])):
        log_probs, state, attention = contract.step(tokens, state)
        results = [engine.step(tokens, part) for engine, part in zip(engines, parts, strict=True)]
        assert log_probs.dtype == np.float32
        np.testing.assert_allclose(np.exp(log_probs), np.mean([np.exp(r[0]) for r in results], axis=0), rtol=1e-4)
        assert attention is not None
        np.testing.assert_allclose(attention, np.mean([r[2] for r in results], axis=0), rtol=1e-5)
        state = contract.select(state, np.array([2, 0, 1]))
        parts = [engine.select(r[1], np.array([2, 0, 1])) for engine, r in zip(engines, results, strict=True)]


def test_many_photos_at_once_give_what_each_gives_alone(engines: list[OnnxEngine]) -> None:
    ensemble, photos = EnsembleEngine(engines), pictures(7)
    options = SearchOptions(beam=3, num=2, max_words=9, required=(((7,), (8,)),))
    together = beam_search(ensemble, ensemble.encode(photos), options)
    alone = [beam_search(ensemble, ensemble.encode(photo[None]), options)[0] for photo in photos]
    assert [[h.tokens for h in found] for found in together] == [[h.tokens for h in found] for found in alone]
    for engine in engines:
        assert [found[0].tokens for found in together] != [
            found[0].tokens for found in beam_search(engine, engine.encode(photos), options)
        ]


def test_a_model_with_itself_says_what_it_says(engines: list[OnnxEngine]) -> None:
    one, twice, photos = engines[0], EnsembleEngine([engines[0]] * 2), pictures(5)
    options = SearchOptions(beam=3, max_words=9)
    assert [found[0].tokens for found in beam_search(twice, twice.encode(photos), options)] == [
        found[0].tokens for found in beam_search(one, one.encode(photos), options)
    ]


def test_engines_of_other_vocabularies_are_refused(engines: list[OnnxEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines[1], "_vocabulary_size", 33)
    with pytest.raises(ValueError, match="one vocabulary"):
        EnsembleEngine(engines)
    with pytest.raises(ValueError, match="one vocabulary"):
        EnsembleEngine([])
