"""Photos for the benchmarks, cut from the CC0 ones in `examples/`, so that no data set is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def write_photos(folder: Path, count: int, size: tuple[int, int], *, noise: float = 0.0, seed: int = 1) -> list[Path]:
    """Writes `count` different JPEGs of `size` (width, height): random cuts of the examples, scaled, quality 90.

    `noise` is the standard deviation, of 255 levels, of a sensor's noise: an enlarged cut is smoother than a camera's
    photo, and decodes faster.
    """
    generator = np.random.default_rng(seed)
    originals = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*.jpg"))]
    paths = []
    for number in range(count):
        original = originals[number % len(originals)]
        width, height = (side * generator.uniform(0.5, 1.0) for side in original.size)
        left, top = (
            generator.uniform(0, whole - part) for whole, part in zip(original.size, (width, height), strict=True)
        )
        cut = original.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
        if noise:
            shaken = np.asarray(cut, np.float32) + generator.normal(0, noise, (size[1], size[0], 1)).astype(np.float32)
            cut = Image.fromarray(shaken.clip(0, 255).astype(np.uint8))
        path = folder / f"{number:04d}.jpg"
        cut.save(path, quality=90)
        paths.append(path)
    return paths
