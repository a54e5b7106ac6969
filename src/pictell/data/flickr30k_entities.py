"""Flickr30k Entities (Plummer et al. 2015, arXiv 1505.04870): the captions of Flickr30k with the phrases marked in them.

A line of `Sentences/NUMBER.txt` is a caption with phrases as `[/EN#CHAIN/TYPE/... WORD WORD ...]`; here the words are kept.
"""

from __future__ import annotations

import re
from pathlib import Path

from pictell.data.flickr30k import PHOTOS
from pictell.data.origins import flickr_origin
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, read_lines, read_names
from pictell.errors import DataError

SPLITS = ("train", "val", "test")
_SOURCE = "https://github.com/BryanPlummer/flickr30k_entities"
_PHOTO_SOURCE = "ask for the photos of Flickr30k at https://shannon.cs.illinois.edu/DenotationGraph/"
_PHRASE = re.compile(r"\[/EN#\d+(?:/[^\s/\]]+)+\s([^\[\]]*)\]", re.ASCII)


def load_flickr30k_entities(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of `train`, `val` or `test`, in the order of its list.

    `folder` holds `Sentences/` and `SPLIT.txt` as published, and the photos in `flickr30k-images/` or `flickr30k_images/`.
    Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "Flickr30k Entities")
    photos = find_part(folder, PHOTOS, "Flickr30k Entities", _PHOTO_SOURCE)
    sentences, names = (
        find_part(folder, [part], "Flickr30k Entities", _SOURCE) for part in ("Sentences", f"{split}.txt")
    )
    return [
        CaptionedPhoto(
            f"{number}.jpg",
            photos / f"{number}.jpg",
            _read_sentences(sentences / f"{number}.txt"),
            flickr_origin(f"{number}.jpg"),
        )
        for number in read_names(names)
    ]


def _read_sentences(path: Path) -> tuple[str, ...]:
    """The captions of a photo, none if it has no file of sentences."""
    if not path.exists():
        return ()
    captions = []
    for number, line in enumerate(read_lines(path), 1):
        text = _PHRASE.sub(r"\1", line)
        if "[/EN#" in text:
            raise DataError("layout", f"{path}, line {number}: a phrase is not marked as [/EN#CHAIN/TYPE WORDS]")
        if text.strip():
            captions.append(" ".join(text.split()))
    return tuple(captions)
