"""Engines run a model: here is the contract that all of them give.

Each engine is a module of its own and is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding import StepFunction
from pictell.steering import CaptionOptions
from pictell.types import Caption

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


class SentenceEngine(Protocol):
    """A captioning model that only gives whole sentences, and searches for them by itself.

    `label` is what captions say they are by, `encoder` tells whose features they bring, `beam` and `length_penalty` are of its
    usual search, and `smallest_side` is how many pixels a photo's shorter side needs. A photo's caption must not depend on the
    others.
    """

    label: str
    language: str

    @property
    def beam(self) -> int: ...  # noqa: D102

    @property
    def length_penalty(self) -> float: ...  # noqa: D102

    @property
    def smallest_side(self) -> int: ...  # noqa: D102

    @property
    def encoder(self) -> str: ...  # noqa: D102

    def check(self, options: CaptionOptions) -> None:
        """Raises `OptionError` for what cannot be asked of this model."""
        ...

    def steps(self, options: CaptionOptions) -> int:
        """The unfinished sentences of a photo at a time, times the tokens that one may have."""
        ...

    def look(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A photo (H, W, 3) as the model sees it, by its own preprocessing: (3, S, S); several threads may call it."""
        ...

    def generate(self, pictures: Sequence[NDArray[np.float32]], options: CaptionOptions) -> list[Caption]:
        """A caption in the plain style for each of the `pictures`, as `look` gives them."""
        ...


__all__ = ["Engine", "SentenceEngine"]
