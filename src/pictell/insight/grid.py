"""The grid that is laid over a photo: which pixels belong to which place, and how to hide them."""

from __future__ import annotations

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
