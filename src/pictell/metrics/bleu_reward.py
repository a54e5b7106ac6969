"""A reward for self-critical training beside CIDEr-D: BLEU-4 of single captions over word numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pictell.metrics.ngrams import Floats
from pictell.metrics.reward import Rows, up_to_end

_ORDERS = (1, 2, 3, 4)


class BleuReward:
    """BLEU-4 of each caption by itself, with one added to the matches and the n-grams of every order above 1.

    Without that most captions of a beginner share no four words in a row with any reference, so that all earn 0 and nothing
    is learnt (smoothing of Lin and Och 2004, "ORANGE"). Otherwise as in BLEU: matches are clipped by the reference that has
    the n-gram most often, and a caption shorter than the reference nearest in length is punished for it.

    `references` and `end` are those of `CiderReward`.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[int]]], *, end: int) -> None:
        self._end = end
        self._references = references
        self._prepared: dict[int, tuple[Counter[tuple[int, ...]], list[int]]] = {}

    def __call__(self, images: Sequence[int] | NDArray[np.int64], candidates: Rows) -> Floats:
        """The rewards (0..1) of candidates `(N, T)`, or of N lists, `(N,)`; rows are read as by `CiderReward`."""
        return np.array(
            [
                self._score(image, caption)
                for image, caption in zip(np.asarray(images).tolist(), up_to_end(candidates, self._end), strict=True)
            ]
        )

    def _score(self, image: int, caption: Sequence[int]) -> float:
        if image not in self._prepared:
            self._prepared[image] = self._prepare(image)
        most, lengths = self._prepared[image]
        total = 0.0
        for order in _ORDERS:
            counts = _ngrams(caption, order)
            matches = sum(min(count, most[ngram]) for ngram, count in counts.items())
            added = int(order > 1)
            if matches + added == 0:
                return 0.0
            total += math.log((matches + added) / (max(len(caption) - order + 1, 0) + added))
        nearest = min(lengths, key=lambda length: (abs(length - len(caption)), length))
        return math.exp(total / len(_ORDERS) + min(0.0, 1 - nearest / max(len(caption), 1)))

    def _prepare(self, image: int) -> tuple[Counter[tuple[int, ...]], list[int]]:
        """How often each n-gram stands in the reference that has it most often, and the references' lengths."""
        most: Counter[tuple[int, ...]] = Counter()
        captions = [[*caption, self._end] for caption in self._references[image]]
        for caption in captions:
            for order in _ORDERS:
                most |= _ngrams(caption, order)
        return most, [len(caption) for caption in captions]


def _ngrams(caption: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(caption[start:] for start in range(order)), strict=False))
