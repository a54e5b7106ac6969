"""Up-Down (Anderson et al. 2018, arXiv 1707.07998): one LSTM decides where to look, another what to say.

The paper's `v_i` are features of detected regions; grid features do as well. The names in the comments are the paper's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pictell.models.additive_attention import AdditiveAttention
from pictell.models.decoders.base import Tensors
from pictell.models.decoders.features import feature_layer
from pictell.models.decoders.padding import PADDING, hide, mean_region, without_padding
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes, check_switches
from pictell.models.lstm import LSTMCell

PHOTOS = ("mean", "layer")


class UpDown(RecurrentDecoder):
    """`attention` is the width of the network that scores the regions, `feature_norm` says whether they are normalised.

    The photo as a whole is the `mean` of the `v_i`, as in the paper, or what a `layer` of its own makes of the mean of the
    encoder's grid, as in Luo's implementation (github.com/ruotianluo/self-critical.pytorch).
    """

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
        photo: str = "mean",
        dropout: float = 0.5,
    ) -> None:
        check_sizes(embedding=embedding, hidden=hidden, attention=attention)
        check_switches(feature_norm=feature_norm)
        if photo not in PHOTOS:
            raise ValueError(f"photo is {photo!r}; it must be one of {', '.join(PHOTOS)}")
        super().__init__(vocabulary_size, embedding, hidden, dropout)
        self.sizes = {
            "embedding": embedding,
            "hidden": hidden,
            "attention": attention,
            "feature_norm": feature_norm,
            "photo": photo,
            "dropout": dropout,
        }
        self.project = feature_layer(channels, hidden, dropout, feature_norm)
        self.whole = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU()) if photo == "layer" else None
        # The attention LSTM reads [h2, v mean, W_e word]; the three shares of its gates are apart.
        self.look = LSTMCell(embedding, hidden)
        self.look_from_mean = nn.Linear(hidden, 4 * hidden, bias=False)
        self.look_from_said = nn.Linear(hidden, 4 * hidden, bias=False)
        self.attend = AdditiveAttention(hidden, hidden, attention)
        self.say = LSTMCell(2 * hidden, hidden)  # the language LSTM reads [v^, h1]

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        v = self.project(grid)  # (P, R, H)
        mean = mean_region(v if self.whole is None else grid, mask)
        photo = mean if self.whole is None else self.dropout(self.whole(mean))  # (P, H)
        memory = {"keys": self.attend.key(v), "values": v, "gates": self.look_from_mean(photo)}
        return hide(memory, mask), {name: torch.zeros_like(photo) for name in ("look", "look_cell", "say", "say_cell")}

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.look.from_input(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        photos, size = memory["gates"].shape
        gates = (gates.view(photos, -1, size) + memory["gates"][:, None]).view(-1, size)  # (N, 4H)
        h1, cell1 = self.look(gates + self.look_from_said(state["say"]), state["look"], state["look_cell"])
        scores = without_padding(self.attend(h1, memory["keys"]), memory.get(PADDING))
        alpha = torch.softmax(scores, dim=-1)  # (P, K, R)
        context = (alpha @ memory["values"]).reshape(h1.shape)  # (N, H), v^
        seen = self.say.from_input(torch.cat([context, h1], dim=-1))
        h2, cell2 = self.say(seen, state["say"], state["say_cell"])
        new = {"look": h1, "look_cell": cell1, "say": h2, "say_cell": cell2}
        return Advance(new, h2, alpha.flatten(0, 1))

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped
