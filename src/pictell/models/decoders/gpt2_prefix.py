"""A prefix for GPT-2 (ClipCap, Mokady et al. 2021, arXiv 2111.09734): the photo as a few vectors in front of the words.

A network turns the mean of the grid into `prefix` vectors, which GPT-2 (Radford et al. 2019) reads as if they were words before
the first. The blocks are GPT-2's to the last number (tests compare them with `transformers`'), so that published weights
can begin them (`gpt2_weights`); the words are pictell's own vocabulary. The prefix is read once a photo: its keys and values are
memory that beams share, those of the words are state.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from pictell.models.decoders.base import Decoder, Step, Tensors, Unrolled
from pictell.models.decoders.packing import Packing
from pictell.models.decoders.padding import mean_region
from pictell.models.decoders.sizes import check_sizes
from pictell.models.decoders.transformer import OneWord


class GPT2Prefix(Decoder):
    """Sizes are those of GPT-2's smallest model if nothing else is said; after `positions` prefix vectors and words the last
    position counts for all that follow. It reports no attention: the prefix has no places in the photo."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        hidden: int = 768,
        layers: int = 12,
        heads: int = 12,
        prefix: int = 10,
        positions: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_sizes(hidden=hidden, layers=layers, heads=heads, prefix=prefix, positions=positions)
        if hidden % (2 * heads):
            raise ValueError(f"hidden ({hidden}) must be an even multiple of heads ({heads})")
        if positions <= prefix:
            raise ValueError(f"positions ({positions}) must be more than prefix ({prefix})")
        self.sizes = {
            "hidden": hidden, "layers": layers, "heads": heads, "prefix": prefix, "positions": positions, "dropout": dropout,
        }  # fmt: skip
        self.prefix = prefix
        inner = hidden * prefix // 2
        self.map = nn.Sequential(nn.Linear(channels, inner), nn.Tanh(), nn.Linear(inner, hidden * prefix))
        self.embed = nn.Embedding(vocabulary_size, hidden)
        self.position = nn.Embedding(positions, hidden)
        for table in (self.embed, self.position):
            nn.init.normal_(table.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        # GPT-2 has one table for words read and words predicted; here they only begin alike where its weights are taken.
        self.classify = nn.Linear(hidden, vocabulary_size)
        nn.init.normal_(self.classify.weight, std=0.02)
        nn.init.zeros_(self.classify.bias)
        self.dropout = nn.Dropout(dropout)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        photos = grid.shape[0]
        x = self.map(mean_region(grid, self.mask(grid))).view(photos, self.prefix, -1)  # (P, k, H)
        x = self.dropout(x + self.position.weight[: self.prefix])
        memory, state = {}, {}
        for number, block in enumerate(self._blocks()):
            x, keys, values = block.read_prefix(x)  # keys and values (P, heads, k, H/heads)
            memory[f"keys{number}"], memory[f"values{number}"] = keys, values
            state[f"keys{number}"] = state[f"values{number}"] = values[:, :, :0]  # no word was read yet
        return memory, state

    def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
        read = state["keys0"].shape[2]  # words before this one
        steps = torch.arange(read, read + 1, device=tokens.device)
        outputs, state = self._read(tokens, steps, OneWord(memory["keys0"].shape[0]), memory, state)
        return Step(self.predict(outputs), state, None)

    def unroll(self, grid: Tensor, tokens: Tensor) -> Unrolled:
        packing = Packing(tokens)
        memory, state = self.start(grid)
        rows = {name: tensor.repeat_interleave(tokens.shape[1], dim=0) for name, tensor in state.items()}
        outputs, _ = self._read(packing.words, packing.steps, packing, memory, rows)
        return Unrolled(packing.unpack(outputs), None)

    def predict(self, outputs: Tensor) -> Tensor:
        return torch.log_softmax(self.classify(outputs), dim=-1)

    def _blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))

    def _read(
        self, tokens: Tensor, steps: Tensor, words: Packing | OneWord, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensors]:
        """Words `(W,)`, so many after the first, to outputs `(W, H)` and the state after them."""
        places = (steps + self.prefix).clamp(max=self.position.num_embeddings - 1)
        x = self.dropout(self.embed(tokens) + self.position(places))  # (W, H)
        new: Tensors = {}
        for number, block in enumerate(self._blocks()):
            names = f"keys{number}", f"values{number}"
            x, *cache = block(x, words, [memory[name] for name in names], [state[name] for name in names])
            new.update(zip(names, cache, strict=True))
        return self.norm(x), new


class Block(nn.Module):
    """One of GPT-2's: causal attention, then a feed-forward part, each normalised before."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_words = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.think = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, 4 * hidden), nn.GELU("tanh"), nn.Linear(4 * hidden, hidden)
        )
        for linear in self.modules():
            if isinstance(linear, nn.Linear):
                nn.init.normal_(linear.weight, std=0.02)
                nn.init.zeros_(linear.bias)
        self.dropout = nn.Dropout(dropout)

    def read_prefix(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The prefix `(P, k, H)` after this block, and its keys and values `(P, heads, k, H/heads)`."""
        query, key, value = (self._split(part) for part in self.qkv(self.norm_words(x)).chunk(3, dim=-1))
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5  # (P, heads, k, k)
        weights = torch.softmax(scores.masked_fill(_later(scores), float("-inf")), dim=-1)
        found = (self.dropout(weights) @ value).transpose(1, 2).flatten(2)
        return self._finish(x, found), key, value

    def forward(
        self, x: Tensor, words: Packing | OneWord, prefix: list[Tensor], before: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Words `(W, H)` look at their photo's prefix, the words before them `(N, heads, T, H/heads)` and themselves."""
        rows = words.unpack(self.qkv(self.norm_words(x))).flatten(0, 1)  # (N, T, 3H)
        query, key, value = (self._split(part) for part in rows.chunk(3, dim=-1))  # (N, heads, T, H/heads) each
        keys, values = (torch.cat(pair, dim=2) for pair in zip(before, (key, value), strict=True))
        scale = query.shape[-1] ** -0.5
        own = query @ keys.transpose(2, 3) * scale  # (N, heads, T, all)
        if words.causal:
            own = own.masked_fill(_later(own), float("-inf"))
        # A photo's rows look at one prefix: (P, K, heads, T, H/heads) over (P, 1, heads, k, H/heads).
        photos, length = prefix[0].shape[0], prefix[0].shape[2]
        together = query.view(photos, -1, *query.shape[1:])
        shown = (together @ prefix[0][:, None].transpose(3, 4) * scale).flatten(0, 1)  # (N, heads, T, k)
        weights = self.dropout(torch.softmax(torch.cat([shown, own], dim=-1), dim=-1))
        of_prefix = weights[..., :length].reshape(photos, -1, *weights.shape[1:3], length) @ prefix[1][:, None]
        found = of_prefix.flatten(0, 1) + weights[..., length:] @ values  # (N, heads, T, H/heads)
        return self._finish(x, words.pack(found.transpose(1, 2).flatten(2))), keys, values

    def _finish(self, x: Tensor, found: Tensor) -> Tensor:
        x = x + self.dropout(self.out(found))
        finished: Tensor = x + self.dropout(self.think(x))
        return finished

    def _split(self, x: Tensor) -> Tensor:
        """`(B, L, H)` to one slice a head, `(B, heads, L, H/heads)`."""
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def _later(scores: Tensor) -> Tensor:
    """Where `(..., L, L)` is above the diagonal: what comes later."""
    return torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
