"""COCO captions (Chen et al. 2015, arXiv 1504.00325) in the official layout: `annotations/captions_SPLIT.json`, `SPLIT/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pictell.data.origins import coco_origin
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, layout, read_json

SPLITS = ("train2014", "val2014", "train2017", "val2017")
_SOURCE = "https://cocodataset.org/#download"


def load_coco(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of an official split that have captions, in the order of the annotation file.

    `folder` holds `annotations/` and a folder named like the split. Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "COCO")
    annotations, photos = (
        find_part(folder, [part], "COCO", _SOURCE) for part in (f"annotations/captions_{split}.json", split)
    )
    return read_coco(annotations, photos)


def read_coco(
    annotations: Path, folder: Path, rejects: Callable[[Mapping[str, Any]], bool] = lambda annotation: False
) -> list[CaptionedPhoto]:
    """The photos of a caption file in COCO's form that have captions, in its order; `folder` holds them.

    Captions whose annotation the data set `rejects` are counted and left out. Raises `DataError` for another file.
    """
    captions: dict[int, list[str]] = {}
    rejected: dict[int, int] = {}
    with layout(annotations, "a COCO caption file"):
        content = read_json(annotations)
        for annotation in content["annotations"]:
            number, caption = int(annotation["image_id"]), str(annotation["caption"]).strip()
            own = captions.setdefault(number, [])
            if rejects(annotation):
                rejected[number] = rejected.get(number, 0) + 1
            else:
                own.append(caption)
        images = [(int(image["id"]), str(image["file_name"])) for image in content["images"]]
    return [
        CaptionedPhoto(name, folder / name, tuple(captions[number]), coco_origin(name), rejected.get(number, 0))
        for number, name in images
        if number in captions
    ]
