"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pictell.types import Photo, Word

Method = Literal["attention", "occlusion", "gradient"]

METHODS: tuple[Method, ...] = get_args(Method)
"""How to find where a word comes from, see `pictell.insight.explain`."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in a photo each word of its caption comes from.

    `maps` is `(T, G, G)`, a map for each of `words`, its rows from top to bottom: place (i, j) of the grid is the part of
    the upright photo from i / G to (i + 1) / G of its height and j / G to (j + 1) / G of its width, whatever the photo's
    shape. What the numbers are depends on `method`, which is the one that was used:

    - `attention`: the decoder's weights, which sum to 1 for each word.
    - `occlusion`: by how much the word's log-probability falls when that part of the photo is hidden; below 0 it rises.
    - `gradient`: what that part of the photo adds to the word's log-probability, by integrated gradients; below 0 it
      speaks against the word.

    `model` is `name@version` of the bundle, `language` that of the words (`en`).
    """

    photo: Photo
    text: str
    words: tuple[Word, ...]
    maps: NDArray[np.float32]
    method: Method
    model: str
    language: str

    def heat(self) -> NDArray[np.float32]:
        """The maps for the eye, `(T, G, G)` in 0..1: what speaks for each word.

        A word's highest place is 1, unless it is below the middle one of the words' highest places: then it is as much
        below 1, so that a word that comes from nowhere in particular looks like it.
        """
        positive: NDArray[np.float32] = np.maximum(self.maps, 0)
        highest = positive.max(axis=(1, 2), keepdims=True)  # (T, 1, 1)
        scale = np.maximum(highest, np.median(highest))
        heat: NDArray[np.float32] = np.divide(positive, scale, out=np.zeros_like(positive), where=scale > 0)
        return heat
