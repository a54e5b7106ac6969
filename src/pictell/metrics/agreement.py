"""Whether scores order captions as people do: Kendall's tau with human judgements.

Kendall 1945, "The treatment of ties in ranking problems" (tau-b); Stuart 1953, "The estimation and comparison of
strengths of association in contingency tables" (tau-c, for variables of different numbers of values).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pictell.errors import PictellError
from pictell.metrics.ngrams import Floats, Integers


@dataclass(frozen=True)
class _Pairs:
    """Pairs of observations, counted: `tied` in the first variable, the second and both."""

    all: int
    concordant_less_discordant: int
    tied: tuple[int, int]


def kendall_tau_b(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two variables of N observations each, -1..1; NaN where one of them never varies.

    Raises `PictellError` (`"not-numbers"`) where they differ in length or hold NaN.
    """
    pairs = _count(*_checked(_ranks(first), _ranks(second)))
    varied = [pairs.all - tied for tied in pairs.tied]
    return pairs.concordant_less_discordant / math.sqrt(varied[0] * varied[1]) if all(varied) else math.nan


def kendall_tau_c(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's (Stuart's) tau-c, as `kendall_tau_b` otherwise; one that never varies gives NaN here too."""
    ranks = _checked(_ranks(first), _ranks(second))
    if not ranks[0].size:
        return math.nan
    classes = min(int(own.max()) + 1 for own in ranks)
    if classes < 2:
        return math.nan
    return 2 * _count(*ranks).concordant_less_discordant / (len(ranks[0]) ** 2 * (classes - 1) / classes)


def _ranks(values: ArrayLike) -> Integers:
    """The place of each value among the distinct ones, from 0."""
    array: Floats = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or np.isnan(array).any():
        raise PictellError("not-numbers", "agreement needs one number for each observation, and no NaN")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _checked(first: Integers, second: Integers) -> tuple[Integers, Integers]:
    if first.size != second.size:
        raise PictellError("not-numbers", f"agreement of {first.size} with {second.size} observations: give as many")
    return first, second


def _count(first: Integers, second: Integers) -> _Pairs:
    size = len(first)
    every = size * (size - 1) // 2
    tied = _tied(first), _tied(second)
    both = _tied(first * (int(second.max(initial=0)) + 1) + second)
    # Ties of the first variable are sorted by the second, so that no pair of them is an inversion.
    discordant = _inversions(second[np.lexsort((second, first))])
    concordant = every - tied[0] - tied[1] + both - discordant
    return _Pairs(every, concordant - discordant, tied)


def _tied(ranks: Integers) -> int:
    counts = np.unique(ranks, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _inversions(ranks: Integers) -> int:
    """How many pairs stand with the greater rank before the smaller one; ranks are at least 0.

    Of two ranks the greater has a 1 in the highest bit in which they differ, where the smaller has a 0; the bits above
    are the same. So for each bit, among ranks that share the bits above, count the 1s before each 0.
    """
    total = 0
    for bit in range(int(ranks.max(initial=0)).bit_length()):
        above = ranks >> (bit + 1)
        order = np.argsort(above, kind="stable")  # (N,), those that share the bits above side by side
        group = above[order]
        ones = ranks[order] >> bit & 1
        before = np.cumsum(ones) - ones  # (N,), 1s before each
        start = np.searchsorted(group, group)  # (N,), where its group begins
        total += int((before - before[start])[ones == 0].sum())
    return total
