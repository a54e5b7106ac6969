"""An LSTM with spatial attention over the grid.

Xu et al. 2015 (arXiv 1502.03044) begin the hidden and memory state from the mean feature; Lu et al. 2017 (arXiv 1612.01887)
look at the grid with the *current* hidden state, so that a whole teacher-forced sentence is attended to in one product. The
scores are scaled dot products in several heads (Vaswani et al. 2017) instead of a small network: the same captions at a
fraction of the time on a CPU. Words read and words predicted have weights of their own: tied (Press and Wolf 2017), the
network learned far more slowly here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pictell.models.decoders.base import Decoder, Step, Tensors, Unrolled
from pictell.models.decoders.packing import Packing
from pictell.models.decoders.padding import PADDING, hide, mean_region, without_padding
from pictell.models.decoders.sizes import check_sizes
from pictell.models.lstm import LSTMCell


class SpatialAttentionLSTM(Decoder):
    """See the module's description; `channels` and `regions` are the encoder's, the rest are free."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        embedding: int = 128,
        hidden: int = 512,
        output: int = 384,
        heads: int = 8,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_sizes(embedding=embedding, hidden=hidden, output=output, heads=heads)
        if hidden % heads:
            raise ValueError(f"hidden ({hidden}) must be a multiple of heads ({heads})")
        self.sizes = {"embedding": embedding, "hidden": hidden, "output": output, "heads": heads, "dropout": dropout}
        self.heads = heads
        self.embed = nn.Embedding(vocabulary_size, embedding)
        nn.init.normal_(self.embed.weight, std=embedding**-0.5)
        self.project = nn.Sequential(nn.Linear(channels, hidden), nn.LayerNorm(hidden), nn.ReLU())
        self.position = nn.Parameter(torch.zeros(regions, hidden))
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.value = nn.Linear(hidden, hidden)
        self.query = nn.Linear(hidden, hidden)
        self.look = nn.Linear(hidden, embedding)
        self.begin = nn.Linear(hidden, 2 * hidden)
        self.cell = LSTMCell(embedding, hidden)
        self.out = nn.Linear(2 * hidden, output)
        self.classify = nn.Linear(output, vocabulary_size)
        nn.init.normal_(self.classify.weight, std=0.02)
        nn.init.zeros_(self.classify.bias)
        self.dropout = nn.Dropout(dropout)

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mask = self.mask(grid)
        features = self.dropout(self.project(grid))  # (P, R, H)
        mean = mean_region(features, mask)  # (P, H)
        hidden, cell = torch.tanh(self.begin(mean)).chunk(2, dim=-1)  # (P, H) each
        memory = {
            # Laid out once a photo as every step's products want them.
            "keys": self._split(self.key(features + self.position)).transpose(2, 3),  # (P, heads, H/heads, R)
            "values": self._split(self.value(features)),  # (P, heads, R, H/heads)
            "look": self.look(mean),  # (P, E), added to every word read
        }
        return hide(memory, mask), {"hidden": hidden, "cell": cell}

    def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
        photos = memory["look"].shape[0]
        embedding = memory["look"].shape[1]
        words = self.embed(tokens).view(photos, -1, embedding) + memory["look"][:, None]  # (P, K, E)
        gates = self.cell.from_input(self.dropout(words.view(-1, embedding)))  # (N, 4H)
        hidden, cell = self.cell(gates, state["hidden"], state["cell"])  # (N, H)
        context, attention = self._attend(self.query(hidden).view(photos, -1, hidden.shape[1]), memory)
        log_probs = self.predict(self._output(hidden, context.reshape(-1, hidden.shape[1])))  # (N, V)
        attention = attention.mean(dim=1).reshape(-1, attention.shape[-1])  # (N, R)
        return Step(log_probs, {"hidden": hidden, "cell": cell}, attention)

    def unroll(self, grid: Tensor, tokens: Tensor) -> Unrolled:
        packing = Packing(tokens)
        memory, state = self.start(grid)
        words = self.embed(packing.words) + memory["look"][packing.word_photos]  # (W, E)
        gates = self.cell.from_input(self.dropout(words)).split(packing.running)
        hidden, cell = (state[name][packing.row_photos] for name in ("hidden", "cell"))  # (N, H)
        states = []
        for gate in gates:
            running = len(gate)
            hidden, cell = self.cell(gate, hidden[:running], cell[:running])
            states.append(hidden)
        packed = torch.cat(states)  # (W, H)
        queries = packing.unpack(self.query(packed)).flatten(1, 2)  # (P, K*T, H)
        context, weights = self._attend(queries, memory)
        outputs = self._output(packed, packing.pack(context))  # (W, O)
        attention = packing.pack(weights.mean(dim=1))  # (W, R)
        return Unrolled(packing.unpack(outputs), packing.unpack(attention))

    def predict(self, outputs: Tensor) -> Tensor:
        return torch.log_softmax(self.classify(outputs), dim=-1)

    def _attend(self, queries: Tensor, memory: Tensors) -> tuple[Tensor, Tensor]:
        """Queries `(P, Q, H)` to contexts `(P, Q, H)` and weights `(P, heads, Q, R)`."""
        query = self._split(queries)  # (P, heads, Q, H/heads)
        scores = without_padding(query @ memory["keys"] * query.shape[-1] ** -0.5, memory.get(PADDING))
        weights = torch.softmax(scores, dim=-1)
        return (weights @ memory["values"]).transpose(1, 2).flatten(2), weights

    def _split(self, x: Tensor) -> Tensor:
        """`(P, N, H)` to one slice a head, `(P, heads, N, H/heads)`."""
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def _output(self, hidden: Tensor, context: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(self.out(torch.cat([self.dropout(hidden), context], dim=-1)))  # (..., O)
        return dropped
