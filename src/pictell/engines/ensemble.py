"""Several models that speak as one: the mean of their probabilities, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.engines import Engine

Parts = tuple[Any, ...]
"""What each of the engines keeps, in their order."""


class EnsembleEngine:
    """An engine over engines of one vocabulary and one preprocessing; whoever puts them together sees to that.

    A token's probability is the mean over the engines. Attention is their mean where all attend to equally many places,
    else there is none.
    """

    def __init__(self, engines: Sequence[Engine[Any, Any]]) -> None:
        sizes = sorted({engine.vocabulary_size for engine in engines})
        if len(sizes) != 1:
            raise ValueError(f"an ensemble needs engines of one vocabulary, not of {sizes} words")
        self.engines = tuple(engines)

    @property
    def vocabulary_size(self) -> int:
        """V, the number of tokens that `step` gives a log-probability for."""
        return self.engines[0].vocabulary_size

    def encode(self, pixels: NDArray[np.uint8]) -> Parts:
        """What the decoders look at, for `pixels` (P, S, S, 3)."""
        return tuple(engine.encode(pixels) for engine in self.engines)

    def features(self, memory: Parts) -> NDArray[np.float32]:
        """What the photos look like to all encoders, one's features after the other's, (P, D)."""
        parts = [engine.features(part) for engine, part in zip(self.engines, memory, strict=True)]
        return np.concatenate(parts, axis=1)

    def count(self, memory: Parts) -> int:
        """P, the number of photos in `memory`."""
        return self.engines[0].count(memory[0])

    def start(self, memory: Parts) -> Parts:
        """The state before the first token, one row a photo."""
        return tuple(engine.start(part) for engine, part in zip(self.engines, memory, strict=True))

    def step(
        self, tokens: NDArray[np.int64], state: Parts
    ) -> tuple[NDArray[np.float32], Parts, NDArray[np.float32] | None]:
        """Feeds `tokens` (N,); gives `log_probs` (N, V), the next state, and `attention` (N, R) or `None`."""
        results = [engine.step(tokens, part) for engine, part in zip(self.engines, state, strict=True)]
        log_probs: NDArray[np.float32] = reduce(np.logaddexp, (result[0] for result in results))
        log_probs -= np.float32(np.log(len(results)))
        looks = [result[2] for result in results if result[2] is not None]
        attention: NDArray[np.float32] | None = None
        if len(looks) == len(results) and len({look.shape for look in looks}) == 1:
            attention = np.stack(looks).mean(axis=0)
        return log_probs, tuple(result[1] for result in results), attention

    def select(self, state: Parts, rows: NDArray[np.int64]) -> Parts:
        """The state whose row j is row `rows[j]` of `state`."""
        return tuple(engine.select(part, rows) for engine, part in zip(self.engines, state, strict=True))
