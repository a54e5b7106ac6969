"""Hard attention learns where to look from draws alone."""

from __future__ import annotations

import pytest
import torch

from pictell.models.decoders.hard_attention import HardAttention
from pictell.training.losses import caption_loss


def test_learns_to_look_at_the_region_that_tells_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """One region of five, marked, has the word; the others have other words, unmarked. Its place is different each time.

    Every region is drawn, none taken softly, so that no gradient but REINFORCE's reaches what scores them.
    """
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.ones(*shape))
    torch.manual_seed(0)
    decoder = HardAttention(12, 9, 5, embedding=16, hidden=24, attention=16, dropout=0.0)
    optimiser = torch.optim.Adam(decoder.parameters(), lr=5e-3)

    def photos(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        said = torch.randint(0, 8, (count, 5))
        place = torch.randint(0, 5, (count,))
        grid = torch.cat(
            [torch.nn.functional.one_hot(said, 8), torch.nn.functional.one_hot(place, 5)[..., None]], dim=2
        )
        return 3.0 * grid, place, said[torch.arange(count), place] + 4

    read = torch.ones(32, 1, 1, dtype=torch.int64)
    for _ in range(300):
        grid, _, word = photos(32)
        optimiser.zero_grad()
        torch.autograd.backward(caption_loss(decoder.train(), grid, read, word.view(32, 1, 1), 0.0))
        optimiser.step()
    grid, place, word = photos(200)
    memory, state = decoder.eval().start(grid)
    step = decoder.step(torch.ones(200, dtype=torch.int64), memory, state)
    assert step.attention is not None
    assert (step.attention.argmax(dim=1) == place).float().mean() > 0.9
    assert (step.log_probs.argmax(dim=1) == word).float().mean() > 0.9


def test_draws_while_training_only() -> None:
    torch.manual_seed(0)
    decoder = HardAttention(12, 9, 5, embedding=16, hidden=24, attention=16, dropout=0.0)
    grid, read = torch.randn(3, 5, 9), torch.tensor([[[1, 5, 6]]] * 3)
    assert torch.equal(decoder.eval()(grid, read), decoder(grid, read))
    decoder.train()
    assert not torch.equal(decoder(grid, read), decoder(grid, read))
    chosen = decoder.unroll(grid, read).chosen
    assert chosen is not None
    assert chosen.shape == (3, 1, 3, 1)
    assert (chosen <= 0).all()
    assert 0 < (chosen == 0).float().mean() < 1, "half of the steps draw nothing"
