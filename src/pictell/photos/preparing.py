"""From a photo to the square of pixels a model sees. Training and running both call this one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pictell.errors import BundleError
from pictell.types import Photo

Fit = Literal["squash"]
Resample = Literal["bilinear", "bicubic", "lanczos"]

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocessing:
    """How a model was trained to see photos.

    `size` is the side of the square in pixels (at least 1). `fit` says how a photo that is not square gets there:
    `"squash"` changes its aspect ratio, so nothing is cut off. `resample` is the filter, widened when a photo shrinks
    so that it does not alias (as Pillow does). A value outside these raises `ValueError`.
    """

    size: int = 224
    fit: Fit = "squash"
    resample: Resample = "bicubic"

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size < 1:
            raise ValueError(f"size is {self.size!r}; it must be a whole number of pixels, at least 1")
        if self.fit not in get_args(Fit):
            raise ValueError(f"fit is {self.fit!r}; known are {', '.join(get_args(Fit))}")
        if self.resample not in get_args(Resample):
            raise ValueError(f"resample is {self.resample!r}; known are {', '.join(get_args(Resample))}")

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` wrote; keys of newer versions are passed over.

        Raises:
            BundleError: of kind `bad-preprocessing`, when a value is not one this version knows.
        """
        known = {name: settings[name] for name in cls.__dataclass_fields__ if name in settings}
        try:
            return cls(**known)
        except (ValueError, TypeError) as error:
            raise BundleError("bad-preprocessing", f"preprocessing: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)


def prepare(photo: Photo, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return `(S, S, 3)` uint8 RGB, a new writable array; a photo that already is S x S comes out as it is."""
    side = preprocessing.size
    if photo.pixels.shape[:2] == (side, side):
        return photo.pixels.copy()
    image = Image.fromarray(photo.pixels)
    return np.array(image.resize((side, side), _FILTERS[preprocessing.resample]))  # (S, S, 3)
