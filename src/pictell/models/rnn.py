"""The simple recurrent cell (Elman 1990, Cognitive Science 14)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RNNCell(nn.Module):
    """`h = tanh(W x + U h + b)`, the input's share computed apart, so that a whole sentence needs one product."""

    states = ("hidden",)

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(inputs, hidden)
        self.from_hidden = nn.Linear(hidden, hidden, bias=False)
        nn.init.orthogonal_(self.from_hidden.weight)
        nn.init.zeros_(self.from_input.bias)

    def forward(self, input_gates: Tensor, hidden: Tensor) -> tuple[Tensor]:
        """`input_gates` is `from_input(x)`, `(N, H)`; gives the new hidden state `(N, H)`."""
        return (torch.tanh(input_gates + self.from_hidden(hidden)),)
