"""The largest entries of each row, in a fixed order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Up to here repeated `argmax`, which runs at memory speed, beats sorting; rows are thousands of entries wide.
_PASSES = 32


def top_k(values: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` largest of each row of `values` (N, V): columns (N, k) and entries (N, k), largest first.

    Equal entries come in the order of their columns. `values` is overwritten; `k` is 1 to V.
    """
    rows = np.arange(len(values))
    if k > _PASSES:
        columns = largest(values, k)
        return columns, values[rows[:, None], columns]
    columns = np.empty((len(values), k), dtype=np.int64)
    entries = np.empty((len(values), k), dtype=np.float32)
    for i in range(k):
        columns[:, i] = values.argmax(axis=1)
        entries[:, i] = values[rows, columns[:, i]]
        values[rows, columns[:, i]] = -np.inf
    return columns, entries


def largest(values: NDArray[Any], k: int) -> NDArray[np.int64]:
    """The columns (N, k) of the `k` largest of each row of `values` (N, V), largest first; all V where `k` is more.

    Equal entries come in the order of their columns, as a stable sort has them; only the largest are sorted.
    """
    width = values.shape[1]
    if k >= width // 2:
        return np.argsort(-values, axis=1, kind="stable")[:, :k]
    last = np.partition(values, width - k, axis=1)[:, width - k, None]  # (N, 1) the smallest of the largest
    chosen = values > last
    equal = values == last
    room = k - chosen.sum(axis=1, keepdims=True)  # (N, 1) for so many of the equal ones
    if (equal.sum(axis=1, keepdims=True) > room).any():
        equal &= np.cumsum(equal, axis=1, dtype=np.int32) <= room
    columns = np.nonzero(chosen | equal)[1].reshape(len(values), k)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
