"""What recurrent decoders share: reading whole sentences at a go where the recurrence allows it."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pictell.models.decoders.base import Decoder, Step, Tensors
from pictell.models.decoders.packing import Packing


class Advance(NamedTuple):
    """The new state, the features that the next word is said from `(N, F)`, and where the decoder looked `(N, R)`."""

    state: Tensors
    features: Tensor
    attention: Tensor | None


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
        state, features, attention = self.advance(self.gates(words), memory, state)
        return Step(self.predict(self.output(words, features)), state, attention)

    def unroll(self, grid: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        packing = Packing(tokens)
        memory, state = (
            {name: tensor[packing.row_photos] for name, tensor in part.items()} for part in self.start(grid)
        )  # (N, ...)
        words = self.dropout(self.embed(packing.words))  # (W, E)
        features, attention = [], []
        for gates in torch.split(self.gates(words), packing.running):
            step = self.advance(gates, _first(len(gates), memory), _first(len(gates), state))
            state = step.state
            features.append(step.features)
            if step.attention is not None:
                attention.append(step.attention)
        outputs = packing.unpack(self.output(words, torch.cat(features)))
        return outputs, packing.unpack(torch.cat(attention)) if attention else None

    def predict(self, outputs: Tensor) -> Tensor:
        return torch.log_softmax(self.classify(outputs), dim=-1)


def _first(rows: int, tensors: Tensors) -> Tensors:
    return {name: tensor[:rows] for name, tensor in tensors.items()}
