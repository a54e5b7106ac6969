"""VizWiz-Captions (Gurari et al. 2020, arXiv 2002.08565): photos that people who are blind took, five captions each.

Captions that the set marks as rejected, or as the sentence given for photos too poor to describe, count as withdrawn.
"""

from __future__ import annotations

from pathlib import Path

from pictell.data.coco import read_coco
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part

SPLITS = ("train", "val")
"""Those whose captions are published."""
_SOURCE = "https://vizwiz.org/tasks-and-datasets/image-captioning/"


def load_vizwiz(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of `train` or `val` in the order of the annotation file; some have no caption but withdrawn ones.

    `folder` holds `annotations/SPLIT.json` and `SPLIT/` as published. Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "VizWiz-Captions")
    annotations, photos = (
        find_part(folder, [part], "VizWiz-Captions", _SOURCE) for part in (f"annotations/{split}.json", split)
    )
    return read_coco(annotations, photos, lambda annotation: annotation["is_rejected"] or annotation["is_precanned"])
