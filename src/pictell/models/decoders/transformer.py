"""A Transformer decoder (Vaswani et al. 2017, arXiv 1706.03762).

Each part is normalised before it, not after (Xiong et al. 2020, arXiv 2002.04745), which trains without a warm-up.
A sentence that is read word by word keeps the keys and values of its words as state, so that each word costs one pass over
those before it; a teacher-forced sentence is read in one pass.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from pictell.models.decoders.base import Decoder, Step, Tensors, Unrolled
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.packing import Packing
from pictell.models.decoders.padding import PADDING, hide, without_padding
from pictell.models.decoders.sizes import check_sizes


class Transformer(Decoder):
    """`inner` is the width of the feed-forward part. The attention it reports is the last layer's, the mean of its heads."""

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
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(hidden=hidden, layers=layers, heads=heads, inner=inner)
        if hidden % (2 * heads):
            raise ValueError(f"hidden ({hidden}) must be an even multiple of heads ({heads})")
        self.sizes = {"hidden": hidden, "layers": layers, "heads": heads, "inner": inner, "dropout": dropout}
        self.heads = heads
        self.embed = nn.Embedding(vocabulary_size, hidden)
        nn.init.normal_(self.embed.weight, std=hidden**-0.5)
        self.project = feature_layer(channels, hidden, dropout)
        self.position = nn.Parameter(torch.zeros(regions, hidden))
        self.layers = nn.ModuleList(self.layer(hidden, heads, inner, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.classify = nn.Linear(hidden, vocabulary_size)
        nn.init.normal_(self.classify.weight, std=0.02)
        nn.init.zeros_(self.classify.bias)
        self.dropout = nn.Dropout(dropout)

    def layer(self, hidden: int, heads: int, inner: int, dropout: float) -> Layer:
        """A fresh layer."""
        return Layer(hidden, heads, inner, dropout)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        v = self.project(grid)  # (P, R, H)
        return self._begin(v + self.position, v, self.mask(grid))

    def _begin(self, found: Tensor, told: Tensor, mask: Tensor | None) -> tuple[Tensors, Tensors]:
        """Of regions `(P, R, H)` as they are found and as what they tell, the memory and the state before any word; `mask`
        says which are some."""
        memory, state = {}, {}
        for number, layer in enumerate(self._layers()):
            memory[f"keys{number}"] = layer.split(layer.key(found)).transpose(2, 3)  # (P, heads, H/heads, R)
            memory[f"values{number}"] = values = layer.split(layer.value(told))  # (P, heads, R, H/heads)
            # No word was read yet.
            state[f"keys{number}"] = values[:, :, :0]  # (P, heads, 0, H/heads)
            state[f"values{number}"] = values[:, :, :0]
        return hide(memory, mask), state

    def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
        read = state["keys0"].shape[2]  # words before this one
        position = torch.arange(read, read + 1, device=tokens.device)
        outputs, state, attention = self._read(tokens, position, OneWord(memory["keys0"].shape[0]), memory, state)
        return Step(self.predict(outputs), state, attention)

    def unroll(self, grid: Tensor, tokens: Tensor) -> Unrolled:
        packing = Packing(tokens)
        memory, state = self.start(grid)
        rows = {name: tensor.repeat_interleave(tokens.shape[1], dim=0) for name, tensor in state.items()}
        outputs, _, attention = self._read(packing.words, packing.steps, packing, memory, rows)
        return Unrolled(packing.unpack(outputs), packing.unpack(attention))

    def predict(self, outputs: Tensor) -> Tensor:
        return torch.log_softmax(self.classify(outputs), dim=-1)

    def _layers(self) -> list[Layer]:
        return cast("list[Layer]", list(self.layers))

    def _read(
        self, tokens: Tensor, positions: Tensor, words: Packing | OneWord, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensors, Tensor]:
        """Words `(W,)` at their positions to outputs `(W, H)`, the state after them, and attention `(W, R)`."""
        size = self.embed.embedding_dim
        x = self.dropout(self.embed(tokens) * math.sqrt(size) + _sinusoids(positions, size))  # (W, H)
        new: Tensors = {}
        weights = x
        for number, layer in enumerate(self._layers()):
            names = f"keys{number}", f"values{number}"
            y, *cache = layer.attend_words(layer.norm_words(x), words, *(state[name] for name in names))
            x = x + self.dropout(y)
            keys, values = (memory[name] for name in names)
            y, weights = layer.attend_photo(layer.norm_photo(x), words, keys, values, memory.get(PADDING))
            x = x + self.dropout(y)
            x = x + self.dropout(layer.think(x))
            new.update(zip(names, cache, strict=True))
        return self.dropout(self.norm(x)), new, weights


class Layer(nn.Module):
    """A layer of the decoder; how it looks at the photo is for kindred decoders to change."""

    def __init__(self, hidden: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_words = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out_words = nn.Linear(hidden, hidden)
        self.norm_photo = nn.LayerNorm(hidden)
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)  # a bias would change no softmax
        self.value = nn.Linear(hidden, hidden, bias=False)
        self.out_photo = nn.Linear(hidden, hidden)
        self.think = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, hidden)
        )

    def attend_words(
        self, x: Tensor, words: Packing | OneWord, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Each word `(W, H)` looks at those before it and itself; the cache `(N, heads, T, H/heads)` grows by them."""
        rows = words.unpack(self.qkv(x)).flatten(0, 1)  # (N, T, 3H)
        query, key, value = (self.split(part) for part in rows.chunk(3, dim=-1))  # (N, heads, T, H/heads) each
        keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
        context = scaled_dot_product_attention(query, keys, values, is_causal=words.causal)
        return self.out_words(words.pack(context.transpose(1, 2).flatten(2))), keys, values

    def attend_photo(
        self, x: Tensor, words: Packing | OneWord, keys: Tensor, values: Tensor, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Each word `(W, H)` looks at its photo's regions, not at `padding`; also gives where, `(W, R)`."""
        query = self.split(words.unpack(self.query(x)).flatten(1, 2))  # (P, heads, K*T, H/heads)
        scores = without_padding(query @ keys * query.shape[-1] ** -0.5, padding)
        weights = torch.softmax(scores, dim=-1)  # (P, heads, K*T, R)
        context = (weights @ values).transpose(1, 2).flatten(2)  # (P, K*T, H)
        return self.out_photo(words.pack(context)), words.pack(weights.mean(dim=1))

    def split(self, x: Tensor) -> Tensor:
        """`(B, L, H)` to one slice a head, `(B, heads, L, H/heads)`."""
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class OneWord:
    """A `Packing` of one word a row, N rows over P photos: there is no padding, and no later word to hide."""

    causal = False

    def __init__(self, photos: int) -> None:
        self.photos = photos

    def unpack(self, packed: Tensor) -> Tensor:
        """`(N, F)` to `(P, N / P, 1, F)`."""
        return packed.view(self.photos, -1, 1, packed.shape[1])

    def pack(self, unpacked: Tensor) -> Tensor:
        """`(P, N / P, F)` or `(N, 1, F)` to `(N, F)`."""
        return unpacked.reshape(-1, unpacked.shape[-1])


def _sinusoids(positions: Tensor, size: int) -> Tensor:
    """Positions `(W,)` as sines and cosines `(W, size)`, section 3.5 of the paper; of any length."""
    rates = torch.exp(torch.arange(0, size, 2, device=positions.device) * (-math.log(10000.0) / size))  # (size / 2,)
    angles = positions[:, None] * rates  # (W, size / 2)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
