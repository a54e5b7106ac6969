"""The LSTM cell (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LSTMCell(nn.Module):
    """One step of an LSTM, its input's share of the gates computed apart, so that a whole sentence needs one product.

    The gates stand in the order input, forget, candidate, output. The forget gate's bias begins at 1 (Jozefowicz et al. 2015).
    """

    states = ("hidden", "cell")

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(inputs, 4 * hidden)
        self.from_hidden = nn.Linear(hidden, 4 * hidden, bias=False)
        for part in self.from_hidden.weight.chunk(4):
            nn.init.orthogonal_(part.data)
        with torch.no_grad():
            self.from_input.bias.zero_()
            self.from_input.bias[hidden : 2 * hidden] = 1.0

    def forward(self, input_gates: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """`input_gates` is `from_input(x)`, `(N, 4H)`; gives the new hidden and memory state, each `(N, H)`."""
        i, f, g, o = (input_gates + self.from_hidden(hidden)).chunk(4, dim=-1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell
