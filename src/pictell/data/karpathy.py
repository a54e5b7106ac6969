"""The splits of Karpathy and Fei-Fei (2015, arXiv 1412.2306) for COCO, Flickr8k and Flickr30k, which most papers report on.

Each is one JSON file with photos, captions and splits. COCO's has `restval` too: the photos of `val2014` that are in neither
`val` nor `test`, which most papers add to `train`: that is the split `train+restval`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pictell.data.origins import coco_origin, flickr_origin
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, layout, read_json

SPLITS = ("train", "restval", "val", "test")
_SOURCE = "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip"
# The folders that a Flickr set's photos may be in; COCO's file names a folder for each photo.
_PHOTOS = {"flickr8k": ("Flicker8k_Dataset",), "flickr30k": ("flickr30k-images", "flickr30k_images")}


def load_karpathy(dataset: str, folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of a split, or of several (`train+restval`), in the order of the file.

    `folder` holds `dataset_DATASET.json`, `dataset` being `coco`, `flickr8k` or `flickr30k`, and the folders with the photos
    as they were published: `train2014/` and `val2014/`, `Flicker8k_Dataset/` or `flickr30k-images/` (`flickr30k_images/`).
    Raises `DataError` naming what is missing.
    """
    path = find_part(folder, [f"dataset_{dataset}.json"], "a data set in Karpathy's splits", _SOURCE)
    images = read_karpathy(path)
    known = [name for name in SPLITS if any(image["split"] == name for image in images)]
    wanted = split.split("+")
    for name in wanted:
        check_split(name, known, path.name)
    photos = None
    if dataset in _PHOTOS:
        photos = find_part(folder, _PHOTOS[dataset], "a data set in Karpathy's splits", "the photos of the set itself")
    found = []
    with layout(path, "a file of Karpathy's splits"):
        for image in images:
            if image["split"] in wanted:
                name = str(image["filename"])
                captions = tuple(str(sentence["raw"]).strip() for sentence in image["sentences"])
                origin = flickr_origin(name) if photos else coco_origin(name)
                found.append(CaptionedPhoto(name, (photos or folder / image["filepath"]) / name, captions, origin))
    return found


def read_karpathy(path: Path) -> list[Mapping[str, Any]]:
    """The entries of a file of splits, each with a `split` and a `filename`; `DataError` for another file."""
    with layout(path, "a file of Karpathy's splits"):
        images: list[Mapping[str, Any]] = read_json(path)["images"]
        for image in images:
            _ = image["split"], image["filename"]
    return images
