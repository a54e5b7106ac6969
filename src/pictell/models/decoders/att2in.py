"""Att2in (Rennie et al. 2017, arXiv 1612.00563, section 3): attention that reaches only the cell of an LSTM, not its gates.

What is seen may be written to memory or not, but does not decide what is kept or shown. The names in the comments are the
paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pictell.models.additive_attention import AdditiveAttention
from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes, check_switches


class Att2in(RecurrentDecoder):
    """Looks with the hidden state before each word; `attention` is the width of the network that scores the regions, and
    `feature_norm` says whether what is made of the regions is normalised."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        embedding: int = 256,
        hidden: int = 512,
        attention: int = 128,
        feature_norm: bool = True,
        dropout: float = 0.5,
    ) -> None:
        check_sizes(embedding=embedding, hidden=hidden, attention=attention)
        check_switches(feature_norm=feature_norm)
        super().__init__(vocabulary_size, embedding, hidden, dropout)
        self.sizes = {
            "embedding": embedding,
            "hidden": hidden,
            "attention": attention,
            "feature_norm": feature_norm,
            "dropout": dropout,
        }
        self.project = feature_layer(channels, hidden, dropout, feature_norm)
        self.attend = AdditiveAttention(hidden, hidden, attention)
        # Input, forget and output gate, then the two halves of the maxout unit that the new memory comes from.
        self.from_word = nn.Linear(embedding, 5 * hidden)
        self.from_hidden = nn.Linear(hidden, 5 * hidden, bias=False)
        self.from_context = nn.Linear(hidden, 2 * hidden, bias=False)  # W_zI
        for part in self.from_hidden.weight.chunk(5):
            nn.init.orthogonal_(part.data)
        with torch.no_grad():
            self.from_word.bias.zero_()
            self.from_word.bias[hidden : 2 * hidden] = (
                1.0  # what is remembered is kept at first (Jozefowicz et al. 2015)
            )

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        v = self.project(grid)  # (P, R, H)
        zeros = torch.zeros_like(v[:, 0])  # (P, H)
        return {"keys": self.attend.key(v), "values": v}, {"hidden": zeros, "cell": zeros.clone()}

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.from_word(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        h = state["hidden"]  # (N, H), h_{t-1}
        alpha = torch.softmax(self.attend(h, memory["keys"]), dim=-1)  # (P, K, R)
        context = (alpha @ memory["values"]).reshape(h.shape)  # (N, H), I_t
        i, f, o, z = torch.split(gates + self.from_hidden(h), [h.shape[1]] * 3 + [2 * h.shape[1]], dim=-1)
        one, other = (z + self.from_context(context)).chunk(2, dim=-1)  # (N, H) each
        cell = torch.sigmoid(i) * torch.maximum(one, other) + torch.sigmoid(f) * state["cell"]
        h = torch.sigmoid(o) * torch.tanh(cell)
        return Advance({"hidden": h, "cell": cell}, h, alpha.flatten(0, 1))

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped
