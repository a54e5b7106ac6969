"""What every decoder offers: teacher forcing for training, `start` and `step` for decoding word by word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor, nn

Tensors = dict[str, Tensor]


class Step(NamedTuple):
    """`log_probs (N, V)`, the new state, and where the decoder looked, `(N, R)` summing to 1, or `None`."""

    log_probs: Tensor
    state: Tensors
    attention: Tensor | None


class Unrolled(NamedTuple):
    """What a whole sentence gives, each `(P, K, T, ...)` and zero at padding.

    `outputs` is what the words are predicted from, `attention` where the decoder looked, `chosen` `(..., 1)` the log-probability
    of what it drew at random to look at, for a decoder that does so.
    """

    outputs: Tensor
    attention: Tensor | None
    chosen: Tensor | None = None


class Decoder(nn.Module, ABC):
    """A caption decoder over grid features, or those of regions.

    It is made for a vocabulary, so many channels, and so many regions that are told apart by their place in the grid.
    With `padded` rows of the grid that are all zero are no regions, see `padding.py`; of a grid each row counts.

    `memory` is what stays the same for a photo, each tensor `(P, ...)`; `state` is what changes with each word, each tensor
    `(N, ...)`. `N` is a multiple of `P`, and the rows of one photo are consecutive: beams share their photo's memory.
    """

    sizes: dict[str, Any]
    padded: bool = False

    def mask(self, grid: Tensor) -> Tensor | None:
        """Which rows of the grid are regions, `(P, R)`; `None` where all are."""
        return (grid != 0).any(dim=-1) if self.padded else None

    @abstractmethod
    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        """From the grid `(P, R, D)` to the memory and the state before the first word, one row a photo."""

    @abstractmethod
    def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
        """Reads one word a row, `(N,)`, and gives the log-probabilities of the next."""

    @abstractmethod
    def unroll(self, grid: Tensor, tokens: Tensor) -> Unrolled:
        """Teacher forcing in one pass: outputs and attention together, so that both saw the same dropout."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """`(..., E)` to log-probabilities of the next word `(..., V)`; apart from `outputs` so that padding costs nothing."""

    def outputs(self, grid: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: words read `(P, K, T)`, `K` captions a photo, to what the words are predicted from `(P, K, T, E)`."""
        return self.unroll(grid, tokens).outputs

    def attention(self, grid: Tensor, tokens: Tensor) -> Tensor | None:
        """Where the decoder looks for the word after each word read, `(P, K, T, R)`, differentiable.

        Summing to 1 over the regions, zero at padding; `None` for a decoder that attends to nothing.
        """
        return self.unroll(grid, tokens).attention

    def forward(self, grid: Tensor, tokens: Tensor) -> Tensor:
        """Words read `(P, K, T)` to log-probabilities of the words that follow them `(P, K, T, V)`."""
        return self.predict(self.outputs(grid, tokens))
