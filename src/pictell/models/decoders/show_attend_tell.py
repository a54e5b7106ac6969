"""Show, Attend and Tell (Xu et al. 2015, arXiv 1502.03044) with soft attention.

The names in the comments are the paper's. Its annotation vectors `a_i` are the encoder's; here one learned layer makes them
smaller first, which is computed once a photo.
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


class ShowAttendTell(RecurrentDecoder):
    """Looks with the hidden state before each word; `attention` is the width of the network that scores the regions."""

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
        super().__init__(vocabulary_size, embedding, embedding, dropout)
        self.sizes = {"embedding": embedding, "hidden": hidden, "attention": attention, "dropout": dropout}
        self.project = feature_layer(channels, hidden, dropout)
        self.begin = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.Tanh())  # f_init,h and f_init,c
        self.attend = AdditiveAttention(hidden, hidden, attention)  # f_att
        self.beta = nn.Linear(hidden, 1)
        self.cell = LSTMCell(embedding, hidden)
        self.from_context = nn.Linear(hidden, 4 * hidden, bias=False)
        self.deep = nn.Linear(2 * hidden, embedding)  # L_h and L_z side by side; L_o is `classify`

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        a = self.project(grid)  # (P, R, H)
        hidden, cell = self.begin(mean_region(a, mask)).chunk(2, dim=-1)  # (P, H) each
        return hide({"keys": self.attend.key(a), "values": a}, mask), {"hidden": hidden, "cell": cell}

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.cell.from_input(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        h = state["hidden"]  # (N, H), h_{t-1}
        scores = without_padding(self.attend(h, memory["keys"]), memory.get(PADDING))
        alpha = torch.softmax(scores, dim=-1)  # (P, K, R)
        weights, chosen = self.phi(alpha)
        z = (weights @ memory["values"]).reshape(h.shape) * torch.sigmoid(self.beta(h))  # (N, H)
        h, cell = self.cell(gates + self.from_context(z), h, state["cell"])
        return Advance({"hidden": h, "cell": cell}, torch.cat([h, z], dim=-1), alpha.flatten(0, 1), chosen)

    def phi(self, alpha: Tensor) -> tuple[Tensor, Tensor | None]:
        """The weights of the regions in the context, of the probabilities `(P, K, R)`: soft attention's are the same."""
        return alpha, None

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(words + self.deep(self.dropout(features)))  # E y_{t-1} + L_h h_t + L_z z_t
        return dropped
