"""The recurrent cells against PyTorch's own, with the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pictell.models.gru import GRUCell
from pictell.models.lstm import LSTMCell
from pictell.models.maxout_lstm import MaxoutLSTMCell
from pictell.models.rnn import RNNCell


@pytest.mark.parametrize(
    ("cell", "reference"),
    [(RNNCell(5, 7), nn.RNNCell(5, 7)), (GRUCell(5, 7), nn.GRUCell(5, 7)), (LSTMCell(5, 7), nn.LSTMCell(5, 7))],
    ids=["rnn", "gru", "lstm"],
)
@torch.no_grad()
def test_a_step_is_what_pytorch_computes(
    cell: RNNCell | GRUCell | LSTMCell, reference: nn.RNNCell | nn.GRUCell | nn.LSTMCell
) -> None:
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    reference.weight_ih.copy_(cell.from_input.weight)
    reference.weight_hh.copy_(cell.from_hidden.weight)
    reference.bias_ih.copy_(cell.from_input.bias)
    reference.bias_hh.copy_(cell.from_hidden.bias if isinstance(cell, GRUCell) else torch.zeros(len(reference.bias_hh)))
    x, *state = torch.randn(4, 5), *(torch.randn(4, 7) for _ in cell.states)
    expected = reference(x, tuple(state) if len(state) > 1 else state[0])
    found = cell(cell.from_input(x), *state)
    assert len(found) == len(cell.states)
    torch.testing.assert_close(found, expected if isinstance(expected, tuple) else (expected,))


@torch.no_grad()
def test_a_maxout_step_is_the_papers() -> None:
    """Rennie et al. 2017, section 3: what is new is the larger of two linear units, without a tanh."""
    cell = MaxoutLSTMCell(5, 7)
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    x, h, c = torch.randn(4, 5), torch.randn(4, 7), torch.randn(4, 7)
    w, b, u = cell.from_input.weight, cell.from_input.bias, cell.from_hidden.weight
    i, f, o, one, other = (x @ w[n : n + 7].T + b[n : n + 7] + h @ u[n : n + 7].T for n in range(0, 35, 7))
    expected = f.sigmoid() * c + i.sigmoid() * torch.stack([one, other]).amax(dim=0)
    hidden, memory = cell(cell.from_input(x), h, c)
    torch.testing.assert_close(memory, expected)
    torch.testing.assert_close(hidden, o.sigmoid() * expected.tanh())
