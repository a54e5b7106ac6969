"""Heat over a photo: a layer that darkens what a word does not come from and lights what it does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

COLOUR_LEFT = 0.3
"""How much (0..1) of a photo's own colour is left under heat."""

# Heat, red, green, blue, opacity. Lightness rises with heat, so that the order is seen without seeing colours, and the layer
# gets thinner, so that what matters of the photo is seen best.
_RAMP = np.array(
    [
        (0.00, 12, 12, 28, 0.62),
        (0.30, 70, 25, 95, 0.54),
        (0.55, 200, 55, 75, 0.50),
        (0.80, 252, 145, 35, 0.50),
        (1.00, 255, 235, 90, 0.50),
    ]
)


def heat_layer(heat: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """A map `(G, G)` in 0..1 as a transparent picture (`RGBA`) of a photo's size, width and height, to be laid over it.

    The square grid is stretched to the photo's shape just as the photo was squashed to the model's square.
    """
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return Image.fromarray(_coloured(np.asarray(smooth)))


def over(photo: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """The photo (`RGB`) under its `heat_layer`, paler, so that its own colours are not taken for heat."""
    pale = ImageEnhance.Color(photo).enhance(COLOUR_LEFT)
    return Image.alpha_composite(pale.convert("RGBA"), heat_layer(heat, photo.size)).convert("RGB")


def scale_bar(size: tuple[int, int], background: tuple[int, int, int]) -> Image.Image:
    """The colours of heat from 0 to 1, from left to right, as they are over a plain colour."""
    heat = np.tile(np.linspace(0, 1, size[0], dtype=np.float32), (size[1], 1))
    laid = Image.alpha_composite(Image.new("RGBA", size, background), Image.fromarray(_coloured(heat)))
    return laid.convert("RGB")


def _coloured(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W) to RGBA (H, W, 4); bicubic filtering overshoots, and is cut off at 0 and 1."""
    scale = (1, 1, 1, 255)
    channels = [np.interp(heat, _RAMP[:, 0], _RAMP[:, 1 + at]) * scale[at] for at in range(4)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
