"""Explanation: where in a photo each word comes from, drawn for the eye, and whether that is true."""

from __future__ import annotations

from pictell.insight.explaining import explain
from pictell.insight.explanation import METHODS, Explanation, Method
from pictell.insight.faithfulness import Faithfulness, measure_faithfulness
from pictell.insight.looking import Looking, looking

__all__ = [
    "METHODS",
    "Explanation",
    "Faithfulness",
    "Looking",
    "Method",
    "explain",
    "looking",
    "measure_faithfulness",
]
