"""MobileNetV2 as an image encoder (Sandler et al. 2018, arXiv 1801.04381): a photo becomes a 7x7 grid of features.

The convolutions follow TensorFlow's 'SAME' padding, as the published weights expect, and batch normalisation is folded
into each convolution's weight and bias: statistics stay frozen while fine-tuning, and a folded network trains about twice
as fast on a CPU.

For an 8-bit bundle the later phases of training round the weights as quantisation will (Jacob et al. 2018,
arXiv 1712.05877): this network is so sensitive that rounding it afterwards costs captions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pictell.errors import DataError
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing

# Expansion, output channels, repeats, first stride: table 2 of the paper, after the first convolution and block.
_STAGES = ((6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class _Conv(nn.Module):
    """A convolution with its folded batch normalisation, 'SAME' padding and an optional ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        # At stride 2 and even sizes 'SAME' pads below and to the right only.
        self.pad = stride == 2
        padding = 0 if self.pad else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
        self.relu = relu
        self.rounded = False
        # Pairs of products of a full convolution are added in 16 bits on CPUs without VNNI: 7 bits cannot saturate.
        self.levels = 127 if groups > 1 else 64

    def forward(self, x: Tensor) -> Tensor:
        if self.pad:
            x = F.pad(x, (0, 1, 0, 1))
        if self.rounded:
            conv = self.conv
            x = F.conv2d(x, self.rounded_weight(), conv.bias, conv.stride, conv.padding, groups=conv.groups)
        else:
            x = self.conv(x)
        return F.relu6(x, inplace=not torch.onnx.is_in_onnx_export()) if self.relu else x

    def rounded_weight(self) -> Tensor:
        """The weight as quantisation stores it, one scale a channel; gradients pass as if it were not rounded."""
        weight = self.conv.weight
        with torch.no_grad():
            scale = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12) / self.levels  # (outputs, 1, 1, 1)
            error = torch.round(weight / scale) * scale - weight
        return weight + error


class _InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; the input is added back where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _Conv(inputs, hidden, 1)
        self.depthwise = _Conv(hidden, hidden, 3, stride, groups=hidden)
        self.project = _Conv(hidden, outputs, 1, relu=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class MobileNetV2(Encoder):
    """Photos `(B, S, S, 3)` uint8 RGB, `S` a multiple of 32, to a grid `(B, (S / 32) ** 2, 1280)` float32.

    `blocks` are 18: the stem, sixteen inverted residuals, the last 1x1 convolution.
    """

    channels = 1280

    def __init__(self, size: int = 224) -> None:
        super().__init__()
        if size < 32 or size % 32:
            raise ValueError(f"size is {size}; it must be a multiple of 32")
        self.size = size
        self.regions = (size // 32) ** 2
        self.settings = {"size": size}
        self.preprocessing = Preprocessing(size=size)
        stem = nn.Sequential(_Conv(3, 32, 3, 2), _Conv(32, 32, 3, groups=32), _Conv(32, 16, 1, relu=False))
        blocks: list[nn.Module] = [stem]
        inputs = 16
        for expansion, outputs, repeats, stride in _STAGES:
            for repeat in range(repeats):
                blocks.append(_InvertedResidual(inputs, outputs, expansion, stride if repeat == 0 else 1))
                inputs = outputs
        blocks.append(_Conv(inputs, self.channels, 1))
        self.blocks = nn.ModuleList(blocks)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks this form

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # (B, 3, S, S), channels last in memory
        for block in self.blocks:
            x = block(x)  # at the end (B, 1280, S/32, S/32)
        return x.flatten(2).transpose(1, 2)  # (B, R, 1280)

    def parts(self) -> Sequence[Sequence[nn.Parameter]]:
        """The weights of each of the blocks."""
        return [list(block.parameters()) for block in self.blocks]

    @property
    def rounds_weights(self) -> bool:
        """Whether `round_weights` is on."""
        return any(isinstance(module, _Conv) and module.rounded for module in self.modules())

    def round_weights(self, on: bool) -> None:
        """Whether the weights are rounded as quantisation will round them, in training and in use."""
        for module in self.modules():
            if isinstance(module, _Conv):
                module.rounded = on

    @torch.no_grad()
    def bake_rounding(self) -> None:
        """Replaces the weights by what `round_weights` makes of them, and turns it off."""
        for module in self.modules():
            if isinstance(module, _Conv) and module.rounded:
                module.conv.weight.copy_(module.rounded_weight())
        self.round_weights(False)

    def load_pretrained(self, folder: Path) -> None:
        """Loads a `transformers` MobileNetV2 checkpoint (`config.json`, `model.safetensors`), folding its batch norm.

        The checkpoint may be of the bare encoder or of a classifier, whose names begin with `mobilenet_v2.`.
        Raises `DataError` where the folder is not such a checkpoint.
        """
        import json

        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            source = {
                name.removeprefix("mobilenet_v2."): tensor
                for name, tensor in load_file(folder / "model.safetensors").items()
            }
            epsilon = float(json.loads((folder / "config.json").read_text(encoding="utf-8"))["layer_norm_eps"])
            for name, conv in self._convolutions():
                weight = source[f"{name}.convolution.weight"].float()
                norm = {
                    part: source[f"{name}.normalization.{part}"].float()
                    for part in ("weight", "bias", "running_mean", "running_var")
                }
                scale = norm["weight"] / torch.sqrt(norm["running_var"] + epsilon)
                with torch.no_grad():
                    conv.weight.copy_(weight * scale[:, None, None, None])
                    bias = conv.bias
                    assert bias is not None
                    bias.copy_(norm["bias"] - norm["running_mean"] * scale)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise DataError(
                "weights",
                f"{folder} is not a MobileNetV2 1.0 checkpoint in the transformers layout "
                f"(config.json, model.safetensors): {' '.join(str(error).split())}",
            ) from error

    def _convolutions(self) -> Iterator[tuple[str, nn.Conv2d]]:
        """Each convolution with its name in a `transformers` checkpoint."""
        stem, *middle, last = self.blocks
        for name, module in zip(("first_conv", "conv_3x3", "reduce_1x1"), stem.children(), strict=True):
            yield f"conv_stem.{name}", module.conv  # type: ignore[misc]
        for number, block in enumerate(middle):
            for name, part in (("expand_1x1", "expand"), ("conv_3x3", "depthwise"), ("reduce_1x1", "project")):
                yield f"layer.{number}.{name}", getattr(block, part).conv
        yield "conv_1x1", last.conv  # type: ignore[misc]
