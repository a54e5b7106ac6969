"""Knowing When to Look (Lu et al. 2017, arXiv 1612.01887): adaptive attention with a visual sentinel.

Beside the regions stands the sentinel, what the LSTM already knows; for a word like "of" the decoder may attend to it instead of
the photo. The names in the comments are the paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pictell.models.additive_attention import AdditiveAttention
from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.padding import PADDING, hide, mean_region, without_padding
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes
from pictell.models.lstm import LSTMCell


class AdaptiveAttention(RecurrentDecoder):
    """The attention it reports is over the regions alone (the paper's alpha), without the sentinel's share beta."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        embedding: int = 256,
        hidden: int = 512,
        attention: int = 128,
        dropout: float = 0.5,
    ) -> None:
        check_sizes(embedding=embedding, hidden=hidden, attention=attention)
        super().__init__(vocabulary_size, embedding, hidden, dropout)
        self.sizes = {"embedding": embedding, "hidden": hidden, "attention": attention, "dropout": dropout}
        self.project = feature_layer(channels, hidden, dropout)  # v_i
        self.whole = nn.Sequential(nn.Linear(channels, embedding), nn.ReLU())  # v^g
        self.attend = AdditiveAttention(hidden, hidden, attention)  # W_v, W_g, w_h
        self.sentinel_key = nn.Linear(hidden, attention)  # W_s
        self.cell = LSTMCell(embedding, hidden)
        self.sentinel = nn.Linear(embedding, hidden)  # W_x
        self.sentinel_hidden = nn.Linear(hidden, hidden, bias=False)  # W_h
        self.from_whole = nn.Linear(embedding, 5 * hidden, bias=False)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        v = self.project(grid)  # (P, R, H)
        mask = self.mask(grid)
        whole = self.dropout(self.whole(mean_region(grid, mask)))  # (P, E)
        memory = {"keys": self.attend.key(v), "values": v, "gates": self.from_whole(whole)}
        zeros = torch.zeros_like(v[:, 0])  # (P, H)
        return hide(memory, mask), {"hidden": zeros, "cell": zeros.clone()}

    def gates(self, words: Tensor) -> Tensor:
        """The LSTM's four gates and the sentinel's: with the photo's share, of `x_t = [w_t; v^g]`."""
        return torch.cat([self.cell.from_input(words), self.sentinel(words)], dim=-1)

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        photos, _, size = memory["values"].shape
        gates = (gates.view(photos, -1, 5 * size) + memory["gates"][:, None]).view(-1, 5 * size)
        cell_gates, sentinel_gate = torch.split(gates, [4 * size, size], dim=-1)
        hidden, cell = self.cell(cell_gates, state["hidden"], state["cell"])  # (N, H)
        # Of the sentinel's gate: the LSTM's state before this word.
        s = torch.sigmoid(sentinel_gate + self.sentinel_hidden(state["hidden"])) * torch.tanh(cell)  # (N, H)
        z = without_padding(self.attend(hidden, memory["keys"]), memory.get(PADDING))  # (P, K, R)
        alpha = torch.softmax(z, dim=-1)
        c = (alpha @ memory["values"]).reshape(hidden.shape)  # (N, H)
        sentinel_score = self.attend.weigh(torch.tanh(self.sentinel_key(s) + self.attend.query(hidden)))  # (N, 1)
        # The sentinel's share of a softmax over the regions and itself.
        beta = torch.sigmoid(sentinel_score - torch.logsumexp(z, dim=-1).view(-1, 1))  # (N, 1)
        said = beta * s + (1 - beta) * c + hidden  # c^ + h
        return Advance({"hidden": hidden, "cell": cell}, said, alpha.flatten(0, 1))

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped
