"""BLEU-1..4 (Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation").

As the COCO caption evaluation of 2015 (Chen et al., arXiv:1504.00325) computes it: the brevity penalty looks at the
reference closest in length, and two tiny constants keep precisions without a match, or without an n-gram, finite.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pictell.metrics.ngrams import (
    ORDERS,
    ByImage,
    Candidates,
    Counts,
    Floats,
    Integers,
    References,
    Tokens,
    as_candidates,
    as_references,
    find,
    pair,
    unpair,
)

VERSION = "pictell-bleu 1"

# The evaluation's two constants: added above and below the line of each fraction. They decide what the score of a
# caption without a single match is (almost, but not exactly, 0), so they belong to the metric.
_ABOVE = 1e-15
_BELOW = 1e-9


class Bleu:
    """BLEU against fixed references, which are counted once however often candidates are scored.

    `references` holds, for each image, its reference captions as lists of words; or they are `References` that other
    metrics use too. Raises `PictellError` (`"empty"`, `"no-references"`) where there is no image, or an image without
    references.
    """

    def __init__(self, references: References | Sequence[Sequence[Tokens]]) -> None:
        self._references = as_references(references)
        # For each order: how often an n-gram stands in that reference of an image which has it most often, `(P,)`.
        self._ceilings = [
            np.maximum.reduceat(counts.count, by_image.first) if len(by_image.first) else by_image.first
            for counts, by_image in zip(self._references.ngrams, self._references.by_image, strict=True)
        ]

    def score(self, candidates: Candidates | Sequence[Tokens]) -> tuple[list[float], list[list[float]]]:
        """Score one candidate for each image, in the order of the references.

        Gives the corpus's BLEU-1..4 and, for each image, its own BLEU-1..4, all in 0..1. The corpus's scores come from
        summed counts and are no mean of the images'. Raises `PictellError` (`"missing-candidates"`) where the number
        of candidates is not that of the images.
        """
        statistics = self.statistics(candidates)
        corpus: list[float] = from_statistics(statistics.sum(axis=0)).tolist()
        return corpus, from_statistics(statistics).tolist()

    def statistics(self, candidates: Candidates | Sequence[Tokens]) -> Integers:
        """What BLEU is computed from, `(I, 10)`: for each image the matches of each order, the n-grams of each order,
        the candidate's length and that of the reference nearest in length. Sums of rows are the statistics of a corpus.
        """
        own = as_candidates(candidates, self._references, len(self._references))
        matches = [
            _matches(counts, by_image, ceiling, len(own))
            for counts, by_image, ceiling in zip(own.ngrams, self._references.by_image, self._ceilings, strict=True)
        ]
        totals = [np.maximum(own.lengths - order, 0) for order in range(ORDERS)]
        return np.stack([*matches, *totals, own.lengths, self._closest(own.lengths)], axis=1)

    def _closest(self, lengths: Integers) -> Integers:
        """Each image's reference length nearest to its candidate's; of two equally near ones the shorter, `(I,)`."""
        references = self._references
        apart = np.abs(references.lengths - lengths[references.image])  # (C,)
        first = np.cumsum(references.each) - references.each  # (I,)
        _, closest = unpair(np.minimum.reduceat(pair(apart, references.lengths), first))
        return closest


def from_statistics(statistics: Integers) -> Floats:
    """BLEU-1..4 `(..., 4)` of statistics `(..., 10)`: geometric means of the precisions, times the brevity penalty."""
    matches, totals = statistics[..., :ORDERS], statistics[..., ORDERS : 2 * ORDERS]
    ratio = (statistics[..., -2] + _ABOVE) / (statistics[..., -1] + _BELOW)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / np.minimum(ratio, 1)), 1.0)
    products = np.cumprod((matches + _ABOVE) / (totals + _BELOW), axis=-1)
    scores: Floats = products ** (1 / np.arange(1, ORDERS + 1)) * brevity[..., None]
    return scores


def _matches(counts: Counts, by_image: ByImage, ceilings: Integers, images: int) -> Integers:
    """How many n-grams of each candidate its image's references have, none more often than one of them has it."""
    met = counts.ngram < counts.known
    caption = counts.caption[met]
    place, missing = find(by_image.place, pair(counts.ngram[met], caption))
    found = ~missing
    clipped = np.minimum(counts.count[met][found], ceilings[place[found]])
    return np.bincount(caption[found], clipped, minlength=images).astype(np.int64)
