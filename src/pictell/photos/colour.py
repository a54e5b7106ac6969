"""From any of Pillow's picture modes to plain 8-bit RGB, as a viewer would show it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture as mode `RGB`: transparency on white, deep samples scaled to 8 bits (not clipped).

    CMYK is converted arithmetically and embedded ICC profiles are not applied: wide-gamut photos (Display P3, Adobe
    RGB) come out a little less saturated than in a colour-managed viewer. CIELAB, for which Pillow has no arithmetic of
    its own, goes through LittleCMS.
    """
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _from_wide(image)
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # the one mode that has no direct way to RGBA
        image = image.convert("LA")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _grey(values: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(values).convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)  # (H, W) uint16, of either byte order
    # The high byte, as Pillow itself does for 16-bit colour.
    grey = (samples >> 8).astype(np.uint8)
    see_through = image.info.get("transparency")  # PNG: one grey value that is transparent
    if isinstance(see_through, int):
        grey[samples == see_through] = 255
    return _grey(grey)


def _from_wide(image: Image.Image) -> Image.Image:
    """Bring 32-bit integers and floats, whose range no file format fixes, to 8 bits.

    The range is the smallest of the customary ones that holds every sample: 0..1 (floats), 0..255 (TIFF only: elsewhere
    the mode stands for 16-bit samples), 0..65535; samples outside all of them are stretched from their smallest to
    their largest.
    """
    samples = np.asarray(image)  # (H, W) int32 or float32
    if image.mode == "F":
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(samples.min()), float(samples.max())
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0) if image.format == "TIFF" else (65535.0,)
    top = next((top for top in ranges if high <= top), None)
    if low < 0 or top is None:
        offset, top = low, max(high - low, 1.0)
    else:
        offset = 0.0
    scaled = (samples.astype(np.float32) - np.float32(offset)) * np.float32(255.0 / top)
    return _grey(np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    return _known(
        ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    )


def _known(image: Image.Image | None) -> Image.Image:
    if image is None:  # only when asked to convert in place
        raise ValueError("no picture came out of the colour conversion")
    return image
