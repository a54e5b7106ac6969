"""The reward of self-critical sequence training (Rennie et al. 2017, arXiv:1612.00563): CIDEr-D over word numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pictell.metrics.cider import CiderD
from pictell.metrics.ngrams import Floats, References

Rows: TypeAlias = NDArray[np.int64] | Sequence[Sequence[int]]


class CiderReward:
    """CIDEr-D for captions as word numbers, against references that are counted once.

    `references` holds, for each image of the training set, its captions as lists of word numbers, without the number
    `end` that ends a caption: it is added here to references and candidates alike. A reward that leaves it out lets
    captions stop in the middle of a phrase and inflates the score (arXiv:2305.12254). The idf is that of all these
    references. Raises `PictellError` (`"empty"`, `"no-references"`) where there is no image, or an image without
    references.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[int]]], *, end: int) -> None:
        self._end = end
        self._scorer = CiderD(References([[[*caption, end] for caption in own] for own in references]))

    def __call__(self, images: Sequence[int] | NDArray[np.int64], candidates: Rows) -> Floats:
        """The rewards (0..10) of candidates `(N, T)`, or of N lists of any length, `(N,)`.

        `images (N,)` are places in the references. A row is read up to its first `end`; a row without one was cut off
        at the greatest length, and is scored as it stands, without an end. Raises `PictellError` (`"no-references"`,
        `"missing-candidates"`) where a place does not exist or the two differ in number.
        """
        captions = up_to_end(candidates, self._end)
        return np.array(self._scorer.score_images(np.asarray(images).tolist(), captions))


def up_to_end(captions: Rows, end: int) -> list[Sequence[int]]:
    """Captions as word numbers, each up to its first `end`, that included, or whole where it has none."""
    rows = captions.tolist() if isinstance(captions, np.ndarray) else captions
    return [row[: row.index(end) + 1] if end in row else row for row in rows]
