"""What every image encoder offers: a grid of features for the decoders, one vector for the whole photo, and parts to freeze."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pictell.errors import RecipeError
from pictell.photos import Preprocessing


class Encoder(nn.Module, ABC):
    """Photos `(B, S, S, 3)` uint8 RGB, prepared as `preprocessing` says, to a grid `(B, R, D)` float32.

    `size` is S, `regions` R and `channels` D; `places` is how many of the regions are told apart by where they are: all of a
    grid, 1 where their order tells nothing. `settings` are what makes the same encoder again beside its name, all plain values.
    """

    size: int
    regions: int
    channels: int
    settings: dict[str, Any]
    preprocessing: Preprocessing

    @property
    def places(self) -> int:
        """As many as there are regions."""
        return self.regions

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tensor:
        """The grid `(B, R, D)`."""

    @abstractmethod
    def parts(self) -> Sequence[Sequence[nn.Parameter]]:
        """The weights in parts, in the order in which a photo passes them; each weight that the grid depends on is in one."""

    def both(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The grid `(B, R, D)` and one vector for the whole photo, `(B, D)`: the grid's mean where an encoder has no other."""
        grid = self(pixels)
        return grid, grid.mean(dim=1)

    def train_from(self, part: int | None) -> None:
        """Freezes every part before `part`; `None` freezes all of them."""
        for number, weights in enumerate(self.parts()):
            for weight in weights:
                weight.requires_grad_(part is not None and number >= part)

    @property
    def rounds_weights(self) -> bool:
        """Whether `round_weights` is on."""
        return False

    def round_weights(self, on: bool) -> None:
        """Whether the weights are rounded as quantisation will round them; `RecipeError` where an encoder cannot."""
        if on:
            raise RecipeError(
                "no-rounding", "round_weights is for the encoder mobilenet_v2: no other is made of 8 bits"
            )

    def bake_rounding(self) -> None:
        """Replaces the weights by what `round_weights` makes of them, and turns it off."""

    def load_pretrained(self, folder: Path) -> None:
        """Loads the encoder's weights from a folder; `RecipeError` where an encoder has them from elsewhere."""
        raise RecipeError(
            "weights",
            f"model.weights ({folder}) is for the encoder mobilenet_v2: other encoders begin with model.encoder.from",
        )
