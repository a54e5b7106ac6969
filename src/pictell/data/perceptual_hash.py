"""Finding the same photo twice, whatever its size and compression, so that no test photo slips into training.

The hash is the DCT hash that Zauner (2010, "Implementation and benchmarking of perceptual image hash functions") calls
pHash: the signs of the 8x8 lowest frequencies of a 32x32 grey thumbnail against their median, 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pictell.photos import open_photo

_SIDE, _KEPT = 32, 8
_FREQUENCIES = np.cos(np.pi * np.arange(_KEPT)[:, None] * (2 * np.arange(_SIDE) + 1)[None] / (2 * _SIDE))  # (8, 32)


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """The 64-bit hash of a picture `(H, W, 3)`."""
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    spectrum = (_FREQUENCIES @ np.asarray(grey, np.float64) @ _FREQUENCIES.T).ravel()  # (64,)
    bits = spectrum > np.median(spectrum[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_files(paths: Sequence[Path]) -> NDArray[np.uint64]:
    """The hashes of picture files, `(N,)`."""
    return np.array([perceptual_hash(open_photo(path, smallest_side=_SIDE).pixels) for path in paths], np.uint64)


def near_duplicates(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], *, distance: int = 6
) -> list[tuple[int, int]]:
    """The pairs `(i, j)` where `hashes[i]` and `others[j]` differ in at most `distance` of their 64 bits."""
    pairs: list[tuple[int, int]] = []
    for number, value in enumerate(hashes):
        differing = np.bitwise_count(others ^ value)  # (len(others),)
        pairs += [(number, int(other)) for other in np.flatnonzero(differing <= distance)]
    return pairs
