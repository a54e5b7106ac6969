"""ROUGE-L (Lin 2004, "ROUGE: a package for automatic evaluation of summaries").

As the COCO caption evaluation of 2015 computes it: of the longest common subsequences with each reference the best
precision and the best recall are taken, each on its own, and joined in an F measure that favours recall (beta 1.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pictell.metrics.ngrams import (
    Candidates,
    Floats,
    Integers,
    References,
    Tokens,
    as_candidates,
    as_references,
)

VERSION = "pictell-rouge-l 1"

_BETA = 1.2
_WIDTHS = (16, 32, 64)


class RougeL:
    """ROUGE-L against fixed references.

    `references` holds, for each image, its reference captions as lists of words; or they are `References` that other
    metrics use too. Raises `PictellError` (`"empty"`, `"no-references"`) where there is no image, or an image without
    references.
    """

    def __init__(self, references: References | Sequence[Sequence[Tokens]]) -> None:
        self._references = as_references(references)

    def score(self, candidates: Candidates | Sequence[Tokens]) -> tuple[float, list[float]]:
        """Score one candidate for each image, in the order of the references.

        Gives the corpus's score, which is the mean of the images', and each image's, all in 0..1. An empty candidate
        scores 0, or 1 where a reference is empty too. Raises `PictellError` (`"missing-candidates"`) where the number
        of candidates is not that of the images.
        """
        references = self._references
        own = as_candidates(candidates, references, len(references))
        common = _common(own.words, own.lengths, references.words, references.lengths, references.image)  # (C,)
        precision = _shares(common, own.lengths[references.image], references.lengths)
        recall = _shares(common, references.lengths, own.lengths[references.image])
        first = np.cumsum(references.each) - references.each  # (I,)
        best_precision = np.maximum.reduceat(precision, first)
        best_recall = np.maximum.reduceat(recall, first)
        above = (1 + _BETA**2) * best_precision * best_recall
        below = best_recall + _BETA**2 * best_precision
        per_image = np.divide(above, below, out=np.zeros(len(references)), where=above > 0)
        return float(np.mean(per_image)), per_image.tolist()


def _shares(common: Integers, lengths: Integers, others: Integers) -> Floats:
    """Common words as a share of `lengths`; of two captions without words all is common."""
    both_empty = (lengths == 0) & (others == 0)
    shares: Floats = (common + both_empty) / np.maximum(lengths, 1)
    return shares


def _common(words: Integers, lengths: Integers, others: Integers, other_lengths: Integers, of: Integers) -> Integers:
    """The length of the longest common subsequence of each other caption with the caption that `of` names, `(C,)`.

    Hyyro 2004, "Bit-parallel LCS-length computation revisited": a column of the usual table is one number, whose bits
    say where it does not grow; here one number for each of many pairs at once.
    """
    common = np.zeros(len(of), dtype=np.int64)
    starts, other_starts = np.cumsum(lengths) - lengths, np.cumsum(other_lengths) - other_lengths
    todo = np.minimum(lengths[of], other_lengths) > 0
    for width in _WIDTHS:
        chosen = np.flatnonzero(todo & (lengths[of] <= width))
        todo[chosen] = False
        # Longest first, so that those which still have words at any step stand at the front.
        chosen = chosen[np.argsort(-other_lengths[chosen], kind="stable")]
        if len(chosen):
            table = _table(words, starts, lengths, width)[of[chosen]]
            common[chosen] = _in_columns(table, others, other_starts[chosen], other_lengths[chosen])
    for place in np.flatnonzero(todo):
        start, other_start = starts[of[place]], other_starts[place]
        common[place] = _of_long(
            words[start : start + lengths[of[place]]].tolist(),
            others[other_start : other_start + other_lengths[place]].tolist(),
        )
    return common


def _table(words: Integers, starts: Integers, lengths: Integers, width: int) -> NDArray[np.int32]:
    """Captions of up to `width` words as rows of a table `(N, width)`, -1 where there is none (or too many)."""
    column = np.arange(width)
    filled = (column < lengths[:, None]) & (lengths <= width)[:, None]
    table = np.full((len(lengths), width), -1, dtype=np.int32)
    table[filled] = words[(starts[:, None] + column)[filled]]
    return table


def _in_columns(table: NDArray[np.int32], others: Integers, starts: Integers, lengths: Integers) -> Integers:
    width = table.shape[1]
    kept = np.full(len(table), np.iinfo(np.uint64).max, dtype=np.uint64)
    for column in range(int(lengths[0])):
        running = int(np.searchsorted(-lengths, -column))
        word = others[starts[:running] + column].astype(np.int32)
        equal = np.packbits(table[:running] == word[:, None], axis=1, bitorder="little")  # (running, width / 8)
        mask = equal.view(f"<u{width // 8}")[:, 0].astype(np.uint64)
        met = kept[:running] & mask
        kept[:running] = (kept[:running] + met) | (kept[:running] - met)
    common: Integers = np.bitwise_count(~kept & np.uint64(2**width - 1)).astype(np.int64)
    return common


def _of_long(words: Sequence[int], others: Sequence[int]) -> int:
    """The same for one pair of any length: Python's own numbers are as wide as need be."""
    masks: dict[int, int] = {}
    for place, word in enumerate(words):
        masks[word] = masks.get(word, 0) | 1 << place
    every = (1 << len(words)) - 1
    kept = every
    for word in others:
        met = kept & masks.get(word, 0)
        kept = ((kept + met) | (kept - met)) & every
    return len(words) - kept.bit_count()
