"""Image encoders of Hugging Face `transformers` behind pictell's own interface: a photo's bytes in, a grid of features out.

What makes an encoder again is in its settings: its configuration and how photos are prepared for it. So a bundle goes on
without the folder or the hub that its first weights came from; see `pictell.hub` for what is opened of those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pictell.errors import BundleError, DataError, MissingExtraError, RecipeError
from pictell.hub import HubModel, find_hub_model
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing

_RESAMPLE = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
# What an encoder does not need to be made again.
_IDLE = ("id2label", "label2id", "transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures")


@dataclass(frozen=True)
class Family:
    """The model's class, its `model_type`, how many tokens of a sequence of patches are not patches, and the names of the parts
    that only what is not used here depends on."""

    model: str
    kind: str
    not_patches: int = 0
    idle: tuple[str, ...] = ()


FAMILIES = {
    "resnet": Family("ResNetModel", "resnet"),
    "convnextv2": Family("ConvNextV2Model", "convnextv2", idle=("layernorm",)),
    "mobilenet": Family("MobileNetV2Model", "mobilenet_v2"),
    "swin": Family("SwinModel", "swin"),
    "vit": Family("ViTModel", "vit", not_patches=1),
    "dinov2": Family("Dinov2Model", "dinov2", not_patches=1, idle=("mask_token",)),
    "clip": Family("CLIPVisionModel", "clip_vision_model", not_patches=1, idle=("post_layernorm",)),
}
"""By the name in a recipe: ResNet (He et al. 2016), ConvNeXt V2 (Woo et al. 2023), MobileNetV2 in all its sizes (Sandler et al.
2018), Swin (Liu et al. 2021), ViT (Dosovitskiy et al. 2021), DINOv2 (Oquab et al. 2023), CLIP (Radford et al. 2021)."""


class HuggingFaceEncoder(Encoder):
    """See the module. `source` (`from` in a recipe) is a folder or a name on the hub, whose pretrained weights it begins with.

    Where `config` is given, nothing else is needed, and `source` only tells where the first weights came from; then the weights
    are fresh. `size` is the side of the photos, the model's own if `None`; for those that look at patches any multiple of a
    patch will do. `mean` and `std` (3 each) are of channels of 0..1; `fit`, `resample` and `short_side` are those of
    `pictell.photos.Preprocessing`.

    Statistics of batch normalisation stay as they were learnt. A frozen encoder drops nothing out.

    Raises:
        RecipeError: neither is given, the model is of another family, or `size` cannot be.
        BundleError: what `find_hub_model` raises.
        MissingExtraError: transformers is not installed.

    """

    def __init__(
        self,
        name: str,
        *,
        source: str | None = None,
        config: Mapping[str, Any] | None = None,
        size: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        fit: str | None = None,
        resample: str | None = None,
        short_side: int | None = None,
    ) -> None:
        super().__init__()
        try:
            import transformers
        except ImportError as error:
            raise MissingExtraError(f"the encoder {name}", "hf") from error
        family = FAMILIES[name]
        found = None
        label = source
        if config is None:
            if not source:
                raise RecipeError(
                    "weights", f"the encoder {name} needs model.encoder.from: a folder, or a name on the hub"
                )
            found = find_hub_model(source.removeprefix("hf:"))
            config, label = _vision(found.config, source, family), found.label
            seen = _seen(found, source)
            mean, std = mean or seen.mean, std or seen.std
            size, fit, resample = size or seen.size, fit or seen.fit, resample or seen.resample
            if short_side is None and fit == "crop" and seen.short_side is not None:
                short_side = round(seen.short_side * size / seen.size)  # as much is cut off
        own = Preprocessing()
        self.size = own.size if size is None else size
        self.preprocessing = Preprocessing.from_json(
            {"size": self.size, "fit": fit or own.fit, "resample": resample or own.resample, "short_side": short_side}
        )
        mean, std = tuple(mean or (0.0,) * 3), tuple(std or (1.0,) * 3)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise RecipeError(
                "unknown-setting", f"the encoder {name} needs a mean and a std (above 0) for each of 3 colours"
            )
        kept = {key: value for key, value in config.items() if key not in _IDLE}
        self.family = family
        self.settings = {
            "config": kept,
            "mean": list(mean),
            "std": list(std),
            "source": label,
            **self.preprocessing.to_json(),
        }
        self.net = _net(transformers, family, kept, found, source)
        self._mean, self._std = mean, std
        patch, image = getattr(self.net.config, "patch_size", None), getattr(self.net.config, "image_size", None)
        self._other_size = family.kind in ("vit", "clip_vision_model") and image != self.size
        if family.not_patches and patch and self.size % int(patch):
            raise RecipeError("size", f"size is {self.size}; the encoder {name} needs a multiple of {patch}")
        try:
            with torch.no_grad():
                grid = self.eval()(torch.zeros(1, self.size, self.size, 3, dtype=torch.uint8))
        except (RuntimeError, ValueError) as error:
            raise RecipeError("size", f"the encoder {name} cannot see photos of {self.size} pixels: {error}") from error
        self.regions, self.channels = int(grid.shape[1]), int(grid.shape[2])
        self.train()

    def forward(self, pixels: Tensor) -> Tensor:
        return self.both(pixels)[0]

    def both(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The grid `(B, R, D)` and, where a model has one, its own vector for the whole photo, `(B, D)`, else the grid's mean."""
        x = scaled(pixels, self._mean, self._std)  # (B, 3, S, S)
        named = {"interpolate_pos_encoding": True} if self._other_size else {}
        output = self.net(pixel_values=x, **named)
        hidden = output.last_hidden_state
        grid = (
            hidden.flatten(2).transpose(1, 2) if hidden.ndim == 4 else hidden[:, self.family.not_patches :]
        )  # (B, R, D)
        whole = hidden[:, 0] if self.family.not_patches else None
        if getattr(output, "pooler_output", None) is not None:
            whole = output.pooler_output.flatten(1)
        return grid, grid.mean(dim=1) if whole is None else whole

    def parts(self) -> list[list[nn.Parameter]]:
        """The embedding, each block, what comes after them; without what the grid does not depend on."""
        grouped: dict[str, list[nn.Parameter]] = {}
        for name, parameter in self.net.named_parameters():
            if not _idle(name, self.family):
                grouped.setdefault(part_of(name), []).append(parameter)
        return list(grouped.values())

    def train(self, mode: bool = True) -> HuggingFaceEncoder:
        """As ever, but that what is wholly frozen always works as it does in use."""
        super().train(mode and any(parameter.requires_grad for parameter in self.parameters()))
        return self


class FrozenBatchNorm(nn.Module):
    """Batch normalisation whose statistics stay; scale and shift are learnt as ever."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        assert norm.running_mean is not None
        assert norm.running_var is not None
        self.register_buffer("running_mean", norm.running_mean)
        self.register_buffer("running_var", norm.running_var)

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.get_buffer("running_mean"), self.get_buffer("running_var")
        return F.batch_norm(x, mean, var, self.weight, self.bias, training=False, eps=self.eps)


def freeze_statistics(net: nn.Module) -> None:
    """Puts a `FrozenBatchNorm` in the place of every batch normalisation."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, FrozenBatchNorm(child))


def scaled(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Bytes `(B, S, S, 3)` to what networks see, `(B, 3, S, S)`."""
    x = pixels.permute(0, 3, 1, 2).float() / 255.0
    return (x - x.new_tensor(mean).view(1, 3, 1, 1)) / x.new_tensor(std).view(1, 3, 1, 1)


def part_of(name: str) -> str:
    """The block that a weight is in: its name up to a layer of a stage, else up to its first number, else its first part."""
    numbers = [found.end() for found in re.finditer(r"\.\d+(?=\.)", name)]
    stages = re.search(r"(^|\.)(stages|layers)\.\d+\.(layers|blocks)\.\d+", name)
    if stages:
        return name[: stages.end()]
    return name[: numbers[0]] if numbers else name.partition(".")[0]


def _net(
    transformers: Any, family: Family, config: Mapping[str, Any], found: HubModel | None, source: str | None
) -> Any:
    """The model of transformers, with its pretrained weights where it was `found`, else with fresh ones."""
    model = getattr(transformers, family.model)
    named = {"add_pooling_layer": False} if family.kind == "vit" else {}
    try:
        made = transformers.CONFIG_MAPPING[family.kind].from_dict({**config, "model_type": family.kind})
        # In plain products: what the exporter writes, and the same numbers wherever it runs.
        made._attn_implementation = "eager"
        net = model(made, **named) if found is None else None
    except Exception as error:  # a config can be wrong in as many ways as it has settings
        raise RecipeError(
            "unknown-setting", f"no {family.model} can be made: {' '.join(str(error).split())}"
        ) from error
    if found is not None:
        net = _loaded(transformers, model, made, found, str(source), named)
    assert net is not None
    freeze_statistics(net)
    for name, parameter in net.named_parameters():
        if _idle(name, family):
            parameter.requires_grad_(False)
    return net


def _idle(name: str, family: Family) -> bool:
    """Whether a weight is one that the grid does not depend on, so that there is nothing to learn for it."""
    return any(part in name.split(".") for part in family.idle)


def _loaded(transformers: Any, model: Any, config: Any, found: HubModel, source: str, named: dict[str, Any]) -> Any:
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # in part untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        net, about = model.from_pretrained(
            found.folder, config=config, local_files_only=True, trust_remote_code=False, use_safetensors=True,
            dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **named,
        )  # fmt: skip
    except Exception as error:  # transformers has no one family for what fails
        lines = str(error).strip().splitlines()
        raise DataError(
            "weights", f"{source}: transformers cannot open it: {lines[0] if lines else error!r}"
        ) from error
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
    if missing := sorted(about["missing_keys"]):
        raise DataError(
            "weights", f"{source} lacks {len(missing)} of the weights of a {model.__name__}, such as {missing[0]}"
        )
    return net


def _vision(config: Mapping[str, Any], source: str, family: Family) -> dict[str, Any]:
    """The configuration of the part that looks, checked to be of the family."""
    kind = config["model_type"]
    if family.kind == "clip_vision_model" and kind == "clip":
        return {**config.get("vision_config", {}), "model_type": "clip_vision_model"}
    if kind != family.kind:
        known = next((name for name, other in FAMILIES.items() if other.kind == kind), None)
        hint = f"name the encoder {known}" if known else f"known are {', '.join(FAMILIES)}"
        raise RecipeError("weights", f"{source} is of the kind {kind!r}, not {family.kind!r}: {hint}")
    return dict(config)


@dataclass(frozen=True)
class Seen:
    """How photos are prepared for a model, as its `preprocessor_config.json` says."""

    size: int
    fit: str
    resample: str
    short_side: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]


def _seen(found: HubModel, source: str) -> Seen:
    path = found.folder / "preprocessor_config.json"
    try:
        return read_preprocessor(
            json.loads(path.read_text(encoding="utf-8")), int(found.config.get("image_size") or 224)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            "not-a-model",
            f"{source}: {Path(path).name} does not say how photos are prepared: {' '.join(str(error).split())}",
        ) from error


def read_preprocessor(settings: Mapping[str, Any], image_size: int) -> Seen:
    """Reads what an image processor of transformers saved; raises `ValueError` and the like for what cannot be done the same."""
    convnext = str(settings.get("image_processor_type") or settings.get("feature_extractor_type")).startswith(
        "ConvNext"
    )
    mean = std = None
    factor = float(settings.get("rescale_factor", 1 / 255)) * 255 if settings.get("do_rescale", True) else 255.0
    if settings.get("do_normalize", True):
        mean, std = settings.get("image_mean", [0.5] * 3), settings.get("image_std", [0.5] * 3)
    # (x * factor - mean) / std, for x of 0..1
    mean, std = mean or [0.0] * 3, std or [1.0] * 3
    mean, std = tuple(float(each) / factor for each in mean), tuple(float(each) / factor for each in std)
    resample = _RESAMPLE[int(settings.get("resample", 3 if convnext else 2))]
    size, crop = settings.get("size", image_size), settings.get("crop_size")
    if not settings.get("do_resize", True):
        raise ValueError("photos of any size as they are (do_resize is false)")
    if isinstance(size, int):
        size = (
            {"shortest_edge": size} if convnext or settings.get("do_center_crop") else {"height": size, "width": size}
        )
    if convnext:
        side = int(size["shortest_edge"])
        if side >= 384:
            return Seen(side, "squash", resample, None, mean, std)
        return Seen(side, "crop", resample, int(side / float(settings.get("crop_pct") or 224 / 256)), mean, std)
    cropped = None
    if settings.get("do_center_crop"):
        cropped = crop if isinstance(crop, int) else (crop or {}).get("height", image_size)
        if isinstance(crop, dict) and crop.get("width", cropped) != cropped:
            raise ValueError("it crops no square")
    if "shortest_edge" in size:
        short = int(size["shortest_edge"])
        if cropped is None:
            raise ValueError("it keeps the shape of photos and crops no square")
        if int(cropped) > short:
            raise ValueError("it pads photos")
        return Seen(int(cropped), "crop", resample, short, mean, std)
    if size["height"] != size["width"]:
        raise ValueError("it makes no square")
    if cropped not in (None, size["height"]):
        raise ValueError("it squashes photos and crops them then")
    return Seen(int(size["height"]), "squash", resample, None, mean, std)
