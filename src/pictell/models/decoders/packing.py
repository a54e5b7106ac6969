"""Captions of different lengths side by side, without spending time on the padding."""

from __future__ import annotations

import torch
from torch import Tensor

from pictell.language.vocabulary import PAD


class Packing:
    """The `W` words of captions `(P, K, T)`, padding left out: captions sorted by length, longest first, word by word.

    So the words that stand first come first, one for each caption that has any, and `running[t]` captions, always the first
    ones of the `N = P * K` sorted rows, have a word at step t.
    """

    causal = True

    def __init__(self, tokens: Tensor) -> None:
        self.shape = tokens.shape
        rows = tokens.flatten(0, 1)  # (N, T)
        order = torch.argsort((rows != PAD).sum(dim=1), descending=True, stable=True)
        sorted_rows = rows[order].T  # (T, N)
        real = sorted_rows != PAD
        self.steps, places = real.nonzero(as_tuple=True)  # (W,) each
        self.words = sorted_rows[real]  # (W,)
        self.running = [running for running in real.sum(dim=1).tolist() if running]
        self.row_photos = order // tokens.shape[1]  # (N,)
        self.word_photos = self.row_photos[places]  # (W,)
        self._slots = order[places] * tokens.shape[2] + self.steps  # where each word stands in (P * K * T)

    def unpack(self, packed: Tensor) -> Tensor:
        """`(W, F)` to `(P, K, T, F)`, zeros at padding."""
        zeros = packed.new_zeros(self.shape.numel(), packed.shape[1])
        return zeros.index_copy(0, self._slots, packed).view(*self.shape, -1)

    def pack(self, unpacked: Tensor) -> Tensor:
        """`(P, K, T, F)`, or its first axes flattened in any way, to `(W, F)`."""
        return unpacked.reshape(self.shape.numel(), -1)[self._slots]
