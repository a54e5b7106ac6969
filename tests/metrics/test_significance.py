from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from pictell.errors import PictellError
from pictell.metrics import significance
from pictell.metrics.significance import CorpusScore, compare, intervals, mean_score


def ratio(above: Any, below: Any) -> CorpusScore:
    """A corpus score that is no mean of the images' scores."""
    return CorpusScore(np.stack([above, below], axis=1).astype(np.float64), lambda sums: sums[:, 0] / sums[:, 1])


def test_an_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=900)
    score = mean_score(values)
    assert score.value() == pytest.approx(values.mean())
    for level, deviations in ((0.95, 1.96), (0.68, 0.994)):
        low, high = intervals({"x": score}, resamples=2000, level=level)["x"]
        error = values.std() / np.sqrt(len(values))
        assert low == pytest.approx(values.mean() - deviations * error, abs=0.15 * error)
        assert high == pytest.approx(values.mean() + deviations * error, abs=0.15 * error)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        low, high = intervals({"x": mean_score(random.exponential(1, size=80))}, resamples=200, level=0.9)["x"]
        held += low <= 1 <= high
    assert 0.82 <= held / 200 <= 0.96


def test_scores_that_are_no_means() -> None:
    random = np.random.default_rng(2)
    below = random.integers(1, 20, size=300)
    above = random.binomial(below, 0.4)
    low, high = intervals({"x": ratio(above, below)})["x"]
    assert low < above.sum() / below.sum() < high
    assert high - low < 0.1


def test_the_same_images_are_drawn_for_all_scores_and_the_same_by_the_same_seed() -> None:
    values = np.random.default_rng(3).normal(size=50)
    found = intervals({"x": mean_score(values), "y": mean_score(10 * values)}, resamples=100)
    assert found["y"] == pytest.approx([10 * end for end in found["x"]])
    assert intervals({"x": mean_score(values)}, resamples=100)["x"] == found["x"]
    assert intervals({"x": mean_score(values)}, resamples=100, seed=1)["x"] != found["x"]


def test_what_is_held_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    one, other = {"x": mean_score(random.normal(size=33))}, {"x": mean_score(random.normal(size=33))}
    whole, compared = intervals(one), compare(one, other)["x"]
    monkeypatch.setattr(significance, "_AT_ONCE", 100)
    assert intervals(one)["x"] == pytest.approx(whole["x"])
    again = compare(one, other)["x"]
    assert again.interval == pytest.approx(compared.interval)
    assert (again.bootstrap, again.randomisation) == (compared.bootstrap, compared.randomisation)


def test_a_system_against_itself() -> None:
    score = {"x": mean_score(np.random.default_rng(5).normal(size=40))}
    found = compare(score, score, resamples=50)["x"]
    assert (found.difference, found.interval, found.bootstrap, found.randomisation) == (0, (0, 0), 1, 1)


def test_a_system_that_is_better_everywhere() -> None:
    values = np.random.default_rng(6).normal(size=60)
    found = compare({"x": mean_score(values + 1)}, {"x": mean_score(values)}, resamples=99)["x"]
    assert found.difference == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))
    assert found.bootstrap == found.randomisation == 1 / 100


def test_turned_around_it_is_the_same() -> None:
    random = np.random.default_rng(7)
    one, other = {"x": mean_score(random.normal(0.3, 1, 50))}, {"x": mean_score(random.normal(size=50))}
    there, back = compare(one, other)["x"], compare(other, one)["x"]
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert (back.bootstrap, back.randomisation) == pytest.approx((there.bootstrap, there.randomisation))


@pytest.mark.parametrize("kind", ["mean", "ratio"])
def test_randomisation_comes_near_all_ways_to_swap(kind: str) -> None:
    random = np.random.default_rng(8)
    one, other = random.integers(1, 9, size=(2, 10)), random.integers(2, 11, size=(2, 10))
    scores = [mean_score(own[0]) if kind == "mean" else ratio(own[0], own[0] + own[1]) for own in (one, other)]

    def difference(own: np.ndarray, others: np.ndarray) -> float:
        if kind == "mean":
            return float(own[0].mean() - others[0].mean())
        return float(own[0].sum() / own.sum() - others[0].sum() / others.sum())

    observed = difference(one, other)
    swaps = [np.array(swap) for swap in product([False, True], repeat=10)]
    as_large = [
        abs(difference(np.where(swap, other, one), np.where(swap, one, other))) >= abs(observed) - 1e-9
        for swap in swaps
    ]
    found = compare({"x": scores[0]}, {"x": scores[1]}, resamples=4000)["x"]
    assert found.difference == pytest.approx(observed)
    assert found.randomisation == pytest.approx(np.mean(as_large), abs=0.03)


def test_equal_systems_are_called_different_as_often_as_they_should() -> None:
    random = np.random.default_rng(9)
    called = np.zeros(2)
    for _ in range(300):
        one, other = random.normal(size=(2, 40))
        found = compare({"x": mean_score(one)}, {"x": mean_score(other)}, resamples=100)["x"]
        called += [found.bootstrap <= 0.1, found.randomisation <= 0.1]
    assert np.all((called / 300 > 0.05) & (called / 300 < 0.16)), called


@pytest.mark.parametrize("images", [(3, 4), (0, 0)])
def test_scores_of_other_images_are_refused(images: tuple[int, int]) -> None:
    one, other = ({"x": mean_score(np.ones(number))} for number in images)
    with pytest.raises(PictellError, match="same images"):
        compare(one, other)


def test_no_resamples_are_refused() -> None:
    with pytest.raises(PictellError, match="at least 1"):
        intervals({"x": mean_score([1, 2])}, resamples=0)
