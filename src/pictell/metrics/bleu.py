"""BLEU-1..4 (Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation").

As the COCO caption evaluation of 2015 (Chen et al., arXiv:1504.00325) computes it: the brevity penalty looks at the
reference closest in length, and two tiny constants keep precisions without a match, or without an n-gram, finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pictell.metrics.ngrams import (
    ORDERS,
    Counts,
    Integers,
    Numbering,
    Tokens,
    check_candidates,
    check_references,
    lengths_of,
    pair,
)

VERSION = "pictell-bleu 1"

# The evaluation's two constants: added above and below the line of each fraction. They decide what the score of a
# caption without a single match is (almost, but not exactly, 0), so they belong to the metric.
_ABOVE = 1e-15
_BELOW = 1e-9


class Bleu:
    """BLEU against fixed references, which are counted once however often candidates are scored.

    `references` holds, for each image, its reference captions as lists of words. Raises `PictellError` (`"empty"`,
    `"no-references"`) where there is no image, or an image without references.
    """

    def __init__(self, references: Sequence[Sequence[Tokens]]) -> None:
        check_references(references)
        captions = list(chain.from_iterable(references))
        image = np.repeat(np.arange(len(references)), lengths_of(references))  # (C,)
        self._lengths = [sorted({len(caption) for caption in own}) for own in references]
        self._numbering = Numbering()
        self._ceilings = [_ceiling(counts, image) for counts in self._numbering.learn(captions)]

    def score(self, candidates: Sequence[Tokens]) -> tuple[list[float], list[list[float]]]:
        """Score one candidate for each image, in the order of the references.

        Gives the corpus's BLEU-1..4 and, for each image, its own BLEU-1..4, all in 0..1. The corpus's scores come from
        summed counts and are no mean of the images'. Raises `PictellError` (`"missing-candidates"`) where the number
        of candidates is not that of the images.
        """
        check_candidates(candidates, len(self._lengths))
        lengths = lengths_of(candidates)  # (I,)
        closest = [_closest(own, length) for own, length in zip(self._lengths, lengths.tolist(), strict=True)]
        matches = np.stack(
            [
                _matches(counts, ceiling, len(candidates))
                for counts, ceiling in zip(self._numbering.count(candidates), self._ceilings, strict=True)
            ],
            axis=1,
        )  # (I, ORDERS)
        totals = np.maximum(lengths[:, None] - np.arange(ORDERS), 0)  # (I, ORDERS)
        corpus = _bleu(matches.sum(axis=0).tolist(), totals.sum(axis=0).tolist(), int(lengths.sum()), sum(closest))
        rows = zip(matches.tolist(), totals.tolist(), lengths.tolist(), closest, strict=True)
        return corpus, [_bleu(*row) for row in rows]


@dataclass(frozen=True)
class _Ceiling:
    """How often the n-grams of one order stand in that reference of an image which has them most often: R rows."""

    place: Integers  # (R,), image and n-gram as a pair, sorted
    count: Integers  # (R,)


def _ceiling(counts: Counts, image: Integers) -> _Ceiling:
    """The ceilings for references of which `image` says whose each one is."""
    place, row = np.unique(pair(image[counts.caption], counts.ngram), return_inverse=True)
    highest = np.zeros(len(place), dtype=np.int64)
    np.maximum.at(highest, row, counts.count)
    return _Ceiling(place, highest)


def _matches(counts: Counts, ceiling: _Ceiling, images: int) -> Integers:
    """How many n-grams of each candidate its image's references have, none more often than one of them has it."""
    place = pair(counts.caption, counts.ngram)
    _, own, other = np.intersect1d(place, ceiling.place, assume_unique=True, return_indices=True)
    matches = np.zeros(images, dtype=np.int64)
    np.add.at(matches, counts.caption[own], np.minimum(counts.count[own], ceiling.count[other]))
    return matches


def _closest(lengths: Sequence[int], length: int) -> int:
    """The reference length nearest to the candidate's; of two equally near ones the shorter."""
    return min(lengths, key=lambda reference: (abs(reference - length), reference))


def _bleu(matches: Sequence[int], totals: Sequence[int], length: int, reference_length: int) -> list[float]:
    """BLEU-1..4 from counts: geometric means of the precisions, times the brevity penalty."""
    ratio = (length + _ABOVE) / (reference_length + _BELOW)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    scores = []
    product = 1.0
    for order, (matched, total) in enumerate(zip(matches, totals, strict=True), start=1):
        product *= (matched + _ABOVE) / (total + _BELOW)
        scores.append(product ** (1 / order) * brevity)
    return scores
