"""Image encoders of `timm` (VGG and hundreds of others) behind pictell's own interface, where `timm` is installed.

`timm` needs torchvision. pictell's own tests know it by a stand-in that has the few names used here, not by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pictell.errors import DataError, RecipeError
from pictell.hub import find_hub_model
from pictell.models.encoders.base import Encoder
from pictell.models.encoders.hugging_face import freeze_statistics, part_of, scaled
from pictell.photos import Preprocessing

_HEADS = (
    "head",
    "fc",
    "classifier",
    "pre_logits",
    "head_fc",
    "fc_norm",
    "attn_pool",
)  # what classifies; nothing asks it


class TimmEncoder(Encoder):
    """See the module. `source` (`from` in a recipe) is a folder of `timm`'s (`config.json`, `model.safetensors`), or such a
    model's name on the hub; `config` is the content of that `config.json`, from which a bundle makes the encoder again with fresh
    weights.

    The other settings are those of `HuggingFaceEncoder`.

    Raises:
        RecipeError: `timm` cannot be imported or does not know the model, or neither `source` nor `config` is given.
        BundleError: what `find_hub_model` raises.
        DataError: the weights are not those of the model.

    """

    def __init__(
        self,
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
            import timm
        except Exception as error:  # without its torchvision it fails in ways of its own
            raise RecipeError(
                "no-timm", f"the encoder timm needs the package timm, which cannot be imported here: {error}"
            ) from error
        found, label = None, source
        if config is None:
            if not source:
                raise RecipeError(
                    "weights", "the encoder timm needs model.encoder.from: a folder, or a name on the hub"
                )
            found = find_hub_model(source.removeprefix("hf:"), key="architecture")
            config, label = found.config, found.label
        about = {**config.get("pretrained_cfg", {})}
        own = Preprocessing()
        side = int(size or (about.get("input_size") or (3, own.size, own.size))[-1])
        cropped = float(about.get("crop_pct") or 1.0)
        fit = fit or ("squash" if about.get("crop_mode") == "squash" else "crop")
        if fit == "crop" and short_side is None:
            short_side = max(int(side / cropped), side)
        resample = resample or str(about.get("interpolation") or own.resample)
        self.size = side
        self.preprocessing = Preprocessing.from_json(
            {"size": side, "fit": fit, "resample": resample, "short_side": short_side}
        )
        self._mean = tuple(mean or about.get("mean") or (0.485, 0.456, 0.406))
        self._std = tuple(std or about.get("std") or (0.229, 0.224, 0.225))
        kept = {key: config[key] for key in ("architecture", "model_args") if key in config}
        self.settings = {
            "config": kept, "mean": list(self._mean), "std": list(self._std), "source": label, **self.preprocessing.to_json()
        }  # fmt: skip
        try:
            net = timm.create_model(
                str(kept["architecture"]).partition(".")[0],
                pretrained=False,
                num_classes=0,
                **(kept.get("model_args") or {}),
            )
        except Exception as error:  # timm's own, of many kinds
            raise RecipeError("unknown-model", f"timm makes no {kept.get('architecture')!r}: {error}") from error
        for name in _HEADS:
            if isinstance(getattr(net, name, None), nn.Module):
                setattr(net, name, nn.Identity())
        if found is not None:
            _load(net, found.folder / "model.safetensors", str(source))
        freeze_statistics(net)
        self.net = net
        self._not_patches = int(getattr(net, "num_prefix_tokens", 0))
        with torch.no_grad():
            grid = self.eval()(torch.zeros(1, side, side, 3, dtype=torch.uint8))
        self.regions, self.channels = int(grid.shape[1]), int(grid.shape[2])
        self.train()

    def forward(self, pixels: Tensor) -> Tensor:
        hidden = self.net.forward_features(scaled(pixels, self._mean, self._std))
        if hidden.ndim == 4:  # (B, D, h, w), or (B, h, w, D) as Swin's
            last = hidden.shape[-1] == self.net.num_features and hidden.shape[1] != self.net.num_features
            grid: Tensor = hidden.flatten(1, 2) if last else hidden.flatten(2).transpose(1, 2)
            return grid
        patches: Tensor = hidden[:, self._not_patches :]
        return patches

    def parts(self) -> list[list[nn.Parameter]]:
        """Grouped by block, as their names tell them."""
        grouped: dict[str, list[nn.Parameter]] = {}
        for name, parameter in self.net.named_parameters():
            grouped.setdefault(part_of(name), []).append(parameter)
        return list(grouped.values())

    def train(self, mode: bool = True) -> TimmEncoder:
        """As ever, but that what is wholly frozen always works as it does in use."""
        super().train(mode and any(parameter.requires_grad for parameter in self.parameters()))
        return self


def _load(net: nn.Module, path: Any, source: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        missing = net.load_state_dict(load_file(path), strict=False).missing_keys
    except (OSError, RuntimeError, SafetensorError) as error:
        raise DataError(
            "weights", f"{source} has not the weights of its architecture: {' '.join(str(error).split())}"
        ) from error
    if missing:
        raise DataError(
            "weights", f"{source} lacks {len(missing)} of the weights of its architecture, such as {missing[0]}"
        )
