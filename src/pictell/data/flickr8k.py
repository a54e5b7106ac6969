"""Flickr8k (Hodosh, Young and Hockenmaier 2013): 8,091 photos, five English captions each, three official splits."""

from __future__ import annotations

from pathlib import Path

from pictell.data.origins import flickr_origin
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, read_names, read_tokens

PHOTOS = "Flicker8k_Dataset"
CAPTIONS = "Flickr8k_text/Flickr8k.token.txt"
SPLITS = {split: f"Flickr8k_text/Flickr_8k.{split}Images.txt" for split in ("train", "dev", "test")}
_SOURCE = "ask for the data at https://forms.illinois.edu/sec/1713398"


def load_flickr8k(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of an official split, `train`, `dev` or `test`, in the order of its list.

    `folder` holds `Flicker8k_Dataset/` and `Flickr8k_text/` as published. Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "Flickr8k")
    photos, captions_file, names_file = (
        find_part(folder, [part], "Flickr8k", _SOURCE) for part in (PHOTOS, CAPTIONS, SPLITS[split])
    )
    captions = read_tokens(captions_file)
    return [
        CaptionedPhoto(name, photos / name, tuple(captions.get(name, ())), flickr_origin(name))
        for name in read_names(names_file)
    ]
