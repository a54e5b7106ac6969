"""Meshed-Memory Transformer (Cornia et al. 2020, arXiv 1912.08226).

The encoder's layers also look at learned memory slots, which can hold what no region shows; each layer of the decoder looks at
the regions as every layer of the encoder left them, and a gate weighs what was found in each. As in `transformer.py`, each
part is normalised before it, and regions of a grid have positions, which the paper's detected ones do not.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from pictell.models.decoders.base import Tensors
from pictell.models.decoders.packing import Packing
from pictell.models.decoders.padding import hide, without_padding
from pictell.models.decoders.region_layer import RegionLayer
from pictell.models.decoders.sizes import check_sizes
from pictell.models.decoders.transformer import Layer, OneWord, Transformer


class MeshedMemory(Transformer):
    """`layers` of the encoder and as many of the decoder; `slots` of memory. The attention it reports is the last layer's,
    the mean of its heads and of the encoder's layers."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        hidden: int = 256,
        layers: int = 3,
        heads: int = 8,
        inner: int = 1024,
        slots: int = 40,
        dropout: float = 0.2,
    ) -> None:
        check_sizes(layers=layers, slots=slots)
        self._levels = layers
        super().__init__(
            vocabulary_size, channels, regions, hidden=hidden, layers=layers, heads=heads, inner=inner, dropout=dropout
        )
        self.sizes = {**self.sizes, "slots": slots}
        self.encode = nn.ModuleList(_EncoderLayer(hidden, heads, inner, slots, dropout) for _ in range(layers))

    def layer(self, hidden: int, heads: int, inner: int, dropout: float) -> Layer:
        return _MeshedLayer(hidden, heads, inner, dropout, self._levels)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        x = self.project(grid) + self.position  # (P, R, H)
        levels = []
        for layer in self.encode:
            x = layer(x, mask)
            levels.append(x)
        memory, state = {}, {}
        for number, layer in enumerate(self._layers()):
            keys = torch.stack([layer.split(layer.key(level)) for level in levels], dim=1)  # (P, L, heads, R, H/heads)
            values = torch.stack([layer.split(layer.value(level)) for level in levels], dim=1)
            memory[f"keys{number}"], memory[f"values{number}"] = keys.transpose(3, 4), values
            state[f"keys{number}"] = state[f"values{number}"] = values[:, 0, :, :0]  # (P, heads, 0, H/heads)
        return hide(memory, mask), state


class _MeshedLayer(Layer):
    def __init__(self, hidden: int, heads: int, inner: int, dropout: float, levels: int) -> None:
        super().__init__(hidden, heads, inner, dropout)
        self.gates = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(levels))  # W_i [Y, C]

    def attend_photo(
        self, x: Tensor, words: Packing | OneWord, keys: Tensor, values: Tensor, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`keys` `(P, L, heads, H/heads, R)` and `values` `(P, L, heads, R, H/heads)` of the encoder's L layers."""
        query = self.split(words.unpack(self.query(x)).flatten(1, 2))[:, None]  # (P, 1, heads, K*T, H/heads)
        scores = without_padding(query @ keys * query.shape[-1] ** -0.5, padding)
        weights = torch.softmax(scores, dim=-1)  # (P, L, heads, K*T, R)
        found = self.out_photo((weights @ values).transpose(2, 3).flatten(3))  # (P, L, K*T, H)
        mesh = torch.zeros_like(x)  # (W, H)
        for level, gate in enumerate(cast("list[nn.Module]", list(self.gates))):
            context = words.pack(found[:, level])
            mesh = mesh + torch.sigmoid(gate(torch.cat([x, context], dim=-1))) * context
        return mesh * len(self.gates) ** -0.5, words.pack(weights.mean(dim=(1, 2)))


class _EncoderLayer(RegionLayer):
    """Each region also looks at the memory, whose keys and values are weights."""

    def __init__(self, hidden: int, heads: int, inner: int, slots: int, dropout: float) -> None:
        super().__init__(hidden, heads, inner, dropout)
        self.slot_keys = nn.Parameter(torch.randn(heads, slots, hidden // heads) * (hidden // heads) ** -0.5)
        self.slot_values = nn.Parameter(torch.randn(heads, slots, hidden // heads) * slots**-0.5)

    def looked_at(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        photos = keys.shape[0]
        slots = (each[None].expand(photos, -1, -1, -1) for each in (self.slot_keys, self.slot_values))
        with_slots = [torch.cat(pair, dim=2) for pair in zip((keys, values), slots, strict=True)]
        return with_slots[0], with_slots[1]
