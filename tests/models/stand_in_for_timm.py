"""The few names of `timm` that pictell uses, with networks of a few weights; timm itself needs torchvision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Convolutions(nn.Module):
    """As VGG and ResNet: `(B, D, h, w)`."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 2, 2))
        self.pre_logits = nn.Linear(12, 12)
        self.head = nn.Linear(12, 5)
        self.num_features = 12

    def forward_features(self, x: Tensor) -> Tensor:
        return self.features(x)  # type: ignore[no-any-return]


class _Patches(nn.Module):
    """As ViT: `(B, 1 + N, D)`."""

    num_prefix_tokens = 1

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 12, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.blocks = nn.ModuleList([nn.Linear(12, 12), nn.Linear(12, 12)])
        self.num_features = 12

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        for block in self.blocks:
            x = torch.tanh(block(x))
        return x


class _Last(_Convolutions):
    """As Swin in timm: `(B, h, w, D)`."""

    def forward_features(self, x: Tensor) -> Tensor:
        return self.features(x).permute(0, 2, 3, 1)  # type: ignore[no-any-return]


def create_model(name: str, *, pretrained: bool, num_classes: int, **_named: Any) -> nn.Module:
    assert not pretrained
    assert num_classes == 0
    return {"vgg": _Convolutions, "vit": _Patches, "swin": _Last}[name]()
