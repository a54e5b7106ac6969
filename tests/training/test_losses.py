"""The training loss against PyTorch's own."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch.nn.functional import cross_entropy

from pictell.models import DECODERS
from pictell.training.losses import caption_loss, read_own_words


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


def test_the_attention_penalty_is_that_of_the_paper() -> None:
    """Worked out caption by caption; a decoder that attends to nothing has none."""
    torch.manual_seed(0)
    grid, read, predict = torch.randn(2, 4, 5), torch.randint(3, 9, (2, 2, 5)), torch.randint(3, 9, (2, 2, 5))
    read[0, 1, 3:] = predict[0, 1, 3:] = 0
    decoder = DECODERS["show_attend_tell"](9, 5, 4, embedding=6, hidden=6, attention=4).eval()
    attention = decoder.attention(grid, read)
    assert attention is not None
    lacking = [
        (1 - attention[photo, k, predict[photo, k] != 0, region].sum()) ** 2
        for photo in range(2)
        for k in range(2)
        for region in range(4)
    ]
    plain, penalised = (caption_loss(decoder, grid, read, predict, 0.1, penalty) for penalty in (0.0, 3.0))
    torch.testing.assert_close(penalised - plain, 3 * torch.stack(lacking).sum() / 18, atol=1e-5, rtol=1e-5)
    blind = DECODERS["show_and_tell"](9, 5, 4, embedding=6, hidden=6).eval()
    assert torch.equal(*(caption_loss(blind, grid, read, predict, 0.1, penalty) for penalty in (0.0, 3.0)))


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_own_words_are_read_in_the_places_of_words(name: str) -> None:
    """Never in that of the start or of padding; a share of 0 changes nothing, of 1 every word; drawn as predicted."""
    torch.manual_seed(0)
    layers = {"layers": 1} if "layers" in inspect.signature(DECODERS[name]).parameters else {}
    decoder = DECODERS[name](50, 5, 4, hidden=48, **layers).eval()
    grid = torch.randn(1, 4, 5).expand(3, 4, 5)
    read = torch.tensor([1, 7, 8, 9, 0, 0]).expand(3, 400, 6)
    assert torch.equal(read_own_words(decoder, grid, read, 0.0), read)
    mixed = read_own_words(decoder, grid, read, 0.5)
    changed = (mixed != read).float().mean(dim=(0, 1))
    assert changed[[0, 4, 5]].tolist() == [0, 0, 0]
    assert bool(((changed[1:4] > 0.4) & (changed[1:4] < 0.56)).all())
    own = read_own_words(decoder, grid, read, 1.0)[:, :, 1].flatten()
    assert not bool((own < 2).any() or (own == 3).any())
    expected = decoder(grid[:1], read[:1, :1])[0, 0, 0].exp()
    found = torch.bincount(own, minlength=50) / len(own)
    expected[[0, 1, 3]] = 0
    torch.testing.assert_close(found, expected / expected.sum(), atol=0.05, rtol=0)
