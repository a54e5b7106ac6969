"""A small picture with clear corners, and a way to write it in any format."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """48 x 32, smooth, each quarter in another colour: no flip or turn of it looks like it."""
    small = np.array([[[250, 20, 20], [30, 220, 40]], [[20, 40, 240], [200, 200, 30]]], dtype=np.uint8)
    return Image.fromarray(small).resize((48, 32), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def busy() -> Image.Image:
    """1792 x 1344 with detail at every scale, as a large photo has."""
    rng = np.random.default_rng(7)
    image = np.zeros((1344, 1792, 3), dtype=np.float32)
    for side in (3, 12, 48, 192, 768):
        layer = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        image += np.asarray(layer.resize((1792, 1344), Image.Resampling.BICUBIC), dtype=np.float32)
    return Image.fromarray((image / 5).astype(np.uint8))
