"""Additive attention (Bahdanau et al. 2015, arXiv 1409.0473): `w . tanh(V v + G h)`."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """Scores of every region for a hidden state; `key` of the regions is computed once a photo."""

    def __init__(self, features: int, hidden: int, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(features, size)
        self.query = nn.Linear(hidden, size, bias=False)
        self.weigh = nn.Linear(size, 1, bias=False)  # a bias would change no softmax

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """Hidden states `(N, H)`, N / P consecutive ones a photo, and keys `(P, R, A)` to scores `(P, N / P, R)`."""
        queries = self.query(hidden).view(keys.shape[0], -1, 1, keys.shape[2])  # (P, K, 1, A)
        scores: Tensor = self.weigh(torch.tanh(keys[:, None] + queries)).squeeze(-1)
        return scores
