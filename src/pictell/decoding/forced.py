"""What a model makes of sequences that are given to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.options import SearchOptions
from pictell.decoding.steps import StepFunction

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")


def forced_log_probs(
    engine: StepFunction[MemoryT, StateT],
    memory: MemoryT,
    sequences: Sequence[Sequence[int]],
    photos: Sequence[int],
    options: SearchOptions | None = None,
) -> list[NDArray[np.float32]]:
    """The log-probability of each token of each sequence and of its end, fed whether likely or not (teacher forcing).

    Sequence i, without start and end, is said of photo `photos[i]` of `memory`; `photos` must not descend. Of `options`
    `start` and `end` count. Gives an array (T_i + 1,) for each.
    """
    options = options or SearchOptions()
    if not sequences:
        return []
    longest = max(map(len, sequences)) + 1
    said = np.full((len(sequences), longest), options.end, dtype=np.int64)  # (N, T)
    for row, sequence in enumerate(sequences):
        said[row, : len(sequence)] = sequence
    state = engine.select(engine.start(memory), np.asarray(photos, dtype=np.int64))
    fed = np.full(len(sequences), options.start, dtype=np.int64)  # (N,)
    found = np.empty(said.shape, dtype=np.float32)  # (N, T)
    for place in range(longest):
        log_probs, state, _ = engine.step(fed, state)
        fed = said[:, place]
        found[:, place] = log_probs[np.arange(len(fed)), fed]
    return [found[row, : len(sequence) + 1] for row, sequence in enumerate(sequences)]
