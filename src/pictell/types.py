"""The dataclasses that travel between the stages: `Photo` goes in, `Caption` (with its `Word`s) comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Photo:
    """An opened picture.

    `pixels` is `(H, W, 3)` uint8 RGB, upright, transparency laid on white. `width` and `height` are those of the
    picture as a viewer shows it (upright), before any reduction while decoding. `path` is `None` for bytes.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    format: str
    path: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Word:
    """One word of a caption: `prob` in 0..1 is the model's probability of it given the photo and the words before,
    the product of its pieces' where the model spells."""

    text: str
    prob: float


@dataclass(frozen=True)
class Alternative:
    """Another caption from the same search; `log_prob` is the natural logarithm of its probability, end included."""

    text: str
    log_prob: float


Band: TypeAlias = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class Bands:
    """Which confidences (0..1) are called what: `medium` from that number on, `high` from that number on, else low."""

    medium: float = 0.4
    high: float = 0.7

    def band(self, confidence: float) -> Band:
        """The name of the band that a confidence is in."""
        return "high" if confidence >= self.high else "medium" if confidence >= self.medium else "low"


@dataclass(frozen=True)
class Caption:
    """What the model says of one photo.

    `text` is `None` where the caption is withheld, and `reason` then says why. `log_prob` is the natural logarithm of the
    caption's probability, its end token included (`<= 0`). `confidence` is in 0..1 where the model has a calibration,
    else `None`. `alternatives` are the other captions asked for, best first (samples: as drawn), `text` itself not among
    them. `model` is `name@version` of the bundle. `text` is worded in `style`; where that is not plain, `raw` is what the
    model said.
    """

    text: str | None
    log_prob: float
    model: str
    words: tuple[Word, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    confidence: float | None = None
    reason: str | None = None
    style: str = "plain"
    raw: str | None = None
