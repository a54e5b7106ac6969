"""The training loss against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from pictell.models import DECODERS
from pictell.training.losses import caption_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_torch_cross_entropy(smoothing: float) -> None:
    """Over three captions a photo of different lengths; padding (0) is ignored by both, gradients agree too."""
    torch.manual_seed(0)
    decoder = DECODERS["spatial_attention"](19, 5, 4, embedding=8, hidden=12, heads=2).eval()
    grid = torch.randn(4, 4, 5)
    lengths = torch.randint(1, 7, (4, 3, 1))
    predict = torch.randint(2, 19, (4, 3, 8)) * (torch.arange(8) <= lengths)
    read = torch.cat([torch.ones(4, 3, 1, dtype=torch.int64), predict[:, :, :-1]], dim=2) * (predict != 0)
    loss = caption_loss(decoder, grid, read, predict, smoothing)
    logits = decoder(grid, read)
    expected = cross_entropy(logits.flatten(0, 2), predict.flatten(), ignore_index=0, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=0)
    parameters = list(decoder.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters), atol=1e-6, rtol=1e-4
    )
