"""The largest entries of each row, in a fixed order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Up to here repeated `argmax`, which runs at memory speed, beats sorting; rows are thousands of entries wide.
_PASSES = 16


def top_k(values: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` largest of each row of `values` (N, V): columns (N, k) and entries (N, k), largest first.

    Equal entries come in the order of their columns. `values` is overwritten; `k` is 1 to V.
    """
    rows = np.arange(len(values))
    if k > _PASSES:
        columns = np.argsort(-values, axis=1, kind="stable")[:, :k]  # (N, k)
        return columns, values[rows[:, None], columns]
    columns = np.empty((len(values), k), dtype=np.int64)
    entries = np.empty((len(values), k), dtype=np.float32)
    for i in range(k):
        columns[:, i] = values.argmax(axis=1)
        entries[:, i] = values[rows, columns[:, i]]
        values[rows, columns[:, i]] = -np.inf
    return columns, entries
