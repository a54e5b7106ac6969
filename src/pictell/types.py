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


BANDS: Mapping[Band, float] = {"low": 0.0, "medium": 0.4, "high": 0.65}
"""The least confidence of each band: of captions in the high one about three in four are acceptable, in the low one three
in ten."""


def band_of(confidence: float) -> Band:
    """Which of `BANDS` a confidence (0..1) is in."""
    return max((name for name in BANDS if confidence >= BANDS[name]), key=BANDS.__getitem__)


@dataclass(frozen=True)
class Caption:
    """What the model says of one photo.

    `text` is `None` where the caption is withheld, and `reason` then says why. `log_prob` is the natural logarithm of the
    caption's probability, its end token included (`<= 0`; 0 where it is withheld). `confidence` is the probability, 0..1,
    that the caption is acceptable, where the model has a calibration and a caption was made as it foresees, else `None`.
    `alternatives` are the other captions asked for, best first (samples: as drawn), `text` itself not among them. `model` is
    `name@version` of the bundle. `text` is worded in `style`; where that is not plain, `raw` is what the model said.
    `features` is what the photo looks like to the encoder, (D,), where that is asked for; `attention` where the decoder
    looked for each of `words`, (T, G, G), a grid of the upright photo with a sum of 1 for each word, where that is asked for
    and it looks at a grid; of a model of region features it is (T, R), one number for each of the photo's regions.
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
    features: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    attention: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    @property
    def band(self) -> Band | None:
        """Which of `BANDS` the confidence is in; `None` where there is none."""
        return None if self.confidence is None else band_of(self.confidence)
