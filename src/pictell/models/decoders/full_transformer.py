"""The whole Transformer (Vaswani et al. 2017, arXiv 1706.03762): an encoder over the regions before the decoder.

As captioners use it (Sharma et al. 2018, "Conceptual Captions"; github.com/ruotianluo/self-critical.pytorch). As in
`transformer.py` each part is normalised before it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.region_layer import RegionLayer
from pictell.models.decoders.sizes import check_sizes
from pictell.models.decoders.transformer import Layer, Transformer


class FullTransformer(Transformer):
    """`encoder_layers` before `layers` of the decoder. Regions begin with their positions in a grid, which are learned.

    `norm_epsilon` is what every normalisation adds to a variance. The attention it reports is the last layer's, the mean of
    its heads.
    """

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        hidden: int = 256,
        encoder_layers: int = 3,
        layers: int = 3,
        heads: int = 8,
        inner: int = 1024,
        norm_epsilon: float = 1e-5,
        dropout: float = 0.2,
    ) -> None:
        check_sizes(encoder_layers=encoder_layers)
        norm_epsilon = float(norm_epsilon)  # YAML takes 1e-6, without a point, for a text
        if not 0 < norm_epsilon < 1:
            raise ValueError(f"norm_epsilon is {norm_epsilon}; it must be above 0 and below 1")
        super().__init__(
            vocabulary_size, channels, regions, hidden=hidden, layers=layers, heads=heads, inner=inner, dropout=dropout
        )
        self.sizes = {**self.sizes, "encoder_layers": encoder_layers, "norm_epsilon": norm_epsilon}
        self.project = feature_layer(channels, hidden, dropout, norm=False)
        self.encode = nn.ModuleList(_EncoderLayer(hidden, heads, inner, dropout) for _ in range(encoder_layers))
        self.norm_regions = nn.LayerNorm(hidden)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = norm_epsilon

    def layer(self, hidden: int, heads: int, inner: int, dropout: float) -> Layer:
        return _DecoderLayer(hidden, heads, inner, dropout)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        x = self.project(grid) + self.position  # (P, R, H)
        for layer in cast("list[_EncoderLayer]", list(self.encode)):
            x = layer(x, mask)
        x = self.norm_regions(x)
        return self._begin(x, x, mask)


class QKV(nn.Linear):
    """Queries, keys and values `(..., 3H)` in one product. Queries have a bias: one of keys would change no softmax, and one
    of values is that of the layer after them."""

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden, 3 * hidden, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(hidden))

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, pad(self.query_bias, (0, 2 * len(self.query_bias))))


class _DecoderLayer(Layer):
    def __init__(self, hidden: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__(hidden, heads, inner, dropout)
        self.qkv = QKV(hidden)


class _EncoderLayer(RegionLayer):
    def __init__(self, hidden: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__(hidden, heads, inner, dropout)
        self.qkv = QKV(hidden)
