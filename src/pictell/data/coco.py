"""COCO captions (Chen et al. 2015, arXiv 1504.00325) in the official layout: `annotations/captions_SPLIT.json`, `SPLIT/`."""

from __future__ import annotations

import json
from pathlib import Path

from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.errors import DataError

SPLITS = ("train2014", "val2014", "train2017", "val2017")


def load_coco(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of an official split that have captions, in the order of the annotation file.

    `folder` holds `annotations/` and a folder named like the split. Raises `DataError` naming what is missing.
    """
    if split not in SPLITS:
        raise DataError("unknown-split", f"COCO has no split {split!r}; it has {', '.join(SPLITS)}")
    annotations = folder / "annotations" / f"captions_{split}.json"
    for part in (annotations, folder / split):
        if not part.exists():
            raise DataError(
                "missing",
                f"{folder} is not COCO in its official layout: {part.relative_to(folder)} is missing "
                "(https://cocodataset.org/#download)",
            )
    captions: dict[int, list[str]] = {}
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        for annotation in content["annotations"]:
            captions.setdefault(int(annotation["image_id"]), []).append(str(annotation["caption"]).strip())
        images = [(int(image["id"]), str(image["file_name"])) for image in content["images"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("layout", f"{annotations} is not a COCO caption file: {error!r}") from error
    photos = [
        CaptionedPhoto(name, folder / split / name, tuple(captions[number]))
        for number, name in images
        if number in captions
    ]
    if missing := [photo.id for photo in photos if not photo.path.is_file()]:
        raise DataError("missing", f"{folder / split}: {len(missing)} photos are missing, first {missing[0]}")
    return photos
