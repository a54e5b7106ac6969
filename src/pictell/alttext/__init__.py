"""Alt text for web pages: images without it are found in HTML and Markdown, and captions written where it belongs."""

from __future__ import annotations

from pictell.alttext.page import Page, diff, read_page, rewritten
from pictell.alttext.suggesting import OUTCOMES, Outcome, Suggestion, suggest

__all__ = [
    "OUTCOMES",
    "Outcome",
    "Page",
    "Suggestion",
    "diff",
    "read_page",
    "rewritten",
    "suggest",
]
