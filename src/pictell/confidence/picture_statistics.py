"""Numbers that tell photos from pages, plots, drawings and pictures of nothing, from the pixels alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 224
"""The side of the square that the statistics are made for, in pixels."""

_BLOCK = 16
_PERCENTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
_RANKS = [19, 98, 176]  # a tenth, half and nine tenths of the way through 196 blocks
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_COLOUR_BITS = 4
_WEAK, _STRONG = 1.5, 32.0
_SCALES = 4


def picture_statistics(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Statistics (F,) of a picture (224, 224, 3), uint8 RGB; levels are of 255, shares 0..1.

    - how bright: percentiles, mean and spread of the luma; the entropy of its histogram in bits, the share of its fullest
      level, of its four fullest ones, and of the levels around the fullest;
    - how coloured: mean and spread of red less green and of yellow less blue; the entropy of colours in 4 bits a channel,
      the shares of the fullest and of the four fullest, and how many colours there are;
    - how rough: across rows and columns the mean step between neighbours, the shares of steps that are none and that are
      strong, and how much the strong ones make up; the mean step at four scales, which blur takes from the fine and noise
      from the coarse ones;
    - how even: percentiles of the spread within blocks of 16 pixels, the share of empty blocks, and how lopsided the
      levels in blocks are, as ink on paper is;
    - how lined: how much the steps of rows and of columns, and their mean levels, differ from the next ones.
    """
    luma = (pixels.reshape(-1, 3).astype(np.float32) @ _LUMA).reshape(SIDE, SIDE)
    return np.concatenate([_brightness(luma), _colour(pixels), _roughness(luma), _evenness(luma)], dtype=np.float32)


def _brightness(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    counts = np.bincount(luma.ravel().astype(np.uint8), minlength=256) / luma.size  # (256,)
    percentiles = np.searchsorted(np.cumsum(counts), np.array(_PERCENTILES) - 1e-9)  # (5,)
    around = np.convolve(counts, np.ones(9), "same").max()
    levels = np.arange(256)
    mean = counts @ levels
    spread = np.sqrt(counts @ (levels - mean) ** 2)
    fullest = np.sort(counts)[::-1]
    return np.array([*percentiles, mean, spread, _entropy(counts), fullest[0], fullest[:4].sum(), around])


def _colour(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    # A quarter of the pixels tells as much of their colours.
    red, green, blue = (np.ascontiguousarray(pixels[::2, ::2, channel]).ravel() for channel in range(3))
    red_green = red.astype(np.float32) - green
    yellow_blue = (red.astype(np.float32) + green) * 0.5 - blue
    drop = 8 - _COLOUR_BITS
    codes = (red >> drop).astype(np.uint16) << (2 * _COLOUR_BITS) | (green >> drop).astype(np.uint16) << _COLOUR_BITS
    counts = np.bincount(codes | blue >> drop) / len(codes)
    counts = counts[counts > 0]
    fullest = np.sort(counts)[::-1]
    return np.array(
        [
            *(f(values) for values in (red_green, yellow_blue) for f in (np.mean, np.std)),
            _entropy(counts),
            fullest[0],
            fullest[:4].sum(),
            np.log(len(counts)),
        ]
    )


def _roughness(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    found: list[float] = []
    steps = [np.abs(np.diff(luma, axis=axis)) for axis in (1, 0)]
    for own in steps:
        mean = float(own.mean())
        found += [
            np.log(mean + 0.1),
            np.count_nonzero(own < _WEAK) / own.size,
            np.count_nonzero(own > _STRONG) / own.size,
            np.sqrt(float(np.vdot(own, own)) / own.size) / (mean + 0.1),
        ]
    found += _lines(steps[0].mean(axis=1)) + _lines(steps[1].mean(axis=0))
    found += _lines(luma.mean(axis=1)) + _lines(luma.mean(axis=0))
    smaller = luma
    coarse: list[float] = []
    for _ in range(_SCALES):
        rows = smaller[0::2] + smaller[1::2]
        smaller = np.float32(0.25) * (rows[:, 0::2] + rows[:, 1::2])
        coarse.append(float(np.abs(np.diff(smaller, axis=1)).mean() + np.abs(np.diff(smaller, axis=0)).mean()))
    found += np.log(np.array(coarse) + 0.1).tolist()
    return np.array(found)


def _lines(profile: NDArray[np.float32]) -> list[float]:
    """Of a profile (S,): its spread and its mean step, as logarithms."""
    return [float(np.log(profile.std() + 0.1)), float(np.log(np.abs(np.diff(profile)).mean() + 0.1))]


def _evenness(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    side = SIDE // _BLOCK
    blocks = luma.reshape(side, _BLOCK, side, _BLOCK).swapaxes(1, 2).reshape(side * side, -1)  # (196, 256)
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    squares = centred * centred
    pixels = _BLOCK * _BLOCK
    variance = np.einsum("ij,ij->i", centred, centred) / pixels  # (196,)
    spread = np.sqrt(variance)
    third = np.einsum("ij,ij->i", squares, centred) / pixels
    fourth = np.einsum("ij,ij->i", squares, squares) / pixels
    rough = spread > 4.0
    lopsided = third / (variance * spread + 1.0)
    peaked = fourth / (variance * variance + 1.0)
    return np.array(
        [
            *np.log(np.sort(spread)[_RANKS] + 0.1),
            np.count_nonzero(spread < 2.0) / len(spread),
            np.count_nonzero(rough) / len(spread),
            lopsided[rough].mean() if rough.any() else 0.0,
            np.abs(lopsided[rough]).mean() if rough.any() else 0.0,
            np.log(peaked[rough].mean()) if rough.any() else 0.0,
        ]
    )


def _entropy(shares: NDArray[np.float64]) -> float:
    """In bits."""
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())
