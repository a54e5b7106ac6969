"""What every registered decoder must keep: the same words in training and in use, for one photo or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from pictell.bundle import Bundle, seal
from pictell.decoding import SearchOptions, beam_search
from pictell.engines import Engine
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import RecipeError
from pictell.language import Vocabulary
from pictell.models import DECODERS, build_model
from pictell.models.decoders.base import Decoder
from pictell.models.decoders.packing import fixed_shapes
from pictell.photos import Preprocessing
from pictell.training.export import export_bundle
from pictell.training.losses import caption_loss
from pictell.training.quantise import quantise_decoder

WORDS, CHANNELS, REGIONS = 23, 12, 6
PAD, START, END = 0, 1, 2

ATTENTIVE: Mapping[str, Any] = {"embedding": 8, "hidden": 12, "attention": 7, "dropout": 0.5}
TINY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "spatial": (
        "spatial_attention",
        {"embedding": 8, "hidden": 12, "output": 10, "heads": 3, "dropout": 0.5},
    ),
    **{
        f"tell-{image}-{cell}": (
            "show_and_tell",
            {"image": image, "cell": cell, "embedding": 8, "hidden": 12, "dropout": 0.5},
        )
        for image in ("input", "state", "both")
        for cell in ("rnn", "gru", "lstm", "maxout_lstm")
    },
    "attend": ("show_attend_tell", ATTENTIVE),
    "adaptive": ("adaptive_attention", ATTENTIVE),
    "up_down": ("up_down", {**ATTENTIVE, "feature_norm": True, "photo": "mean"}),
    "up_down-plain": ("up_down", {**ATTENTIVE, "feature_norm": False, "photo": "layer"}),
    "hard": ("hard_attention", ATTENTIVE),
    "att2in": ("att2in", {**ATTENTIVE, "feature_norm": True}),
    "att2in-plain": ("att2in", {**ATTENTIVE, "feature_norm": False}),
    "aoanet": ("aoanet", {"embedding": 8, "hidden": 12, "layers": 2, "heads": 3, "dropout": 0.5}),
    "transformer": ("transformer", {"hidden": 12, "layers": 2, "heads": 3, "inner": 16, "dropout": 0.5}),
    "full": (
        "full_transformer",
        {
            "hidden": 12,
            "encoder_layers": 2,
            "layers": 2,
            "heads": 3,
            "inner": 16,
            "norm_epsilon": 1e-6,
            "dropout": 0.5,
        },
    ),
    "meshed": ("meshed_memory", {"hidden": 12, "layers": 2, "heads": 3, "inner": 16, "slots": 4, "dropout": 0.5}),
    "gpt2": ("gpt2_prefix", {"hidden": 12, "layers": 2, "heads": 3, "prefix": 3, "positions": 16, "dropout": 0.5}),
}
"""Every decoder in every kind, with settings that make it small."""


def make(name: str, seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    registered, settings = TINY[name]
    return DECODERS[registered](WORDS, CHANNELS, REGIONS, **settings).eval()


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


@pytest.fixture(params=list(TINY))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(name: str) -> Decoder:
    return make(name)


@pytest.fixture
def grid() -> Tensor:
    return torch.randn(5, REGIONS, CHANNELS, generator=torch.Generator().manual_seed(1))


def test_each_decoder_is_tested() -> None:
    assert {registered for registered, _ in TINY.values()} == set(DECODERS)


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


def test_fixed_shapes_change_neither_loss_nor_gradient(name: str, grid: Tensor) -> None:
    """Read as words, padding takes its time and nothing else; nor do teachers, smoothing and the penalty see it."""
    if name == "hard":
        pytest.skip("its draws are rewarded caption by caption; no step of it is recorded")
    read, predict = (torch.nn.functional.pad(words, (0, 2), value=PAD) for words in captions(5, 3, 7))
    taught = torch.softmax(torch.randn(*predict.shape, WORDS, generator=torch.Generator().manual_seed(2)), dim=-1)
    real = predict != PAD
    found = []
    for shapes, told in ((nullcontext(), taught[real]), (fixed_shapes(), taught.flatten(0, 2))):
        decoder = make(name)
        with shapes:
            loss = caption_loss(decoder, grid, read, predict, 0.1, 0.5, told, 0.4)
        torch.autograd.backward(loss)
        found.append((loss.detach(), {key: value.grad for key, value in decoder.named_parameters()}))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-5)


def test_the_photo_and_the_words_matter(decoder: Decoder, grid: Tensor) -> None:
    read, _ = captions(5, 1, 7)
    alike = read[:1].expand(5, 1, 7)
    assert decoder(grid, alike)[:, 0].std(dim=0).max() > 1e-3
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


# -- regions, of which photos have different numbers --------------------------------------------------------------


def regions_of(counts: Sequence[int], rows: int, seed: int = 0) -> Tensor:
    """So many regions a photo, shuffled among rows of zeros, `(P, rows, D)`."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.zeros(len(counts), rows, CHANNELS)
    for photo, count in enumerate(counts):
        grid[photo, torch.randperm(rows, generator=generator)[:count]] = torch.randn(
            count, CHANNELS, generator=generator
        )
    return grid


def make_padded(name: str) -> Decoder:
    torch.manual_seed(0)
    registered, settings = TINY[name]
    architecture = {
        "encoder": {"name": "regions", "regions": 9, "channels": CHANNELS},
        "decoder": {"name": registered, **settings},
    }
    return build_model(architecture, WORDS).eval().decoder


@given(counts=st.lists(st.integers(1, 5), min_size=3, max_size=3), extra=st.integers(0, 4), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_zeros_change_nothing(name: str, counts: list[int], extra: int, seed: int) -> None:
    """Log-probabilities, loss and gradients are those of each photo's regions alone, and nobody looks at the rows of zeros."""
    decoder = make_padded(name)
    read, predict = captions(3, 2, 6, seed)
    padded = regions_of(counts, max(counts) + extra, seed)
    together = decoder(padded, read).detach()
    for photo in range(3):
        decoder.padded = False  # nothing can be hidden, and nothing has to be
        own = padded[photo][padded[photo].any(dim=-1)]  # (R, D)
        alone = decoder(own[None], read[photo : photo + 1])[0]
        decoder.padded = True
        real = predict[photo] != PAD
        torch.testing.assert_close(together[photo][real], alone[real], atol=1e-5, rtol=1e-5)
    found = []
    for grid in (padded, torch.cat([padded.flip(1), torch.zeros(3, 3, CHANNELS)], dim=1)):
        decoder.zero_grad()
        loss = caption_loss(decoder, grid, read, predict, 0.1, attention_penalty=0.7)
        torch.autograd.backward(loss)
        found.append((loss.detach(), {key: value.grad for key, value in decoder.named_parameters()}))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    attention = decoder.attention(padded, read)
    if attention is not None:
        for looked, regions in zip(attention, padded.any(dim=-1), strict=True):
            assert not looked[..., ~regions].any()
        torch.testing.assert_close(attention.sum(-1)[predict != PAD], torch.ones(int((predict != PAD).sum())))


def test_in_half_precision_rows_of_zeros_are_left_out_too(name: str) -> None:
    decoder, (read, predict) = make_padded(name), captions(3, 2, 6)
    grid = regions_of([2, 5, 1], 9)
    losses = []
    for precise in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            decoder.zero_grad()
            loss = caption_loss(decoder, grid, read, predict, 0.1)
            attention = decoder.attention(grid, read)
        torch.autograd.backward(loss)
        losses.append(loss.item())
        assert all(value.grad is None or value.grad.isfinite().all() for value in decoder.parameters())
        if attention is not None:
            assert not attention[(~grid.any(dim=-1))[:, None, None].expand_as(attention)].any()
    assert losses[0] == pytest.approx(losses[1], abs=0.05)


@torch.no_grad()
def test_words_read_one_by_one_see_the_same_regions(name: str) -> None:
    decoder = make_padded(name)
    grid = regions_of([2, 5, 1], 9)
    read, predict = captions(3, 2, 6)
    forced, looked = decoder(grid, read), decoder.attention(grid, read)
    memory, state = decoder.start(grid)
    state = {key: value.repeat_interleave(2, dim=0) for key, value in state.items()}
    for step in range(6):
        log_probs, state, attention = decoder.step(read[:, :, step].flatten(), memory, state)
        real = (predict[:, :, step] != PAD).flatten()
        torch.testing.assert_close(log_probs[real], forced[:, :, step].flatten(0, 1)[real], atol=1e-5, rtol=1e-5)
        if attention is not None:
            assert looked is not None
            torch.testing.assert_close(attention[real], looked[:, :, step].flatten(0, 1)[real], atol=1e-5, rtol=1e-5)
            assert not attention[~grid.any(dim=-1).repeat_interleave(2, dim=0)].any()


@torch.no_grad()
def test_the_order_of_regions_tells_nothing(name: str) -> None:
    decoder = make_padded(name)
    with suppress(AttributeError):
        torch.nn.init.normal_(decoder.get_parameter("position"))  # as if it had been learnt
    grid, read = regions_of([4, 6], 9), captions(2, 2, 6)[0]
    torch.testing.assert_close(decoder(grid.flip(1), read), decoder(grid, read), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_of_a_grid_every_row_counts(decoder: Decoder, grid: Tensor) -> None:
    """A photo that is black somewhere is still seen there."""
    dark = grid.clone()
    dark[:, 2] = 0
    assert decoder.mask(dark) is None
    assert "padding" not in decoder.start(dark)[0]


def test_sizes_make_the_same_decoder_again(name: str, decoder: Decoder) -> None:
    registered, settings = TINY[name]
    assert decoder.sizes == dict(settings)
    again = DECODERS[registered](WORDS, CHANNELS, REGIONS, **decoder.sizes)
    again.load_state_dict(decoder.state_dict())


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": 0},
        {"hidden": "many"},
        {"hidden": 7.5},
        {"dropout": 2},
        {"depth": 3},
    ],
)
def test_bad_settings_are_refused(name: str, settings: Mapping[str, Any]) -> None:
    registered, good = TINY[name]
    architecture = {
        "encoder": {"name": "mobilenet_v2", "size": 32},
        "decoder": {"name": registered, **good, **settings},
    }
    with pytest.raises(RecipeError) as caught:
        build_model(architecture, WORDS)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("registered", "settings", "named"),
    [
        ("show_and_tell", {"image": "twice"}, "'twice'.*input, state, both"),
        ("show_and_tell", {"cell": "sru"}, "'sru'.*rnn, gru, lstm"),
        ("show_and_tell", {"cell": ["lstm"]}, "lstm"),
        ("show_attend_tell", {"attention": 0}, "attention is 0"),
        ("up_down", {"embedding": -1}, "embedding is -1"),
        ("up_down", {"photo": "both"}, "'both'.*mean, layer"),
        ("att2in", {"feature_norm": "no"}, "feature_norm is 'no'.*true or false"),
        ("full_transformer", {"encoder_layers": 0}, "encoder_layers is 0"),
        ("full_transformer", {"norm_epsilon": 0.0}, "norm_epsilon is 0"),
        ("full_transformer", {"norm_epsilon": "small"}, "small"),
        ("transformer", {"heads": 5}, "heads"),
        ("transformer", {"layers": 0}, "layers"),
        ("transformer", {"heads": 1.5}, "heads is 1.5"),
    ],
)
def test_what_is_wrong_is_named(registered: str, settings: Mapping[str, Any], named: str) -> None:
    architecture = {"encoder": {"name": "mobilenet_v2", "size": 32}, "decoder": {"name": registered, **settings}}
    with pytest.raises(RecipeError, match=named):
        build_model(architecture, WORDS)


def test_attention_is_that_of_each_step(decoder: Decoder, grid: Tensor) -> None:
    read, predict = captions(5, 3, 7)
    found = decoder.attention(grid, read)
    memory, state = decoder.start(grid)
    state = {key: value.repeat_interleave(3, dim=0) for key, value in state.items()}
    if found is None:
        assert decoder.step(read[:, :, 0].flatten(), memory, state).attention is None
        return
    real = predict != PAD
    assert found.shape == (5, 3, 7, REGIONS)
    assert not found[~real].any()
    torch.testing.assert_close(found[real].sum(dim=-1), torch.ones(int(real.sum())))
    for step in range(7):
        _, state, attention = decoder.step(read[:, :, step].flatten(), memory, state)
        assert attention is not None
        here = real[:, :, step].flatten()
        torch.testing.assert_close(found[:, :, step].flatten(0, 1)[here], attention[here], atol=1e-5, rtol=1e-5)


def test_a_penalty_on_attention_has_a_gradient(decoder: Decoder, grid: Tensor) -> None:
    grid = grid.clone().requires_grad_()
    found = decoder.attention(grid, captions(5, 3, 7)[0])
    if found is not None:
        torch.autograd.backward(((1 - found.sum(dim=2)) ** 2).mean())
        assert grid.grad is not None
        assert grid.grad.flatten(1).any(dim=1).all()


@pytest.fixture
def engines(name: str, tmp_path: Path) -> tuple[TorchEngine, OnnxEngine]:
    """The decoder behind an encoder in PyTorch, and the same exported."""
    registered, settings = TINY[name]
    torch.manual_seed(0)
    architecture = {"encoder": {"name": "mobilenet_v2", "size": 64}, "decoder": {"name": registered, **settings}}
    model = build_model(architecture, WORDS).eval()
    # Photos are told by their colours in place of a network that knows nothing yet.
    encoder: Any = _Patches()
    model.encoder = encoder
    with torch.no_grad():
        for key, parameter in model.decoder.named_parameters():
            if parameter.ndim == 2 and "norm" not in key:
                parameter.mul_(2)
        torch.nn.init.normal_(model.decoder.get_parameter("classify.weight"), std=0.5)
    vocabulary = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", *(f"word{number}" for number in range(WORDS - 4))])
    export_bundle(
        model,
        vocabulary,
        tmp_path / "bundle",
        name="tiny",
        version=1,
        terms="Random weights.",
        licence="For tests.",
        card="For tests.",
        preprocessing=Preprocessing(size=64),
        generation={"beam": 2, "max_words": 9},
    )
    return TorchEngine(model), OnnxEngine(Bundle.open(tmp_path / "bundle"))


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Photos of four random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 2, 2, 3))
    return np.kron(colours, np.ones((1, 32, 32, 1))).astype(np.uint8)


class _Patches(torch.nn.Module):
    """Photos `(B, 64, 64, 3)` to the mean colours of their quarters, in 1280 channels."""

    size, channels, regions = 64, 1280, 4

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Linear(3, self.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        colours = torch.nn.functional.avg_pool2d(pixels.permute(0, 3, 1, 2).float() / 64 - 2, 32)
        mixed: Tensor = self.mix(colours.flatten(2).transpose(1, 2))
        return mixed


def test_exported_it_leaves_rows_of_zeros_out(name: str, tmp_path: Path) -> None:
    """Also where the graph's example had other numbers of regions."""
    registered, tiny = TINY[name]
    torch.manual_seed(0)
    architecture = {
        "encoder": {"name": "regions", "regions": 7, "channels": CHANNELS},
        "decoder": {"name": registered, **tiny},
    }
    model = build_model(architecture, WORDS).eval()
    grid = regions_of([7, 1, 4, 2], 7)
    torch_engine: Engine[Any, Any] = TorchEngine(model)
    vocabulary = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", *(f"word{number}" for number in range(WORDS - 4))])
    export_bundle(
        model, vocabulary, tmp_path / "bundle", name="tiny", version=1, terms="Random weights.", licence="For tests.",
        card="For tests.", preprocessing=None, generation={"beam": 2, "max_words": 9},
    )  # fmt: skip
    onnx_engine = OnnxEngine(Bundle.open(tmp_path / "bundle"))
    both = zip(_steps(torch_engine, grid.numpy()), _steps(onnx_engine, grid.numpy()), strict=True)
    for (expected, looked), (found, attention) in both:
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
        if attention is not None:
            np.testing.assert_allclose(attention, looked, atol=1e-4)
            assert not attention[~grid.any(dim=-1).numpy()].any()


def _steps(
    engine: Engine[Any, Any], rows: NDArray[Any]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
    """What three steps of each photo give."""
    state, steps = engine.start(engine.encode(rows)), []
    for words in (np.full(len(rows), START), *np.random.default_rng(0).integers(4, WORDS, (2, len(rows)))):
        log_probs, state, attention = engine.step(words, state)
        steps.append((log_probs, attention))
    return steps


def test_exported_it_gives_the_same_words(engines: tuple[TorchEngine, OnnxEngine]) -> None:
    """Beams that share their photo's memory, are put in another order, and lose a photo."""
    generator = np.random.default_rng(0)
    pixels = pictures(4)
    orders = [
        np.repeat(np.arange(4), 3),
        np.array([2, 0, 0, 5, 4, 3, 8, 8, 8, 9, 11, 10]),
        np.array([8, 7, 6, 5, 4, 3]),
    ]
    tokens = generator.integers(4, WORDS, (len(orders) + 1, 12))
    found = []
    both: tuple[Engine[Any, Any], ...] = engines
    for engine in both:
        steps = []
        log_probs, state, attention = engine.step(np.full(4, START), engine.start(engine.encode(pixels)))
        steps.append((log_probs, attention))
        for order, words in zip(orders, tokens, strict=False):
            log_probs, state, attention = engine.step(words[: len(order)], engine.select(state, order))
            steps.append((log_probs, attention))
        found.append(steps)
    for (expected, looked), (log_probs, attention) in zip(*found, strict=True):
        np.testing.assert_allclose(log_probs, expected, atol=1e-4, rtol=1e-4)
        assert (attention is None) == (looked is None)
        if attention is not None:
            np.testing.assert_allclose(attention, looked, atol=1e-4)
    assert np.ptp(found[0][0][0], axis=0).max() > 0.01, "the photos are told apart"
    options = SearchOptions(beam=3, min_words=3, max_words=9)
    words = []
    for engine in both:
        together = [each[0].tokens for each in beam_search(engine, engine.encode(pixels), options)]
        alone = [beam_search(engine, engine.encode(photo[None]), options)[0][0].tokens for photo in pixels]
        assert together == alone
        words.append(together)
    assert words[0] == words[1]
    assert len(set(words[0])) > 1


def test_multiplied_in_bytes_it_is_nearly_the_same(engines: tuple[TorchEngine, OnnxEngine], tmp_path: Path) -> None:
    _, full = engines
    folder = tmp_path / "bundle"
    quantise_decoder(folder, pictures(8, seed=1), words=5)
    seal(folder, name="tiny", version=1, architecture={}, terms="Random weights.")
    small = OnnxEngine(Bundle.open(folder))
    pixels = pictures(4)
    found = []
    for engine in (full, small):
        state = engine.select(engine.start(engine.encode(pixels)), np.repeat(np.arange(4), 2))
        steps = []
        for words in np.random.default_rng(0).integers(4, WORDS, (5, 8)):
            log_probs, state, _ = engine.step(words, state)
            steps.append(log_probs)
        found.append(np.stack(steps))
    assert 0 < np.abs(found[0] - found[1]).mean() < 0.2 * found[0].std()


def test_learns_ten_photos_by_heart_and_says_them(name: str) -> None:
    torch.manual_seed(0)
    registered, tiny = TINY[name]
    larger = {key: 4 * tiny[key] for key in ("embedding", "hidden", "output", "attention", "inner") if key in tiny}
    decoder = DECODERS[registered](WORDS, CHANNELS, REGIONS, **{**tiny, **larger, "dropout": 0.0}).train()
    grid = torch.randn(10, REGIONS, CHANNELS)
    read, predict = captions(10, 1, 7)
    optimiser = torch.optim.Adam(decoder.parameters(), lr=5e-3)
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
