"""What a search needs of a model: log-probabilities of the next token, and rows that can be reordered."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

MemoryT_contra = TypeVar("MemoryT_contra", contravariant=True)
StateT = TypeVar("StateT")


class StepFunction(Protocol[MemoryT_contra, StateT]):
    """A decoder over P encoded photos and N rows, a row being one unfinished word sequence of one photo.

    A search begins with one row a photo, in the photos' order, and keeps the rows of one photo consecutive and equally
    many. Memory and state are opaque to it.
    """

    @property
    def vocabulary_size(self) -> int:
        """V, the number of tokens that `step` gives a log-probability for."""
        ...

    def count(self, memory: MemoryT_contra) -> int:
        """P, the number of photos in `memory`."""
        ...

    def start(self, memory: MemoryT_contra) -> StateT:
        """The state before the first token: P rows, row i belonging to photo i."""
        ...

    def step(
        self, tokens: NDArray[np.int64], state: StateT
    ) -> tuple[NDArray[np.float32], StateT, NDArray[np.float32] | None]:
        """Feed `tokens` (N,), one a row, and get `(log_probs (N, V), state, attention (N, R) or None)`.

        `log_probs` are natural logarithms; the array is the caller's own, who may overwrite it. `attention` is where
        the model looked to say the next token: R grid places, non-negative, a row summing to 1.
        """
        ...

    def select(self, state: StateT, rows: NDArray[np.int64]) -> StateT:
        """The state whose row j is row `rows[j]` of `state`; rows may be left out, reordered and repeated."""
        ...
