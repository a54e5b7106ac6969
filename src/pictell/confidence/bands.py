"""Three words for a confidence, where a number says more than anybody needs."""

from __future__ import annotations

from typing import Literal

Band = Literal["low", "medium", "high"]

BANDS: dict[Band, float] = {"low": 0.0, "medium": 0.4, "high": 0.65}
"""The least confidence of each band: of captions in the high one about three in four are acceptable, in the low one three
in ten."""


def band(confidence: float | None) -> Band | None:
    """The band of a confidence (0..1), `None` where there is none."""
    if confidence is None:
        return None
    return max((name for name in BANDS if confidence >= BANDS[name]), key=BANDS.__getitem__)
