"""How far a caption may be trusted, and what is not a photo at all; numpy only."""

from __future__ import annotations

from pictell.confidence.bands import BANDS, Band, band
from pictell.confidence.calibration import Acceptable, Calibration
from pictell.confidence.detector import REASONS, why_no_photo
from pictell.confidence.evidence import FEATURES, RUNNERS_UP, evidence

__all__ = [
    "BANDS",
    "FEATURES",
    "REASONS",
    "RUNNERS_UP",
    "Acceptable",
    "Band",
    "Calibration",
    "band",
    "evidence",
    "why_no_photo",
]
