"""The encoder of models that read features of regions that a detector found (Anderson et al. 2018, arXiv 1707.07998)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor, nn

from pictell.errors import RecipeError
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing
from pictell.regions import RegionSettings


class RegionFeatures(Encoder):
    """Rows of features `(B, R, D)` float32, as `RegionSettings.fit` makes them, to themselves: it has no weights, sees no photo.

    Rows that are all zero are no regions, and the order of the others tells nothing.
    """

    def __init__(self, regions: int = 100, channels: int = 2048, boxes: bool = False) -> None:
        super().__init__()
        self.reads = RegionSettings(regions, channels, boxes)
        self.regions, self.channels = self.reads.regions, self.reads.width
        self.settings = asdict(self.reads)

    @property
    def places(self) -> int:
        """One for all."""
        return 1

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels

    def parts(self) -> Sequence[Sequence[nn.Parameter]]:
        """None: there are no weights."""
        return []

    @property
    def size(self) -> int:  # type: ignore[override]  # it has none, and whoever asks is told so
        """There is none: raises `RecipeError`."""
        raise _no_photo()

    @property
    def preprocessing(self) -> Preprocessing:  # type: ignore[override]
        """There is none: raises `RecipeError`."""
        raise _no_photo()


def _no_photo() -> RecipeError:
    return RecipeError("regions", "the encoder regions reads features, and sees no photo")
