"""How a decoder looks at photos: widely or narrowly, and whether it moves on from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Looking:
    """What `looking` found.

    `entropy` is that of a word's attention, the mean over all words, in nats: `uniform`, the logarithm of the number of
    places, where all are attended to alike. `entropy_by_word` is the mean over the captions for the first, the second ...
    word, as far as half of the captions go. `moved` is the share (0..1) of the attention that is elsewhere at the next word.
    """

    entropy: float
    uniform: float
    entropy_by_word: tuple[float, ...]
    moved: float


def looking(attention: Sequence[NDArray[np.float32]]) -> Looking:
    """Over the attention of one or more captions, each `(T, G, G)` with a sum of 1 for each word."""
    entropies = [_entropy(maps) for maps in attention]
    lengths = np.array([len(maps) for maps in attention])
    usual = int(np.median(lengths))
    moves = np.concatenate([np.abs(np.diff(maps, axis=0)).sum(axis=(1, 2)) / 2 for maps in attention])
    return Looking(
        entropy=float(np.concatenate(entropies).mean()),
        uniform=float(np.log(attention[0][0].size)),
        entropy_by_word=tuple(
            float(np.mean([each[at] for each in entropies if len(each) > at])) for at in range(usual)
        ),
        moved=float(moves.mean()) if len(moves) else 0.0,
    )


def _entropy(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T,) of maps (T, G, G), in nats."""
    shares = maps.astype(np.float64)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy: NDArray[np.float64] = -(shares * logarithms).sum(axis=(1, 2))
    return entropy
