"""A toy model, and what its sequences are worth by definition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.decoding import Hypothesis

PAD, START, END, UNK = range(4)


@dataclass(frozen=True)
class ToyState:
    places: NDArray[np.int64]  # (N,) which of the photos
    photos: NDArray[np.int64]  # (N,) its seed
    hidden: NDArray[np.int64]  # (N,) a hash of the whole sequence so far


class Toy:
    """Log-probabilities drawn at random from the photo's seed and the whole sequence so far: nothing can be merged."""

    def __init__(self, vocabulary_size: int, sharpness: float = 2.0, levels: int | None = None) -> None:
        self.vocabulary_size = vocabulary_size
        self.sharpness = sharpness
        self.levels = levels  # few levels make many ties
        self.rows: list[int] = []

    def count(self, memory: list[int]) -> int:
        return len(memory)

    def start(self, memory: list[int]) -> ToyState:
        return ToyState(np.arange(len(memory)), np.array(memory, dtype=np.int64), np.zeros(len(memory), dtype=np.int64))

    def step(
        self, tokens: NDArray[np.int64], state: ToyState
    ) -> tuple[NDArray[np.float32], ToyState, NDArray[np.float32] | None]:
        assert tokens.dtype == np.int64
        assert tokens.shape == state.hidden.shape
        rows = np.unique(state.places, return_counts=True)[1]
        assert (rows == rows[0]).all(), "each photo has equally many rows"
        assert (np.diff(state.places) >= 0).all(), "a photo's rows are consecutive"
        self.rows.append(len(tokens))
        hidden = (state.hidden * 31 + tokens + 1) % 1_000_003
        log_probs = np.stack([self.table(p, h) for p, h in zip(state.photos, hidden, strict=True)])
        attention = np.stack([[p, h, t] for p, h, t in zip(state.photos, hidden, tokens, strict=True)])
        return log_probs, ToyState(state.places, state.photos, hidden), attention.astype(np.float32)

    def select(self, state: ToyState, rows: NDArray[np.int64]) -> ToyState:
        return ToyState(state.places[rows], state.photos[rows], state.hidden[rows])

    def table(self, photo: int, hidden: int) -> NDArray[np.float32]:
        random = np.random.default_rng([photo, hidden])
        logits = random.normal(size=self.vocabulary_size) * self.sharpness
        if self.levels is not None:
            logits = np.round(logits * self.levels) / self.levels
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)


def log_prob_of(toy: Toy, photo: int, tokens: tuple[int, ...]) -> float:
    """A sequence's log-probability by its definition, end included."""
    hidden, total = 0, 0.0
    for fed, said in zip((START, *tokens), (*tokens, END), strict=True):
        hidden = (hidden * 31 + fed + 1) % 1_000_003
        total += float(toy.table(photo, hidden)[said])
    return total


def same(one: list[Hypothesis], other: list[Hypothesis]) -> bool:
    return [(h.tokens, h.log_prob, h.word_log_probs) for h in one] == [
        (h.tokens, h.log_prob, h.word_log_probs) for h in other
    ]
