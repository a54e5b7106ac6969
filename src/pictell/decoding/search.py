"""One way in for all that can be asked of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pictell.decoding.beam import beam_search
from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.options import SearchOptions
from pictell.decoding.sampling import sample
from pictell.decoding.steps import StepFunction

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")


def search(
    engine: StepFunction[MemoryT, StateT],
    memory: MemoryT,
    options: SearchOptions,
    photos: Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """Up to `options.num` sequences for each photo in `memory`: of `sample` where sampling is asked for, else of a beam.

    `photos` are the numbers by which `sample` tells photos apart.
    """
    if options.sampling is None:
        return beam_search(engine, memory, options)
    return sample(engine, memory, options, photos)
