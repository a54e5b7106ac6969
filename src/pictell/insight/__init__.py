"""Explanation: where in a photo each word comes from, shown to the eye, and whether that is true."""

from __future__ import annotations

from pictell.insight.animation import draw_frames
from pictell.insight.explaining import explain
from pictell.insight.explanation import METHODS, Explanation, Method
from pictell.insight.faithfulness import Faithfulness, measure_faithfulness
from pictell.insight.looking import Looking, looking
from pictell.insight.page import draw_page
from pictell.insight.panels import draw_panels
from pictell.insight.saving import check_writable, save

__all__ = [
    "METHODS",
    "Explanation",
    "Faithfulness",
    "Looking",
    "Method",
    "check_writable",
    "draw_frames",
    "draw_page",
    "draw_panels",
    "explain",
    "looking",
    "measure_faithfulness",
    "save",
]
