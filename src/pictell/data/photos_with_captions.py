"""What every data set gives: photos, each with the captions people wrote for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CaptionedPhoto:
    """A photo of a data set: `id` is the data set's own name for it, `captions` are as written.

    `origin` names the photo beyond its data set (`coco/391895`, `flickr/1000092795`), or is empty where it has no such
    name; `rejected` counts the captions that the data set itself withdraws, which are not among `captions`. `places` says for
    people where each of the captions stands (`captions.csv, line 3`), or is empty where that is not known.
    """

    id: str
    path: Path
    captions: tuple[str, ...]
    origin: str = ""
    rejected: int = 0
    places: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same photo in whatever data set; without an origin two photos are the same if their path is."""
        return self.origin or os.path.abspath(self.path)  # noqa: PTH100  # `resolve` raises for a name no file can have
