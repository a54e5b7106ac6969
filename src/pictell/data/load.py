"""Data sets by name: `flickr8k:FOLDER` or `coco:FOLDER`, and a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pictell.data.coco import load_coco
from pictell.data.flickr8k import load_flickr8k
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.errors import DataError

DATASETS: Mapping[str, Callable[[Path, str], list[CaptionedPhoto]]] = {"flickr8k": load_flickr8k, "coco": load_coco}


def load_dataset(name: str, split: str) -> list[CaptionedPhoto]:
    """Loads `KIND:FOLDER`, for example `flickr8k:data/flickr8k`; raises `DataError` where it cannot."""
    kind, colon, folder = name.partition(":")
    if not colon or kind not in DATASETS:
        raise DataError(
            "unknown-data", f"{name!r} names no data set: write KIND:FOLDER, KIND one of {', '.join(DATASETS)}"
        )
    return DATASETS[kind](Path(folder).expanduser(), split)
