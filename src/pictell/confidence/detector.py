"""Pictures that no caption of a photo can do justice to: of nothing, of noise, of text, of lines.

A network with one hidden layer over `picture_statistics`, trained by `recipes/detector/train.py` on pictures that it draws and
on photos of Flickr8k and COCO; no part of any captioning model, so it serves all of them. It sees the picture as the model
does and knows nothing but these statistics: a photo of a page is a page to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pictell.confidence.picture_statistics import SIDE, picture_statistics

REASONS = {
    "blank": "looks like a blank picture",
    "noise": "looks like noise",
    "dark": "is almost black",
    "blur": "is too blurred to tell",
    "text": "looks like a page of text",
    "screenshot": "looks like a screenshot",
    "plot": "looks like a plot",
    "drawing": "looks like a line drawing",
}
"""What is said of each kind of picture that is no photo."""

SMALLEST = 192
"""Pictures prepared for a model at less than this side, in pixels, show too little to be judged."""

LEAST = 0.7
"""The probability of being a photo that a photo has at least: a wrong caption of a page harms more than none of a photo."""

FARTHEST = 6.0
"""In standard deviations: where statistics are cut off, so that odd ones do not carry all others away."""

_WEIGHTS = "detector.json"
# More would be no faster, and each takes a megabyte of intermediate results.
_AT_ONCE = 16


def why_no_photo(pixels: NDArray[np.uint8]) -> list[str | None]:
    """What each of P pictures (P, S, S, 3), uint8 RGB, looks like instead of a photo, of `REASONS`; `None` for a photo."""
    side = pixels.shape[1]
    if side < SMALLEST:
        return [None] * len(pixels)
    found: list[str | None] = []
    for first in range(0, len(pixels), _AT_ONCE):
        some = pixels[first : first + _AT_ONCE]
        if side != SIDE:
            some = np.stack([_resized(picture) for picture in some])
        detector = _installed()
        for probabilities in detector.probabilities(picture_statistics(some)):
            kind = detector.kinds[1 + int(probabilities[1:].argmax())]
            found.append(None if probabilities[0] >= LEAST else REASONS[kind])
    return found


def _resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


@dataclass(frozen=True, eq=False)
class Detector:
    """`kinds` are K, `"photo"` the first. Trained on as many photos as other pictures, by weight."""

    kinds: tuple[str, ...]
    mean: NDArray[np.float32]  # (F,)
    scale: NDArray[np.float32]  # (F,)
    hidden: NDArray[np.float32]  # (F, H)
    hidden_bias: NDArray[np.float32]  # (H,)
    output: NDArray[np.float32]  # (H, K)
    output_bias: NDArray[np.float32]  # (K,)

    def probabilities(self, statistics: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each kind, (N, K), for pictures' statistics (N, F)."""
        inputs = np.clip((statistics - self.mean) / self.scale, -FARTHEST, FARTHEST)
        scores = np.tanh(inputs @ self.hidden + self.hidden_bias) @ self.output + self.output_bias  # (N, K)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = shares / shares.sum(axis=1, keepdims=True)
        return found

    @classmethod
    def from_json(cls, text: str) -> Detector:
        """Reads what `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        arrays = {name: np.array(content[name], dtype=np.float32) for name in _ARRAYS}
        return cls(tuple(content["kinds"]), **arrays)

    def to_json(self) -> str:
        """As text, a row of weights a line."""
        lines = [f'"kinds": {json.dumps(self.kinds)}']
        for name in _ARRAYS:
            array: NDArray[np.float32] = getattr(self, name)
            rows = [", ".join(f"{number:.4g}" for number in row) for row in np.atleast_2d(array)]
            text = f"[{rows[0]}]" if array.ndim == 1 else "[\n  [" + "],\n  [".join(rows) + "]\n ]"
            lines.append(f'"{name}": {text}')
        return "{\n " + ",\n ".join(lines) + "\n}\n"


_ARRAYS = ("mean", "scale", "hidden", "hidden_bias", "output", "output_bias")


@cache
def _installed() -> Detector:
    return Detector.from_json(resources.files("pictell.confidence").joinpath(_WEIGHTS).read_text(encoding="utf-8"))
