"""Whether confidences mean what they say, and what withholding the least sure captions gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Captions whose confidence lies in one of the equal parts of 0..1: how many, their mean, the share acceptable."""

    count: int
    confidence: float
    acceptable: float


def reliability(confidences: ArrayLike, outcomes: ArrayLike, bins: int = BINS) -> list[Bin]:
    """The bins that hold a caption, lowest first; `confidences` and `outcomes` (whether acceptable) are (N,)."""
    given, happened = _floats(confidences), _floats(outcomes)
    place = np.minimum((given * bins).astype(np.int64), bins - 1)  # (N,)
    return [
        Bin(int(own.sum()), float(given[own].mean()), float(happened[own].mean()))
        for own in (place == number for number in range(bins))
        if own.any()
    ]


def expected_calibration_error(confidences: ArrayLike, outcomes: ArrayLike, bins: int = BINS) -> float:
    """The mean over captions, 0..1, of the gap in their bin (Naeini et al. 2015; equal widths, as Guo et al. 2017)."""
    found = reliability(confidences, outcomes, bins)
    return sum(own.count * abs(own.confidence - own.acceptable) for own in found) / sum(own.count for own in found)


def auroc(scores: ArrayLike, outcomes: ArrayLike) -> float:
    """The chance, 0..1, that an acceptable caption scores higher than one that is not; ties count half.

    NaN where all are alike acceptable or not.
    """
    values, good = _floats(scores), _floats(outcomes).astype(bool)
    pairs = int(good.sum()) * int((~good).sum())
    if pairs == 0:
        return float("nan")
    bad = np.sort(values[~good])
    below = np.searchsorted(bad, values[good], "left") + np.searchsorted(bad, values[good], "right")
    return float(below.sum() / 2 / pairs)


def mean_when_withholding(scores: ArrayLike, values: ArrayLike) -> Floats:
    """The mean of `values` over the captions kept when the 0, 1 .. N - 1 with the lowest scores are withheld, (N,)."""
    surest_first = _floats(values)[np.argsort(-_floats(scores), kind="stable")]
    means: Floats = np.cumsum(surest_first) / np.arange(1, len(surest_first) + 1)
    return means[::-1]


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
