"""The regions of one photo, and how a model wants them: always as many rows, those after the last region zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.errors import RegionError

BOX_COLUMNS = 5
"""What a box adds to its region's features: left, top, right, bottom and area, as shares of the photo's."""


@dataclass(frozen=True, eq=False)
class Regions:
    """What a detector found in a photo: `features` (R, D) float32 and, where they are known, `boxes` (R, 4) float32.

    A box is left, top, right and bottom as shares (0..1) of the photo's width and height. A region whose features are all
    zero is none: some layouts fill up with those.
    """

    features: NDArray[np.float32]
    boxes: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class RegionSettings:
    """What a model reads: up to `regions` regions a photo, each of `channels` features and, with `boxes`, its box beside them.

    A value outside these raises `ValueError`.
    """

    regions: int = 100
    channels: int = 2048
    boxes: bool = False

    def __post_init__(self) -> None:
        for name in ("regions", "channels"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be a whole number, at least 1")
        if not isinstance(self.boxes, bool):
            raise ValueError(f"boxes is {self.boxes!r}; it must be true or false")

    @property
    def width(self) -> int:
        """How many numbers the model reads of a region."""
        return self.channels + BOX_COLUMNS * self.boxes

    def fit(self, found: Regions, name: str) -> NDArray[np.float32]:
        """The regions of the photo called `name` as the model reads them, (`regions`, `width`), zeros after the last.

        Raises `RegionError` for more regions than the model reads, another width, or boxes that are not there.
        """
        count, channels = found.features.shape
        if channels != self.channels:
            raise RegionError("width", f"{name}: its features are {channels} wide, and the model reads {self.channels}")
        if count > self.regions:
            raise RegionError("regions", f"{name}: it has {count} regions, and the model reads up to {self.regions}")
        rows = np.zeros((self.regions, self.width), np.float32)
        rows[:count, :channels] = found.features
        if self.boxes:
            if found.boxes is None:
                raise RegionError("boxes", f"{name}: the model reads boxes, and none as shares of the photo are known")
            left, top, right, bottom = found.boxes.T
            rows[:count, channels:] = np.column_stack([found.boxes, (right - left) * (bottom - top)])
            rows[:count][~found.features.any(axis=1)] = 0  # no region, whatever box it is said to have
        return rows
