"""Visual Genome (Krishna et al. 2017, arXiv 1602.07332): 108,077 photos, each with some fifty phrases about its regions.

The phrases of a photo are its captions here. There are no official splits, so a photo's number says which one it is in: of
twenty in a row the first is in `val`, the second in `test`, the others are in `train`. About half of the photos are COCO's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, layout, read_json

SPLITS = ("train", "val", "test")
_SOURCE = "https://homes.cs.washington.edu/~ranjay/visualgenome/api.html"
_FOLDERS = ("VG_100K", "VG_100K_2")


def load_visual_genome(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of a split by number that have region phrases; equal phrases of a photo come once.

    `folder` holds `region_descriptions.json`, `image_data.json`, `VG_100K/` and `VG_100K_2/` as published. Reading them
    takes about 1.5 GB of memory. Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "Visual Genome")
    regions, images, *_ = (
        find_part(folder, [part], "Visual Genome", _SOURCE)
        for part in ("region_descriptions.json", "image_data.json", *_FOLDERS)
    )
    with layout(regions, "Visual Genome's region_descriptions.json"):
        phrases: dict[int, list[str]] = {}
        for entry in read_json(regions, _region_to_phrase):
            number = int(entry["id"] if "id" in entry else entry["image_id"])  # the latter in earlier versions
            if entry["regions"] and split_of(number) == split:
                phrases[number] = [phrase.strip() for phrase in entry["regions"]]
    with layout(images, "Visual Genome's image_data.json"):
        photos = {}
        for image in read_json(images):
            number, (place, name) = int(image["image_id"]), str(image["url"]).split("/")[-2:]
            if number in phrases:
                captions = tuple(dict.fromkeys(phrases[number]))
                photos[number] = CaptionedPhoto(name, folder / place / name, captions, _origin(image))
        if lacking := phrases.keys() - photos.keys():
            raise ValueError(f"{len(lacking)} photos with regions are not in it, first {min(lacking)}")
    return [photos[number] for number in sorted(photos)]


def split_of(number: int) -> str:
    """The split of the photo with this number."""
    return {0: "val", 1: "test"}.get(number % 20, "train")


def _region_to_phrase(entry: dict[str, Any]) -> Any:
    """Of a region its phrase alone is kept: with their boxes, the millions of regions would fill the memory."""
    return str(entry["phrase"]) if "phrase" in entry else entry


def _origin(image: dict[str, Any]) -> str:
    if image.get("coco_id"):
        return f"coco/{int(image['coco_id'])}"
    return f"flickr/{int(image['flickr_id'])}" if image.get("flickr_id") else f"visual-genome/{int(image['image_id'])}"
