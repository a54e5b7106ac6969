"""From what a search says of tokens to what it says of words, which may be several tokens each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def add_pieces(values: NDArray[np.float32], pieces: Sequence[int]) -> NDArray[np.float32]:
    """From values of tokens `(..., N)` to those of words `(..., T)`, word t having the next `pieces[t]` (>= 1) tokens."""
    firsts = np.cumsum([0, *pieces[:-1]])
    summed: NDArray[np.float32] = np.add.reduceat(values, firsts, axis=-1)
    return summed


def attention_maps(attention: NDArray[np.float32], pieces: Sequence[int]) -> NDArray[np.float32] | None:
    """Attention of tokens `(N, R)` as that of words on a square grid, `(T, G, G)`; a word's is the mean of its pieces'.

    `None` where the R regions are no square grid.
    """
    side = math.isqrt(attention.shape[1])
    if side * side != attention.shape[1]:
        return None
    return attention_of_words(attention, pieces).reshape(-1, side, side)


def attention_of_words(attention: NDArray[np.float32], pieces: Sequence[int]) -> NDArray[np.float32]:
    """Attention of tokens `(N, R)` as that of words, `(T, R)`; a word's is the mean of its pieces'."""
    if not pieces:
        return np.zeros((0, attention.shape[1]), dtype=np.float32)
    means = add_pieces(attention.T, pieces) / np.array(pieces)  # (R, T)
    words: NDArray[np.float32] = means.T.astype(np.float32)
    return words
