"""The grid that is laid over a photo: which pixels belong to which place, and how to hide them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 7
"""G, the side of the grid where a model has none of its own."""


def hide(pixels: NDArray[np.uint8], places: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A photo `(S, S, 3)` with the chosen places of a grid, `(G, G)`, in the photo's mean colour."""
    size, side = len(pixels), len(places)
    of_pixel = np.arange(size) * side // size  # (S,)
    hidden = places[of_pixel[:, None], of_pixel]  # (S, S)
    mean = np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8)  # (3,)
    return np.where(hidden[..., None], mean, pixels)


def add_pieces(values: NDArray[np.float32], pieces: Sequence[int]) -> NDArray[np.float32]:
    """From values of tokens `(..., N)` to those of words `(..., T)`, word t having the next `pieces[t]` (>= 1) tokens."""
    firsts = np.cumsum([0, *pieces[:-1]])
    summed: NDArray[np.float32] = np.add.reduceat(values, firsts, axis=-1)
    return summed
