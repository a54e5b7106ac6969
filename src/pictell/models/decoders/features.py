"""The encoder's grid as decoders want it."""

from __future__ import annotations

from torch import nn


def feature_layer(channels: int, size: int, dropout: float, norm: bool = True) -> nn.Sequential:
    """Grid or region features `(P, R, channels)` to `(P, R, size)`, not negative: one learned layer, computed once a photo.

    Without `norm` what the layer gives is not normalised, as in the papers.
    """
    norms = [nn.LayerNorm(size)] if norm else []
    return nn.Sequential(nn.Linear(channels, size), *norms, nn.ReLU(), nn.Dropout(dropout))
