"""Image encoders of the real classes of transformers, with few random weights, saved as people save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers as hf


def _sequence(config: Any, **named: Any) -> Any:
    return config(
        hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=8, **named
    )  # fmt: skip


def _made() -> dict[str, tuple[Any, Any]]:
    stages = {"num_channels": 3, "hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]}
    crop = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}
    square = {"size": {"height": 32, "width": 32}}
    return {
        "resnet": (
            hf.ResNetModel(hf.ResNetConfig(embedding_size=8, layer_type="basic", **stages)),
            hf.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.8),
        ),
        "convnextv2": (
            hf.ConvNextV2Model(hf.ConvNextV2Config(image_size=32, **stages)),
            hf.ConvNextImageProcessorPil(size={"shortest_edge": 384}),
        ),
        "mobilenet": (
            hf.MobileNetV2Model(hf.MobileNetV2Config(image_size=32, depth_multiplier=0.35)),
            hf.MobileNetV2ImageProcessorPil(**crop),
        ),
        "swin": (
            hf.SwinModel(
                hf.SwinConfig(image_size=32, patch_size=2, embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4)
            ),
            hf.ViTImageProcessorPil(
                resample=3, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], **square
            ),
        ),
        "vit": (hf.ViTModel(_sequence(hf.ViTConfig)), hf.ViTImageProcessorPil(**square)),
        "dinov2": (hf.Dinov2Model(_sequence(hf.Dinov2Config)), hf.BitImageProcessorPil(**crop)),
        "clip": (hf.CLIPVisionModel(_sequence(hf.CLIPVisionConfig)), hf.CLIPImageProcessorPil(**crop)),
    }


def save_encoders(folder: Path) -> dict[str, Path]:
    """One folder for each family."""
    torch.manual_seed(0)
    folders = {}
    for name, (model, processor) in _made().items():
        with torch.no_grad():
            for path, weight in model.named_parameters():
                if weight.ndim > 1:
                    torch.nn.init.normal_(weight, std=0.3)
                elif "layer_scale" in path or "lambda" in path:
                    weight.fill_(0.5)
            for path, buffer in model.named_buffers():
                if path.endswith("running_var"):
                    buffer.uniform_(0.5, 2.0)
                elif path.endswith("running_mean"):
                    buffer.normal_(std=0.2)
        folders[name] = folder / name
        model.save_pretrained(folders[name])
        processor.save_pretrained(folders[name])
    return folders
