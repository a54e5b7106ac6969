"""METEOR's statistics of one pair, and the score of such statistics.

Denkowski and Lavie 2014 ("Meteor Universal", section 2), with the parameters tuned for English (Denkowski and Lavie 2011,
"Meteor 1.3", table 3, as the program's own output states them).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = (1.0, 0.6, 0.8, 0.6)
"""Of the matchers: exact, stem, synonym, paraphrase."""


class Statistics(NamedTuple):
    """What a pair or, summed, a corpus is scored by. The candidate's numbers come first in each pair of fields."""

    length: float = 0
    reference_length: float = 0
    function_words: float = 0
    reference_function_words: float = 0
    weighed: float = 0
    """Matched words, each with the weight of its matcher and of its kind: `DELTA` for a content word, else 1 - `DELTA`."""
    reference_weighed: float = 0
    matched: float = 0
    reference_matched: float = 0
    chunks: float = 0
    """Runs of matches; 0 for one that is the whole of both sentences, which is thus not penalised, in a corpus either."""


def from_statistics(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores (B,), from 0 to 1, of statistics (B, 9) whose columns are the fields of `Statistics`.

    A row may be one pair's or the sum of many, as a corpus (or a resample of one) has it.
    """
    length, reference_length, function, reference_function, weighed, reference_weighed, matched, other, chunks = sums.T
    precision = _shares(weighed, length, function)  # (B,)
    recall = _shares(reference_weighed, reference_length, reference_function)  # (B,)
    some = (precision > 0) & (recall > 0)
    mean = np.zeros_like(precision)
    np.divide(precision * recall, ALPHA * precision + (1 - ALPHA) * recall, out=mean, where=some)
    fragmentation = np.zeros_like(precision)
    np.divide(2 * chunks, matched + other, out=fragmentation, where=some)
    scores: NDArray[np.float64] = mean * (1 - np.minimum(1.0, GAMMA * fragmentation**BETA))
    return scores


def _shares(
    weighed: NDArray[np.float64], length: NDArray[np.float64], function_words: NDArray[np.float64]
) -> NDArray[np.float64]:
    whole = DELTA * (length - function_words) + (1 - DELTA) * function_words
    return np.divide(weighed, whole, out=np.zeros_like(whole), where=whole > 0)
