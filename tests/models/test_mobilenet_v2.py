"""The MobileNetV2 encoder: its shapes, what is trained of it, and what it makes of a published checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pictell.errors import DataError
from pictell.models.encoders.mobilenet_v2 import MobileNetV2

EPSILON = 0.001


def checkpoint(folder: Path, seed: int = 0, prefix: str = "mobilenet_v2.") -> dict[str, Tensor]:
    """Writes a random checkpoint in the layout of `transformers`, running statistics and all, and gives its tensors."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {"classifier.weight": torch.zeros(3, 1280)}
    for name, conv in MobileNetV2(32)._convolutions():
        outputs, inputs, kernel, _ = conv.weight.shape
        spread = (2 / (inputs * kernel * kernel)) ** 0.5
        tensors[f"{prefix}{name}.convolution.weight"] = torch.randn(conv.weight.shape, generator=generator) * spread
        for part, least in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            tensors[f"{prefix}{name}.normalization.{part}"] = torch.rand(outputs, generator=generator) + least
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    config = {"model_type": "mobilenet_v2", "layer_norm_eps": EPSILON, "tf_padding": True, "depth_multiplier": 1.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tensors


def photos(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8))


@pytest.mark.parametrize("size", [32, 64, 96])
@torch.no_grad()
def test_shapes(size: int) -> None:
    encoder = MobileNetV2(size).eval()
    grid = encoder(photos(2, size))
    assert grid.shape == (2, encoder.regions, encoder.channels) == (2, (size // 32) ** 2, 1280)
    assert grid.dtype == torch.float32


def test_it_has_the_blocks_of_the_paper() -> None:
    encoder = MobileNetV2()
    assert len(encoder.blocks) == 18
    assert encoder.regions == 49
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(2.2e6, rel=0.02)


@pytest.mark.parametrize("size", [0, -32, 16, 100])
def test_sizes_without_a_grid_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        MobileNetV2(size)


@torch.no_grad()
def test_a_photo_among_others_gives_what_it_gives_alone() -> None:
    encoder = MobileNetV2(64).eval()
    pixels = photos(3, 64)
    together = encoder(pixels)
    for number in range(3):
        torch.testing.assert_close(encoder(pixels[number : number + 1])[0], together[number], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("first", [0, 1, 8, 17, 18])
def test_only_the_blocks_asked_for_are_trained(first: int) -> None:
    encoder = MobileNetV2(32)
    encoder.train_from(None)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    encoder.train_from(first)
    for number, block in enumerate(encoder.blocks):
        assert {parameter.requires_grad for parameter in block.parameters()} == {number >= first}


def test_gradient_reaches_every_trained_block_and_no_other() -> None:
    encoder = MobileNetV2(32)
    encoder.train_from(15)
    encoder(photos(4, 32)).square().sum().backward()
    for number, block in enumerate(encoder.blocks):
        reached = {parameter.grad is not None and bool(parameter.grad.any()) for parameter in block.parameters()}
        assert reached == {number >= 15}


def test_rounded_weights_have_few_values_and_train_on() -> None:
    encoder = MobileNetV2(32)
    pixels = photos(2, 32)
    plain = encoder(pixels)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.round_weights(True)
    rounded = encoder(pixels)
    assert not torch.equal(rounded, plain)
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    rounded.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())
    encoder.bake_rounding()
    torch.testing.assert_close(encoder(pixels), rounded)
    for _, conv in encoder._convolutions():
        levels = 127 if conv.groups > 1 else 64
        for weight, old in zip(conv.weight.detach(), before_of(conv, encoder, before), strict=True):
            step = old.abs().max() / levels
            torch.testing.assert_close(weight, (old / step).round() * step)
    encoder.round_weights(True)
    torch.testing.assert_close(encoder(pixels), rounded, msg="rounding twice is rounding once")


def before_of(conv: nn.Conv2d, encoder: MobileNetV2, before: Mapping[str, Tensor]) -> Tensor:
    """The weight that `conv` had in `before`."""
    name = next(name for name, module in encoder.named_modules() if module is conv)
    return before[f"{name}.weight"]


@torch.no_grad()
def test_batch_norm_is_folded_as_torch_computes_it(tmp_path: Path) -> None:
    """The third block (stride 2, so padded unevenly) against convolutions and batch norms put together by hand."""
    tensors = checkpoint(tmp_path)
    encoder = MobileNetV2(64).eval()
    encoder.load_pretrained(tmp_path)
    x = torch.randn(2, 24, 16, 16)
    found = encoder.blocks[3](x)
    for name, kernel, stride, groups in (("expand_1x1", 1, 1, 1), ("conv_3x3", 3, 2, 144), ("reduce_1x1", 1, 1, 1)):
        place = f"mobilenet_v2.layer.2.{name}"
        weight = tensors[f"{place}.convolution.weight"]
        conv = nn.Conv2d(x.shape[1], len(weight), kernel, stride, groups=groups, bias=False).eval()
        norm = nn.BatchNorm2d(len(weight), eps=EPSILON).eval()
        conv.weight.copy_(weight)
        for part in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, part).copy_(tensors[f"{place}.normalization.{part}"])
        x = norm(conv(nn.functional.pad(x, (0, 1, 0, 1)) if stride == 2 else x))
        x = x if name == "reduce_1x1" else x.clamp(0, 6)
    assert found.std() > 0.1
    torch.testing.assert_close(found, x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("prefix", ["mobilenet_v2.", ""])
def test_loads_classifiers_and_bare_encoders(tmp_path: Path, prefix: str) -> None:
    checkpoint(tmp_path, prefix=prefix)
    encoder = MobileNetV2(32)
    encoder.load_pretrained(tmp_path)
    checkpoint(tmp_path, seed=1, prefix=prefix)
    other = MobileNetV2(32)
    other.load_pretrained(tmp_path)
    for (key, one), two in zip(encoder.named_parameters(), other.parameters(), strict=True):
        assert (one != two).any(), f"{key} was not loaded"


@torch.no_grad()
def test_equals_the_network_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    checkpoint(tmp_path)
    reference = transformers.MobileNetV2Model.from_pretrained(tmp_path, dtype=torch.float32).eval()
    encoder = MobileNetV2(64).eval()
    encoder.load_pretrained(tmp_path)
    pixels = photos(3, 64)
    expected = reference(pixels.permute(0, 3, 1, 2) / 127.5 - 1).last_hidden_state  # (3, 1280, 2, 2)
    assert expected.std() > 0.1
    torch.testing.assert_close(encoder(pixels), expected.flatten(2).transpose(1, 2), atol=1e-3, rtol=1e-3)


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    tensors = checkpoint(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    whole, settings = weights.read_bytes(), config.read_text(encoding="utf-8")

    def refused() -> str:
        with pytest.raises(DataError) as caught:
            MobileNetV2(32).load_pretrained(tmp_path)
        assert caught.value.kind == "weights"
        assert str(tmp_path) in caught.value.message
        assert "\n" not in caught.value.message
        return caught.value.message

    for content in (b"", b"garbage that is no safetensors file", whole[: len(whole) // 2]):
        weights.write_bytes(content)
        refused()
    save_file({key: value for key, value in tensors.items() if "conv_1x1" not in key}, weights)
    assert "conv_1x1" in refused()
    save_file({**tensors, "mobilenet_v2.conv_1x1.convolution.weight": torch.zeros(7, 320, 1, 1)}, weights)
    refused()
    weights.write_bytes(whole)
    for text in ("", "[]", "{}", '{"layer_norm_eps": null}'):
        config.write_text(text, encoding="utf-8")
        refused()
    config.unlink()
    refused()
    config.write_text(settings, encoding="utf-8")
    MobileNetV2(32).load_pretrained(tmp_path)
    weights.unlink()
    refused()


@pytest.mark.shared
@torch.no_grad()
def test_the_published_weights_see_something(shared_data: Path) -> None:
    folder = shared_data / "weights" / "mobilenet_v2_imagenet"
    encoder = MobileNetV2(64).eval()
    encoder.load_pretrained(folder)
    conv = dict(encoder._convolutions())["conv_1x1"]
    stored = load_file(folder / "model.safetensors")
    name = next(key for key in stored if key.endswith("conv_1x1.convolution.weight"))
    assert conv.weight.shape == stored[name].shape
    grid = encoder(photos(2, 64))
    assert grid.std() > 0.01
    assert (grid >= 0).all()
