"""Runs a `CaptioningModel` in PyTorch behind the engines' contract: for validation while training, and for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pictell.models import CaptioningModel
from pictell.models.decoders.padding import mean_region


@dataclass(frozen=True)
class TorchState:
    """One row a word sequence; `memory` is repeated for each row."""

    memory: dict[str, Tensor]
    state: dict[str, Tensor]


class TorchEngine:
    """Encodes and steps without gradients, on the model's own device; the model must be in evaluation mode."""

    def __init__(self, model: CaptioningModel) -> None:
        self.model = model
        self.device = next(model.parameters()).device

    @property
    def vocabulary_size(self) -> int:
        """V, the number of words that `step` tells apart."""
        return self.model.vocabulary_size

    def count(self, memory: Tensor) -> int:
        """P, the number of photos in `memory`."""
        return memory.shape[0]

    @torch.inference_mode()
    def encode(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
        """Pixels `(P, S, S, 3)` to the grid `(P, R, D)`; of a model of region features these are given."""
        grid: Tensor = self.model.encoder(torch.from_numpy(pixels).to(self.device))
        return grid

    @torch.inference_mode()
    def features(self, memory: Tensor) -> NDArray[np.float32]:
        """What the photos look like to the encoder, `(P, D)`: the mean over the places of its grid, or its regions."""
        means: NDArray[np.float32] = mean_region(memory, self.model.decoder.mask(memory)).cpu().numpy()
        return means

    @torch.inference_mode()
    def start(self, memory: Tensor) -> TorchState:
        """The state before the first word, one row a photo."""
        return TorchState(*self.model.decoder.start(memory))

    @torch.inference_mode()
    def step(
        self, tokens: NDArray[np.int64], state: TorchState
    ) -> tuple[NDArray[np.float32], TorchState, NDArray[np.float32] | None]:
        """Reads a token a row; log-probabilities `(N, V)`, the new state, attention `(N, R)`."""
        result = self.model.decoder.step(torch.from_numpy(tokens).to(self.device), state.memory, state.state)
        attention = None if result.attention is None else result.attention.cpu().numpy()
        return result.log_probs.cpu().numpy(), TorchState(state.memory, result.state), attention

    @torch.inference_mode()
    def select(self, state: TorchState, rows: NDArray[np.int64]) -> TorchState:
        """The rows of `state` in a new order, some repeated, some left out."""
        chosen = torch.from_numpy(rows).to(self.device)
        return TorchState(
            {name: tensor[chosen] for name, tensor in state.memory.items()},
            {name: tensor[chosen] for name, tensor in state.state.items()},
        )
