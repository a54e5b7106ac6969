"""What every registered decoder must keep: the same words in training and in use, for one photo or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from pictell.models import DECODERS
from pictell.models.decoders.base import Decoder
from pictell.training.losses import caption_loss

WORDS, CHANNELS, REGIONS = 23, 12, 6
PAD, START, END = 0, 1, 2

TINY: Mapping[str, Mapping[str, Any]] = {
    "spatial_attention": {"embedding": 8, "hidden": 12, "output": 10, "heads": 3, "dropout": 0.5},
}
"""Settings of each decoder that make it small."""


def make(name: str, seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    return DECODERS[name](WORDS, CHANNELS, REGIONS, **TINY[name]).eval()


def captions(photos: int, each: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Words read and words to predict `(P, K, T)`, of 1 to `length - 1` words a caption, the longest of full length."""
    generator = torch.Generator().manual_seed(seed)
    read = torch.zeros(photos, each, length, dtype=torch.int64)
    predict = read.clone()
    for number in range(photos * each):
        count = length - 1 if number == 0 else int(torch.randint(1, length, (), generator=generator))
        words = torch.randint(4, WORDS, (count,), generator=generator)
        read.view(-1, length)[number, : count + 1] = torch.cat([torch.tensor([START]), words])
        predict.view(-1, length)[number, : count + 1] = torch.cat([words, torch.tensor([END])])
    return read, predict


@pytest.fixture(params=list(DECODERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(name: str) -> Decoder:
    return make(name)


@pytest.fixture
def grid() -> Tensor:
    return torch.randn(5, REGIONS, CHANNELS, generator=torch.Generator().manual_seed(1))


def test_each_decoder_is_tested() -> None:
    assert set(TINY) == set(DECODERS)


@torch.no_grad()
def test_stepping_gives_what_teacher_forcing_gives(decoder: Decoder, grid: Tensor) -> None:
    """Three captions a photo at once, every one read to its end: rows share their photo's memory."""
    read, predict = captions(5, 3, 7)
    forced = decoder(grid, read)  # (5, 3, 7, V)
    assert forced.shape == (5, 3, 7, WORDS)
    memory, state = decoder.start(grid)
    state = {key: value.repeat_interleave(3, dim=0) for key, value in state.items()}
    for step in range(7):
        log_probs, state, attention = decoder.step(read[:, :, step].flatten(), memory, state)
        real = (predict[:, :, step] != PAD).flatten()
        torch.testing.assert_close(log_probs[real], forced[:, :, step].flatten(0, 1)[real], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(15))
        if attention is not None:
            assert attention.shape == (15, REGIONS)
            assert (attention >= 0).all()
            torch.testing.assert_close(attention.sum(1), torch.ones(15))


@torch.no_grad()
def test_a_photo_among_others_gives_what_it_gives_alone(decoder: Decoder, grid: Tensor) -> None:
    read, predict = captions(5, 3, 7)
    together = decoder(grid, read)
    for photo in range(5):
        alone = decoder(grid[photo : photo + 1], read[photo : photo + 1])[0]
        real = predict[photo] != PAD
        torch.testing.assert_close(alone[real], together[photo][real], atol=1e-5, rtol=1e-5)
    memory, state = decoder.start(grid)
    step = decoder.step(read[:, 0, 0], memory, state)
    for photo in range(5):
        memory, state = decoder.start(grid[photo : photo + 1])
        alone_step = decoder.step(read[photo, 0, :1], memory, state)
        torch.testing.assert_close(alone_step.log_probs[0], step.log_probs[photo], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_beams_share_memory(decoder: Decoder, grid: Tensor) -> None:
    """K rows a photo over P photos' memory are what N photos with a row each are."""
    words = torch.randint(4, WORDS, (2, 20), generator=torch.Generator().manual_seed(2))
    memory, state = decoder.start(grid)
    shared = {key: value.repeat_interleave(4, dim=0) for key, value in state.items()}
    own_memory, own = decoder.start(grid.repeat_interleave(4, dim=0))
    assert {key: value.shape[0] for key, value in memory.items()} == dict.fromkeys(memory, 5)
    for tokens in words:
        log_probs, shared, attention = decoder.step(tokens, memory, shared)
        expected, own, looked = decoder.step(tokens, own_memory, own)
        torch.testing.assert_close(log_probs, expected, atol=1e-5, rtol=1e-5)
        assert (attention is None) == (looked is None)
        if attention is not None:
            torch.testing.assert_close(attention, looked, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_step_changes_neither_memory_nor_state(decoder: Decoder, grid: Tensor) -> None:
    memory, state = decoder.start(grid)
    before = {key: value.clone() for key, value in (memory | state).items()}
    first = decoder.step(torch.full((5,), START), memory, state).log_probs
    assert all(torch.equal(value, before[key]) for key, value in (memory | state).items())
    assert torch.equal(decoder.step(torch.full((5,), START), memory, state).log_probs, first)


@torch.no_grad()
def test_what_stands_after_the_end_changes_nothing_before_it(decoder: Decoder, grid: Tensor) -> None:
    read, predict = captions(5, 3, 7)
    real = predict != PAD
    expected = decoder(grid, read)[real]
    noise = torch.randint(1, WORDS, read.shape, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(decoder(grid, torch.where(real, read, noise))[real], expected, atol=1e-5, rtol=1e-5)
    later = decoder(grid, torch.where(real & (torch.arange(7) < 4), read, noise))  # other words from the fourth on
    torch.testing.assert_close(later[:, :, :4][real[:, :, :4]], decoder(grid, read)[:, :, :4][real[:, :, :4]])


def test_longer_padding_changes_neither_loss_nor_gradient(name: str, grid: Tensor) -> None:
    read, predict = captions(5, 3, 7)
    found = []
    for extra in (0, 4):
        decoder = make(name)
        longer_read, longer_predict = (
            torch.nn.functional.pad(words, (0, extra), value=PAD) for words in (read, predict)
        )
        loss = caption_loss(decoder, grid, longer_read, longer_predict, 0.1)
        torch.autograd.backward(loss)
        found.append((loss.detach(), {key: value.grad for key, value in decoder.named_parameters()}))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-5)


def test_the_photo_and_the_words_matter(decoder: Decoder, grid: Tensor) -> None:
    read, _ = captions(5, 1, 7)
    alike = read[:1].expand(5, 1, 7)
    assert decoder(grid, alike)[:, 0, -1].std(dim=0).max() > 1e-3
    assert (decoder(grid, read)[:, :, 2:5] - decoder(grid, read.roll(1, 0))[:, :, 2:5]).abs().max() > 1e-3


def test_gradient_reaches_every_parameter(decoder: Decoder, grid: Tensor) -> None:
    read, predict = captions(5, 3, 7)
    grid = grid.clone().requires_grad_()
    torch.autograd.backward(caption_loss(decoder, grid, read, predict, 0.0))
    unreached = [key for key, value in decoder.named_parameters() if value.grad is None or not value.grad.any()]
    assert not unreached
    assert grid.grad is not None
    assert grid.grad.flatten(1).any(dim=1).all(), "every photo's grid is looked at"


def test_dropout_is_for_training_only(decoder: Decoder, grid: Tensor) -> None:
    read, _ = captions(5, 1, 7)
    assert torch.equal(decoder(grid, read), decoder(grid, read))
    decoder.train()
    assert not torch.equal(decoder(grid, read), decoder(grid, read))


def test_sizes_make_the_same_decoder_again(name: str, decoder: Decoder) -> None:
    assert decoder.sizes == dict(TINY[name])
    again = DECODERS[name](WORDS, CHANNELS, REGIONS, **decoder.sizes)
    again.load_state_dict(decoder.state_dict())


def test_learns_ten_photos_by_heart_and_says_them(name: str) -> None:
    torch.manual_seed(0)
    settings = {key: value * 4 for key, value in TINY[name].items() if key not in ("heads", "dropout")}
    decoder = DECODERS[name](WORDS, CHANNELS, REGIONS, **settings, heads=3, dropout=0.0).train()
    grid = torch.randn(10, REGIONS, CHANNELS)
    read, predict = captions(10, 1, 7)
    optimiser = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(150):
        loss = caption_loss(decoder, grid, read, predict, 0.0)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    assert loss.item() < 0.05
    with torch.no_grad():
        memory, state = decoder.eval().start(grid)
        tokens, said = torch.full((10,), START), []
        for _ in range(7):
            log_probs, state, _ = decoder.step(tokens, memory, state)
            tokens = log_probs.argmax(dim=1)
            said.append(tokens)
    real = predict[:, 0] != PAD
    assert torch.equal(torch.stack(said, dim=1)[real], predict[:, 0][real])
