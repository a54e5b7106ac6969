"""From a photo to the square of pixels a model sees. Training and running both call this one function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pictell.errors import BundleError
from pictell.photos.opening import MAX_PIXELS, Picture, open_picture
from pictell.types import Photo

Fit = Literal["squash", "crop"]
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
    `"squash"` changes its aspect ratio, so nothing is cut off; `"crop"` makes its shorter side `short_side` pixels long (at
    least `size`, and `size` if `None`) and keeps the square in its middle. `resample` is the filter, widened when a photo shrinks
    so that it does not alias (as Pillow does). A value outside these raises `ValueError`.
    """

    size: int = 224
    fit: Fit = "squash"
    resample: Resample = "bicubic"
    short_side: int | None = None

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size < 1:
            raise ValueError(f"size is {self.size!r}; it must be a whole number of pixels, at least 1")
        if self.fit not in get_args(Fit):
            raise ValueError(f"fit is {self.fit!r}; known are {', '.join(get_args(Fit))}")
        if self.resample not in get_args(Resample):
            raise ValueError(f"resample is {self.resample!r}; known are {', '.join(get_args(Resample))}")

        if self.short_side is not None and (
            self.fit != "crop" or type(self.short_side) is not int or self.short_side < self.size
        ):
            raise ValueError(f"short_side is {self.short_side!r}; it is for a crop, and at least as much as size")

    @property
    def smallest_side(self) -> int:
        """The pixels that the shorter side of a photo needs so that nothing is enlarged."""
        return self.short_side or self.size

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
        settings = asdict(self)
        if self.short_side is None:
            del settings["short_side"]  # as every version has read it
        return settings


def prepare(photo: Photo, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return `(S, S, 3)` uint8 RGB, a new writable array; a photo that already is S x S comes out as it is."""
    height, width = photo.pixels.shape[:2]
    if _is_prepared(width, height, preprocessing):
        return photo.pixels.copy()
    return _resized(Image.fromarray(photo.pixels), preprocessing)


def open_prepared(
    source: str | os.PathLike[str] | bytes | BinaryIO, preprocessing: Preprocessing, *, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """What `prepare` makes of what `open_photo` opens, to the byte, without copying the pixels in between.

    Raises:
        PhotoError: as `open_photo`.
        TypeError: as `open_photo`.
    """

    def prepared(picture: Picture) -> NDArray[np.uint8]:
        if _is_prepared(*picture.image.size, preprocessing):
            return np.array(picture.image)
        return _resized(picture.image, preprocessing)

    return open_picture(source, prepared, max_pixels=max_pixels, smallest_side=preprocessing.smallest_side)


def _is_prepared(width: int, height: int, preprocessing: Preprocessing) -> bool:
    side = preprocessing.size
    return (width, height) == (side, side) and (preprocessing.fit != "crop" or preprocessing.smallest_side == side)


def _resized(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    # Of a crop, what would be cut off is not even made: a strip of a photo would become a very long one.
    box = seen_part(*image.size, preprocessing) if preprocessing.fit == "crop" else None
    size = (preprocessing.size, preprocessing.size)
    return np.array(image.resize(size, _FILTERS[preprocessing.resample], box))  # (S, S, 3)


def seen_part(width: int, height: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """What a model sees of a photo of so many pixels: left, top, right and bottom."""
    if preprocessing.fit != "crop":
        return 0.0, 0.0, float(width), float(height)
    shorter, side = preprocessing.smallest_side, preprocessing.size
    new_width = shorter if width <= height else int(shorter * width / height)
    new_height = shorter if height <= width else int(shorter * height / width)
    left, top = (new_width - side) // 2, (new_height - side) // 2
    across, down = width / new_width, height / new_height
    return left * across, top * down, min((left + side) * across, width), min((top + side) * down, height)
