"""What every data set gives: photos, each with the captions people wrote for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CaptionedPhoto:
    """A photo of a data set: `id` is the data set's own name for it, `captions` are as written."""

    id: str
    path: Path
    captions: tuple[str, ...]
