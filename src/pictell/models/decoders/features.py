"""The encoder's grid as decoders want it."""

from __future__ import annotations

from torch import nn


def feature_layer(channels: int, size: int, dropout: float) -> nn.Sequential:
    """Grid or region features `(P, R, channels)` to `(P, R, size)`, not negative: one learned layer, computed once a photo."""
    return nn.Sequential(nn.Linear(channels, size), nn.LayerNorm(size), nn.ReLU(), nn.Dropout(dropout))
