"""A photo as the page shows it: upright, small enough, and nothing of the file but its pixels."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from pictell.albums import picture_of
from pictell.photos import open_photo

SIDE = 1600
"""The most pixels of the longest side."""

_QUALITY = 85


def picture_bytes(path: Path, side: int = SIDE) -> bytes:
    """The photo at a path, or a raw file's preview, as a JPEG without metadata; raises `PhotoError`."""
    opened = open_photo(picture_of(path), smallest_side=side // 2)
    image = Image.fromarray(opened.pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
