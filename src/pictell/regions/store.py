"""What every layout of region features gives: those of a photo by its id, looked at closely before anyone computes with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pictell.errors import RegionError
from pictell.regions.found import Regions

_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Stored:
    """What a layout has of a photo, as it has it: features, boxes in pixels or shares, the photo's width and height."""

    features: NDArray[np.generic]
    boxes: NDArray[np.generic] | None = None
    size: tuple[float, float] | None = None


class RegionStore(ABC):
    """Region features of many photos at `path`, read photo by photo.

    Photos are known by id; where a layout has no such name, by the file's name without its ending, or by the number at its
    end, as COCO's are (`COCO_val2014_000000391895.jpg` is `391895`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def find(self, name: str) -> str | None:
        """The key of exactly this name, or `None`."""

    @abstractmethod
    def load(self, key: str) -> Stored:
        """What there is of a key that was found; `RegionError` where it is damaged."""

    def key_of(self, photo: str) -> str | None:
        """What the layout calls the photo with this id or file name; `None` where it is not there."""
        return next((key for name in names_of(photo) if (key := self.find(name)) is not None), None)

    def __contains__(self, photo: str) -> bool:
        return self.key_of(photo) is not None

    def read(self, photo: str, file: Path | None = None) -> Regions:
        """The regions of the photo with this id or file name.

        The photo's own `file`, where it is at hand, tells its size where the layout has boxes in pixels and no size; else there
        are no boxes then.

        Raises:
            RegionError: there are none of this photo, or they are damaged: cut short, not numbers, no regions, another
                number of boxes than of features.

        """
        key = self.key_of(photo)
        if key is None:
            raise RegionError("missing", f"{photo}: there are no features of it in {self.path}")
        where = f"{photo}: its features in {self.path}"
        stored = self.load(key)
        features = _features(stored.features, where)
        return Regions(features, _boxes(stored, len(features), file, where))


def names_of(photo: str) -> Iterator[str]:
    """What a layout may call a photo, the likeliest first."""
    yield photo
    name = PurePath(photo).name
    if name != photo:
        yield name
    stem = name
    if PurePath(name).suffix.lower() in _SUFFIXES:
        stem = PurePath(name).stem
        yield stem
    number = stem.rpartition("_")[2] if stem.startswith("COCO_") else stem
    if number.isascii() and number.isdigit() and str(int(number)) != stem:
        yield str(int(number))


def _features(found: NDArray[np.generic], where: str) -> NDArray[np.float32]:
    """As (R, D) float32: a grid (H, W, D) is H * W regions, a vector (D,) is one."""
    if found.dtype.kind != "f" or not 1 <= found.ndim <= 3 or not found.size:
        raise RegionError(
            "damaged", f"{where} are {found.dtype} of shape {found.shape}, not numbers (regions, channels)"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        features = found.reshape(-1, found.shape[-1]).astype(np.float32)
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise RegionError("not-finite", f"{where} are no finite numbers in region {int(np.argmin(finite)) + 1}")
    if not features.any():
        raise RegionError("empty", f"{where} are all zero, which is no region")
    return features


def _boxes(stored: Stored, count: int, file: Path | None, where: str) -> NDArray[np.float32] | None:
    boxes = stored.boxes
    if boxes is None:
        return None
    if boxes.dtype.kind not in "fiu" or boxes.ndim != 2 or boxes.shape[1] != 4:
        raise RegionError(
            "boxes", f"{where} come with boxes that are {boxes.dtype} of shape {boxes.shape}, not (regions, 4)"
        )
    if len(boxes) != count:
        raise RegionError("boxes", f"{where} are of {count} regions, and there are {len(boxes)} boxes")
    shares = boxes.astype(np.float64)
    if not np.isfinite(shares).all():
        raise RegionError("boxes", f"{where} come with boxes that are no finite numbers")
    if shares.max() > 1:  # else they are shares already: no box is a pixel wide
        size = stored.size or (None if file is None else _size_of(file))
        if size is None:
            return None
        if not min(size) > 0:
            raise RegionError("boxes", f"{where} are of a photo that is said to be {size[0]:g} x {size[1]:g} pixels")
        shares /= np.array([*size, *size])
    return shares.clip(0, 1).astype(np.float32)


def _size_of(file: Path) -> tuple[float, float] | None:
    """Width and height of a photo as its header tells; nothing where it cannot be read."""
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
