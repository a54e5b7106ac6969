from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics.agreement import kendall_tau_b, kendall_tau_c

numbers = st.integers(0, 5) | st.floats(-1e3, 1e3)
observations = st.lists(st.tuples(numbers, numbers), max_size=30)


def by_hand(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Tau-b and tau-c by looking at every pair."""
    n = len(first)
    signs = [(np.sign(first[i] - first[j]), np.sign(second[i] - second[j])) for i in range(n) for j in range(i)]
    balance = sum(a * b for a, b in signs)
    varied = sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
    classes = min(len(set(first)), len(set(second)))
    if not varied:
        return math.nan, math.nan
    return float(balance / math.sqrt(varied)), float(2 * balance / (n * n * (classes - 1) / classes))


@given(observations)
def test_every_pair_counts(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    tau_b, tau_c = by_hand(first, second)
    assert kendall_tau_b(first, second) == pytest.approx(tau_b, abs=1e-12, nan_ok=True)
    assert kendall_tau_c(first, second) == pytest.approx(tau_c, abs=1e-12, nan_ok=True)
    assert kendall_tau_b(second, first) == pytest.approx(tau_b, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("size", "values"), [(1000, 1000), (3000, 4), (20_000, 10**9)])
def test_it_is_what_scipy_computes(size: int, values: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(size)
    first = random.integers(values, size=size)
    second = np.round(first / values + random.normal(size=size), 2)
    assert kendall_tau_b(first, second) == pytest.approx(stats.kendalltau(first, second).statistic, abs=1e-12)
    expected = stats.kendalltau(first, second, variant="c").statistic
    assert kendall_tau_c(first, second) == pytest.approx(expected, abs=1e-12)


def test_the_ends_of_the_scale() -> None:
    assert kendall_tau_b([1, 2, 3], [10, 20, 30]) == kendall_tau_c([1, 2, 3], [10, 20, 30]) == 1
    assert kendall_tau_b([1, 2, 3], [3, 2, 1]) == kendall_tau_c([1, 2, 3], [3, 2, 1]) == -1
    for tau in (kendall_tau_b, kendall_tau_c):
        assert math.isnan(tau([1, 1], [1, 2]))
        assert math.isnan(tau([], []))


@pytest.mark.parametrize("tau", [kendall_tau_b, kendall_tau_c])
def test_what_is_no_number_is_refused(tau: object) -> None:
    assert callable(tau)
    for first, second in (([1.0, math.nan], [1, 2]), ([1], [1, 2])):
        with pytest.raises(PictellError) as raised:
            tau(first, second)
        assert raised.value.kind == "not-numbers"
