"""AoANet (Huang et al. 2019, arXiv 1908.06954): what attention found is weighed by how well it answers the question.

Attention always gives something, also where nothing fits. Attention on attention (AoA) makes of the query and the result an
information vector and a gate, and keeps their product. It refines the regions before the first word and looks at them for each
word. The names in the comments are the paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import glu, scaled_dot_product_attention

from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.padding import PADDING, hide, mean_region, without_padding
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes
from pictell.models.lstm import LSTMCell


class AoANet(RecurrentDecoder):
    """`layers` refine the regions (the paper has six). The attention it reports is the mean of the `heads`."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        embedding: int = 256,
        hidden: int = 512,
        layers: int = 3,
        heads: int = 8,
        dropout: float = 0.3,
    ) -> None:
        check_sizes(embedding=embedding, hidden=hidden, layers=layers, heads=heads)
        if hidden % heads:
            raise ValueError(f"hidden ({hidden}) must be a multiple of heads ({heads})")
        super().__init__(vocabulary_size, embedding, hidden, dropout)
        self.sizes = {"embedding": embedding, "hidden": hidden, "layers": layers, "heads": heads, "dropout": dropout}
        self.heads = heads
        self.project = feature_layer(channels, hidden, dropout)
        self.position = nn.Parameter(torch.zeros(regions, hidden))  # the paper's regions have none; a grid's have
        self.refine = nn.ModuleList(_Refining(hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.cell = LSTMCell(embedding, hidden)
        self.from_context = nn.Linear(hidden, 4 * hidden, bias=False)  # of a mean + c_{t-1}
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)  # a bias would change no softmax
        self.value = nn.Linear(hidden, hidden)
        self.aoa = _AttentionOnAttention(hidden)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        a = self.project(grid) + self.position  # (P, R, H)
        for layer in self.refine:
            a = layer(a, mask)
        a = self.norm(a)
        memory = {
            "keys": _split(self.key(a), self.heads).transpose(2, 3),  # (P, heads, H/heads, R)
            "values": _split(self.value(a), self.heads),  # (P, heads, R, H/heads)
            "gates": self.from_context(mean_region(a, mask)),  # (P, 4H)
        }
        zeros = torch.zeros_like(a[:, 0])  # (P, H)
        return hide(memory, mask), {"hidden": zeros, "cell": zeros.clone(), "context": zeros.clone()}

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.cell.from_input(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        photos, size = memory["gates"].shape
        gates = (gates.view(photos, -1, size) + memory["gates"][:, None]).view(-1, size)  # (N, 4H)
        hidden, cell = self.cell(gates + self.from_context(state["context"]), state["hidden"], state["cell"])
        query = _split(self.query(hidden).view(photos, -1, hidden.shape[1]), self.heads)  # (P, heads, K, H/heads)
        scores = without_padding(query @ memory["keys"] * query.shape[-1] ** -0.5, memory.get(PADDING))
        weights = torch.softmax(scores, dim=-1)  # (P, heads, K, R)
        seen = (weights @ memory["values"]).transpose(1, 2).reshape(hidden.shape)  # (N, H)
        context = self.aoa(seen, hidden)  # (N, H), c_t
        new = {"hidden": hidden, "cell": cell, "context": context}
        return Advance(new, context, weights.mean(dim=1).flatten(0, 1))

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped


class _AttentionOnAttention(nn.Module):
    """`sigmoid(W_q^g q + W_v^g v + b^g) * (W_q^i q + W_v^i v + b^i)`: the gate times the information."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * hidden, 2 * hidden)

    def forward(self, found: Tensor, query: Tensor) -> Tensor:
        return glu(self.mix(torch.cat([found, query], dim=-1)), dim=-1)


class _Refining(nn.Module):
    """A layer of the refining module: each region looks at all of them. It has no feed-forward part."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.aoa = _AttentionOnAttention(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, a: Tensor, mask: Tensor | None = None) -> Tensor:
        """Regions `(P, R, H)`, those that `mask (P, R)` says are some, to refined ones."""
        x = self.norm(a)
        whole, _, _ = parts = self.qkv(x).chunk(3, dim=-1)  # (P, R, H) each
        query, key, value = (_split(part, self.heads) for part in parts)
        looked_at = None if mask is None else mask[:, None, None]
        found = scaled_dot_product_attention(query, key, value, looked_at).transpose(1, 2).flatten(2)  # (P, R, H)
        refined: Tensor = a + self.dropout(self.aoa(found, whole))
        return refined


def _split(x: Tensor, heads: int) -> Tensor:
    """`(P, L, H)` to one slice a head, `(P, heads, L, H/heads)`."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)
