"""What recurrent decoders share: reading whole sentences at a go where the recurrence allows it."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pictell.models.decoders.base import Decoder, Step, Tensors, Unrolled
from pictell.models.decoders.packing import Packing


class Advance(NamedTuple):
    """The new state, the features that the next word is said from `(N, F)`, where the decoder looked `(N, R)`, and the
    log-probability of what it drew to look at `(N, 1)`."""

    state: Tensors
    features: Tensor
    attention: Tensor | None
    chosen: Tensor | None = None


class RecurrentDecoder(Decoder):
    """A decoder that is one `advance` a word; before it stands `gates` and after it `output`, for all words in one product."""

    def __init__(self, vocabulary_size: int, embedding: int, output: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary_size, embedding)
        nn.init.normal_(self.embed.weight, std=embedding**-0.5)
        self.classify = nn.Linear(output, vocabulary_size)
        nn.init.normal_(self.classify.weight, std=0.02)
        nn.init.zeros_(self.classify.bias)
        self.dropout = nn.Dropout(dropout)

    @abstractmethod
    def gates(self, words: Tensor) -> Tensor:
        """Embedded words `(W, E)` to their share of the cell's gates `(W, G)`."""

    @abstractmethod
    def advance(self, gates: Tensor, memory: Tensors, state: Tensors) -> Advance:
        """One step of N rows over the memory of P photos, N / P consecutive rows a photo."""

    @abstractmethod
    def output(self, words: Tensor, features: Tensor) -> Tensor:
        """The words read `(W, E)` and the features `(W, F)` after them to what the next words are predicted from `(W, O)`."""

    def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
        words = self.dropout(self.embed(tokens))  # (N, E)
        new = self.advance(self.gates(words), memory, state)
        return Step(self.predict(self.output(words, new.features)), new.state, new.attention)

    def unroll(self, grid: Tensor, tokens: Tensor) -> Unrolled:
        packing = Packing(tokens)
        memory, state = (
            {name: tensor[packing.row_photos] for name, tensor in part.items()} for part in self.start(grid)
        )  # (N, ...)
        words = self.dropout(self.embed(packing.words))  # (W, E)
        steps: list[Advance] = []
        for gates in torch.split(self.gates(words), packing.running):
            step = self.advance(gates, _first(len(gates), memory), _first(len(gates), state))
            state = step.state
            steps.append(step)
        outputs = packing.unpack(self.output(words, torch.cat([step.features for step in steps])))
        attention, chosen = (
            packing.unpack(torch.cat([part for part in parts if part is not None])) if parts[0] is not None else None
            for parts in ([step.attention for step in steps], [step.chosen for step in steps])
        )
        return Unrolled(outputs, attention, chosen)

    def predict(self, outputs: Tensor) -> Tensor:
        return torch.log_softmax(self.classify(outputs), dim=-1)


def _first(rows: int, tensors: Tensors) -> Tensors:
    return {name: tensor[:rows] for name, tensor in tensors.items()}
