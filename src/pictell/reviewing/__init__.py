"""Reviewing a library's captions in the browser: one photo at a time, by keyboard, on this machine alone."""

from __future__ import annotations

from pictell.reviewing.serving import serve
from pictell.reviewing.session import Session, Tally

__all__ = ["Session", "Tally", "serve"]
