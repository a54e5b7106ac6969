"""How far a caption may be trusted, and what is not a photo at all; numpy only."""

from __future__ import annotations

from pictell.confidence.calibration import Acceptable, Calibration
from pictell.confidence.detector import REASONS, why_no_photo
from pictell.confidence.evidence import FEATURES, RUNNERS_UP, evidence

__all__ = [
    "FEATURES",
    "REASONS",
    "RUNNERS_UP",
    "Acceptable",
    "Calibration",
    "evidence",
    "why_no_photo",
]
