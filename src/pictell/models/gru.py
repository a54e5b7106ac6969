"""The gated recurrent unit (Cho et al. 2014, arXiv 1406.1078).

The reset gate acts on the product with the hidden state, not on the hidden state before it, as in the first version of the
paper and in cuDNN: then one product a step is enough.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GRUCell(nn.Module):
    """One step of a GRU, its input's share of the gates computed apart, so that a whole sentence needs one product.

    The gates stand in the order reset, update, candidate.
    """

    states = ("hidden",)

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(inputs, 3 * hidden)
        self.from_hidden = nn.Linear(hidden, 3 * hidden)
        for part in self.from_hidden.weight.chunk(3):
            nn.init.orthogonal_(part.data)
        nn.init.zeros_(self.from_input.bias)
        nn.init.zeros_(self.from_hidden.bias)

    def forward(self, input_gates: Tensor, hidden: Tensor) -> tuple[Tensor]:
        """`input_gates` is `from_input(x)`, `(N, 3H)`; gives the new hidden state `(N, H)`."""
        input_r, input_z, input_n = input_gates.chunk(3, dim=-1)
        hidden_r, hidden_z, hidden_n = self.from_hidden(hidden).chunk(3, dim=-1)
        r = torch.sigmoid(input_r + hidden_r)
        z = torch.sigmoid(input_z + hidden_z)
        n = torch.tanh(input_n + r * hidden_n)
        return ((1 - z) * n + z * hidden,)
