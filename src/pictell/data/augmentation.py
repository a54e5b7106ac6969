"""Small changes to a photo that leave its captions true, each drawn from a generator of its own so that it can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

_MIRRORED = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Change:
    """What is done to one photo: `box` is the part that is kept, `(left, top, right, bottom)` as shares of the sides;
    `factors` of brightness, contrast and saturation, or `None` to leave them."""

    box: tuple[float, float, float, float]
    factors: tuple[float, float, float] | None
    mirrored: bool

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A changed copy of `(S, S, 3)` pixels, of the same size."""
        size = pixels.shape[0]
        image = Image.fromarray(pixels)
        if self.box != (0.0, 0.0, 1.0, 1.0):
            left, top, right, bottom = (size * share for share in self.box)
            image = image.resize((size, size), Image.Resampling.BILINEAR, (left, top, right, bottom))
        if self.factors is not None:
            for enhance, factor in zip(
                (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), self.factors, strict=True
            ):
                image = enhance(image).enhance(factor)
        if self.mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(image)


@dataclass(frozen=True)
class Augmentation:
    """`crop` is the smallest share of each side that is kept (1 = no crop), `colour` the largest change of brightness,
    contrast and saturation (0 = none), `mirror` the probability of a left-right flip."""

    crop: float = 0.8
    colour: float = 0.2
    mirror: float = 0.5

    def draw(self, generator: np.random.Generator) -> Change:
        """A change for one photo."""
        width, height = generator.uniform(self.crop, 1.0, 2)
        left, top = generator.uniform(0, 1, 2) * (1 - width, 1 - height)
        factors = 1 + generator.uniform(-self.colour, self.colour, 3)
        mirrored = bool(generator.uniform() < self.mirror)
        # Rounding may reach a hair beyond the photo, which Pillow refuses.
        box = (float(left), float(top), min(float(left + width), 1.0), min(float(top + height), 1.0))
        colours = (float(factors[0]), float(factors[1]), float(factors[2])) if self.colour else None
        return Change(box, colours, mirrored)


def mirror_words(words: Sequence[str]) -> list[str]:
    """The caption of a mirrored photo: left and right change places."""
    return [_MIRRORED.get(word, word) for word in words]
