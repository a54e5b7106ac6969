"""Engines run a model: here is the contract that all of them give.

Each engine is a module of its own and is imported when it is used.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding import StepFunction

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")


class Engine(StepFunction[MemoryT, StateT], Protocol[MemoryT, StateT]):
    """A captioning model with numpy arrays at its border.

    What it remembers of the photos (`memory`: whatever the decoder looks at) and of the unfinished sequences (`state`)
    is its own affair; neither is changed by a call. The tokens that a search finds for a photo must not depend on the
    other photos encoded or searched with it.
    """

    def encode(self, pixels: NDArray[np.uint8]) -> MemoryT:
        """What the decoder looks at, for `pixels` (P, S, S, 3): RGB, prepared as the model's preprocessing says."""
        ...

    def features(self, memory: MemoryT) -> NDArray[np.float32]:
        """What the photos look like to the encoder, (P, D): the mean over the places of its grid."""
        ...


__all__ = ["Engine"]
