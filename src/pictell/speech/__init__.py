"""Reading aloud: the voices of the system, and a speaker that uses the first of them that works."""

from __future__ import annotations

from pictell.speech.speaker import Speaker
from pictell.speech.voices import Voice, installed_voices

__all__ = ["Speaker", "Voice", "installed_voices"]
