"""Show and Tell (Vinyals et al. 2015, arXiv 1411.4555): a recurrent network that sees the photo once, before the first word.

The photo is the mean of the grid. The paper feeds it as if it were a word before the first; giving it as the initial hidden and
memory state is the other common way (Mao et al. 2015, arXiv 1412.6632, and Xu et al. 2015 compare such ways).
"""

from __future__ import annotations

from torch import Tensor, nn

from pictell.models.decoders.base import Tensors
from pictell.models.decoders.padding import mean_region
from pictell.models.decoders.recurrent import Advance, RecurrentDecoder
from pictell.models.decoders.sizes import check_sizes
from pictell.models.gru import GRUCell
from pictell.models.lstm import LSTMCell
from pictell.models.maxout_lstm import MaxoutLSTMCell
from pictell.models.rnn import RNNCell

CELLS: dict[str, type[RNNCell | GRUCell | LSTMCell | MaxoutLSTMCell]] = {
    "rnn": RNNCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "maxout_lstm": MaxoutLSTMCell,
}
IMAGES = ("input", "state", "both")


class ShowAndTell(RecurrentDecoder):
    """`image` is how the photo comes in: as first `input`, as initial `state`, or `both`; `cell` is `rnn`, `gru`, `lstm` or
    `maxout_lstm`, with which it is the FC model of Rennie et al. 2017."""

    def __init__(
        self,
        vocabulary_size: int,
        channels: int,
        regions: int,
        *,
        image: str = "input",
        cell: str = "lstm",
        embedding: int = 512,
        hidden: int = 512,
        dropout: float = 0.5,
    ) -> None:
        check_sizes(embedding=embedding, hidden=hidden)
        if image not in IMAGES:
            raise ValueError(f"image is {image!r}; it must be one of {', '.join(IMAGES)}")
        if cell not in tuple(CELLS):
            raise ValueError(f"cell is {cell!r}; it must be one of {', '.join(CELLS)}")
        super().__init__(vocabulary_size, embedding, hidden, dropout)
        self.sizes = {"image": image, "cell": cell, "embedding": embedding, "hidden": hidden, "dropout": dropout}
        self.cell = CELLS[cell](embedding, hidden)
        self.hidden = hidden
        self.see = nn.Linear(channels, embedding) if image != "state" else None
        states = len(self.cell.states)
        self.begin = nn.Sequential(nn.Linear(channels, states * hidden), nn.Tanh()) if image != "input" else None

    def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        photo = mean_region(grid, self.mask(grid))  # (P, D)
        states = len(self.cell.states)
        begin = self.begin(photo) if self.begin is not None else photo.new_zeros(photo.shape[0], states * self.hidden)
        state = begin.chunk(states, dim=-1)  # (P, H) each
        if self.see is not None:
            state = self.cell(self.cell.from_input(self.dropout(self.see(photo))), *state)  # x_{-1} = CNN(I)
        return {}, dict(zip(self.cell.states, state, strict=True))

    def gates(self, words: Tensor) -> Tensor:
        gates: Tensor = self.cell.from_input(words)
        return gates

    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        new = self.cell(gates, *(state[name] for name in self.cell.states))
        return Advance(dict(zip(self.cell.states, new, strict=True)), new[0], None)

    def output(self, words: Tensor, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features)
        return dropped
