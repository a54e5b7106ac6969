"""Small changes to a photo that leave its captions true, each drawn from a generator of its own so that it can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

_MIRRORED = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Augmentation:
    """`crop` is the smallest share of each side that is kept (1 = no crop), `colour` the largest change of brightness,
    contrast and saturation (0 = none), `mirror` the probability of a left-right flip."""

    crop: float = 0.8
    colour: float = 0.2
    mirror: float = 0.5

    def draw(self, pixels: NDArray[np.uint8], generator: np.random.Generator) -> tuple[NDArray[np.uint8], bool]:
        """A changed copy of `(S, S, 3)` pixels, of the same size, and whether it was mirrored."""
        size = pixels.shape[0]
        image = Image.fromarray(pixels)
        width, height = size * generator.uniform(self.crop, 1.0, 2)
        left, top = generator.uniform(0, 1, 2) * (size - width, size - height)
        if self.crop < 1:
            image = image.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + width, top + height))
        factors = 1 + generator.uniform(-self.colour, self.colour, 3)
        if self.colour:
            for enhance, factor in zip(
                (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), factors, strict=True
            ):
                image = enhance(image).enhance(float(factor))
        mirrored = bool(generator.uniform() < self.mirror)
        if mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(image), mirrored


def mirror_words(words: Sequence[str]) -> list[str]:
    """The caption of a mirrored photo: left and right change places."""
    return [_MIRRORED.get(word, word) for word in words]
