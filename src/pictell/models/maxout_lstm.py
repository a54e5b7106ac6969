"""An LSTM whose new memory is the larger of two (Rennie et al. 2017, arXiv 1612.00563, section 3).

A maxout unit (Goodfellow et al. 2013, arXiv 1302.4389) of two linear halves stands in the place of the tanh.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MaxoutLSTMCell(nn.Module):
    """One step, its input's share of the gates computed apart, so that a whole sentence needs one product.

    The gates stand in the order input, forget, output, then the two halves. The forget gate's bias begins at 1 (Jozefowicz
    et al. 2015).
    """

    states = ("hidden", "cell")

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(inputs, 5 * hidden)
        self.from_hidden = nn.Linear(hidden, 5 * hidden, bias=False)
        for part in self.from_hidden.weight.chunk(5):
            nn.init.orthogonal_(part.data)
        with torch.no_grad():
            self.from_input.bias.zero_()
            self.from_input.bias[hidden : 2 * hidden] = 1.0

    def forward(self, input_gates: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """`input_gates` is `from_input(x)`, `(N, 5H)`; gives the new hidden and memory state, each `(N, H)`."""
        i, f, o, one, other = (input_gates + self.from_hidden(hidden)).chunk(5, dim=-1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.maximum(one, other)
        return torch.sigmoid(o) * torch.tanh(cell), cell
