"""Captions of different lengths side by side, without spending time on the padding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from pictell.language.vocabulary import PAD

_fixed: ContextVar[bool] = ContextVar("fixed", default=False)


@contextmanager
def fixed_shapes() -> Iterator[None]:
    """Within it a `Packing` reads padding like words: slower, but no shape depends on the words, as a recorded step needs."""
    before = _fixed.set(True)
    try:
        yield
    finally:
        _fixed.reset(before)


class Packing:
    """The `W` words of captions `(P, K, T)`, padding left out: captions sorted by length, longest first, word by word.

    So the words that stand first come first, one for each caption that has any, and `running[t]` captions, always the first
    ones of the `N = P * K` sorted rows, have a word at step t.
    """

    causal = True

    def __init__(self, tokens: Tensor) -> None:
        self.shape = tokens.shape
        rows = tokens.flatten(0, 1)  # (N, T)
        if _fixed.get():
            count, length = rows.shape
            order = torch.arange(count, device=rows.device)
            self.steps = torch.arange(length, device=rows.device).repeat_interleave(count)  # (N * T,)
            places = order.repeat(length)
            self.words = rows.T.flatten()
            self.running = [count] * length
        else:
            order, places = self._only_words(rows)
        self.row_photos = order // tokens.shape[1]  # (N,)
        self.word_photos = self.row_photos[places]  # (W,)
        self._slots = order[places] * tokens.shape[2] + self.steps  # where each word stands in (P * K * T)

    def _only_words(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows `(N, T)` in order, `(N,)`, and which of these each word is of, `(W,)`."""
        order = torch.argsort((rows != PAD).sum(dim=1), descending=True, stable=True)
        sorted_rows = rows[order].T  # (T, N)
        real = sorted_rows != PAD
        self.steps, places = real.nonzero(as_tuple=True)  # (W,) each
        self.words = sorted_rows[real]  # (W,)
        self.running = [running for running in real.sum(dim=1).tolist() if running]
        return order, places

    def unpack(self, packed: Tensor) -> Tensor:
        """`(W, F)` to `(P, K, T, F)`, zeros at padding."""
        zeros = packed.new_zeros(self.shape.numel(), packed.shape[1])
        return zeros.index_copy(0, self._slots, packed).view(*self.shape, -1)

    def pack(self, unpacked: Tensor) -> Tensor:
        """`(P, K, T, F)`, or its first axes flattened in any way, to `(W, F)`."""
        return unpacked.reshape(self.shape.numel(), -1)[self._slots]


def of_words(tensor: Tensor, real: Tensor) -> Tensor:
    """The rows `(W, F)` of `(P, K, T, F)` where there is a word, `real (P, K, T)`; within `fixed_shapes` all of them."""
    return tensor.flatten(0, 2) if _fixed.get() else tensor[real]


def mean_of_words(values: Tensor, real: Tensor) -> Tensor:
    """The mean of the values `(W,)` of the words, of which `of_words` may have given more than there are."""
    return (values * real.flatten()).sum() / real.sum() if _fixed.get() else values.mean()
