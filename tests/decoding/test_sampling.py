"""What samples are drawn from, and that they follow it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import Toy

from pictell.decoding import Sampling, SearchOptions, greedy, sample
from pictell.decoding.sampling import distribution
from pictell.errors import PictellError


@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 12),
    temperature=st.sampled_from([0.25, 1.0, 3.0]),
    top_k=st.none() | st.integers(1, 14),
    top_p=st.none() | st.floats(0.01, 1.0),
)
def test_the_distribution_is_the_published_one(
    seed: int, width: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = np.random.default_rng(seed).normal(size=width) * 2
    [got] = distribution(logits[None].astype(np.float32), Sampling(temperature, top_k, top_p))
    probs = np.exp(logits.astype(np.float32).astype(float) / temperature)
    order = sorted(range(width), key=lambda token: -probs[token])[:top_k]
    weights = np.array([probs[token] for token in order]) / sum(probs[token] for token in order)
    nucleus = 1 if top_p is not None else width
    while top_p is not None and nucleus < len(order) and weights[:nucleus].sum() < top_p - 1e-12:
        nucleus += 1
    wanted = np.zeros(width)
    wanted[order[:nucleus]] = [probs[token] for token in order[:nucleus]]
    assert got.sum() == pytest.approx(1.0)
    # Where the sum reaches top_p to the last digits, either side may have the next word: so little is it worth.
    np.testing.assert_allclose(got, wanted / wanted.sum(), rtol=1e-9, atol=1e-11)
    assert np.count_nonzero(got > 1e-11) == np.count_nonzero(wanted / wanted.sum() > 1e-11)


def test_words_come_as_often_as_the_model_says() -> None:
    toy = Toy(9, sharpness=1.0)
    options = SearchOptions(num=4000, max_words=1, min_words=1, sampling=Sampling(seed=1))
    [found] = sample(toy, [3], options)
    firsts = np.bincount([h.tokens[0] for h in found], minlength=9) / len(found)
    table = np.exp(toy.table(3, 2).astype(float))
    table[:4] = 0  # not words, and too early to end
    np.testing.assert_allclose(firsts, table / table.sum(), atol=0.03)


def test_seed_and_photo_decide() -> None:
    toy = Toy(30, sharpness=0.5)

    def drawn(seed: int, photos: list[int]) -> list[tuple[int, ...]]:
        options = SearchOptions(max_words=8, min_words=4, sampling=Sampling(seed=seed))
        return [h.tokens for found in sample(toy, [1, 1], options, photos) for h in found]

    assert drawn(0, [5, 6]) == drawn(0, [5, 6])
    assert drawn(0, [5, 6]) == drawn(0, [6, 5])[::-1]
    assert len({*drawn(0, [5, 6]), *drawn(1, [5, 6])}) == 4


def test_the_most_probable_alone_is_greedy() -> None:
    toy = Toy(12)
    seeds = list(range(10))
    searched = [found[0].tokens for found in greedy(toy, seeds, SearchOptions(max_words=6))]
    for sampling in (Sampling(top_k=1), Sampling(top_p=1e-9), Sampling(temperature=1e-3), Sampling(temperature=1e-308)):
        found = sample(toy, seeds, SearchOptions(max_words=6, sampling=sampling))
        assert [each[0].tokens for each in found] == searched


def test_nothing_is_drawn_where_nothing_can_be_said() -> None:
    options = SearchOptions(max_words=1, not_last=(4,), sampling=Sampling())
    assert sample(Toy(5), [0, 1], options) == [[], []]
    assert sample(Toy(5), [], options) == []


def test_a_model_that_overflows_is_named_so() -> None:
    class Broken(Toy):
        def table(self, photo: int, hidden: int) -> np.ndarray:
            return np.full(self.vocabulary_size, np.nan, dtype=np.float32)

    with pytest.raises(PictellError, match="no number"):
        sample(Broken(8), [0], SearchOptions(sampling=Sampling()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"seed": -1},
    ],
)
def test_sampling_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Sampling(**wrong)  # type: ignore[arg-type]  # wrong on purpose
