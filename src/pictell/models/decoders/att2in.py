"""Att2in (Rennie et al. 2017, arXiv 1612.00563, section 3): attention that reaches only the cell of an LSTM, not its gates.

What is seen may be written to memory or not, but does not decide what is kept or shown. The names in the comments are the
paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pictell.models.additive_attention import AdditiveAttention
from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.padding import PADDING, hide, without_padding
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes, check_switches
from pictell.models.maxout_lstm import MaxoutLSTMCell


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
        self.cell = MaxoutLSTMCell(embedding, hidden)
        self.from_context = nn.Linear(hidden, 2 * hidden, bias=False)  # W_zI

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        v = self.project(grid)  # (P, R, H)
        zeros = torch.zeros_like(v[:, 0])  # (P, H)
        memory = hide({"keys": self.attend.key(v), "values": v}, self.mask(grid))
        return memory, {"hidden": zeros, "cell": zeros.clone()}

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.cell.from_input(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        h = state["hidden"]  # (N, H), h_{t-1}
        scores = without_padding(self.attend(h, memory["keys"]), memory.get(PADDING))
        alpha = torch.softmax(scores, dim=-1)  # (P, K, R)
        context = (alpha @ memory["values"]).reshape(h.shape)  # (N, H), I_t
        seen = pad(self.from_context(context), (3 * h.shape[1], 0))  # (N, 5H), nothing for the gates
        h, cell = self.cell(gates + seen, h, state["cell"])
        return Advance({"hidden": h, "cell": cell}, h, alpha.flatten(0, 1))

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped
