"""The recurrent cells against PyTorch's own, with the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pictell.models.gru import GRUCell
from pictell.models.lstm import LSTMCell
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
