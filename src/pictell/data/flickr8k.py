"""Flickr8k (Hodosh, Young and Hockenmaier 2013): 8,091 photos, five English captions each, three official splits."""

from __future__ import annotations

from pathlib import Path

from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.errors import DataError

PHOTOS = "Flicker8k_Dataset"
CAPTIONS = "Flickr8k_text/Flickr8k.token.txt"
SPLITS = {split: f"Flickr8k_text/Flickr_8k.{split}Images.txt" for split in ("train", "dev", "test")}


def load_flickr8k(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of an official split, `train`, `dev` or `test`, in the order of its list.

    `folder` holds `Flicker8k_Dataset/` and `Flickr8k_text/` as published. Raises `DataError` naming what is missing.
    """
    if split not in SPLITS:
        raise DataError("unknown-split", f"Flickr8k has no split {split!r}; it has {', '.join(SPLITS)}")
    for part in (PHOTOS, CAPTIONS, SPLITS[split]):
        if not (folder / part).exists():
            raise DataError(
                "missing", f"{folder} is not Flickr8k in its official layout: {part} is missing (ask for the data at "
                "https://forms.illinois.edu/sec/1713398)"
            )  # fmt: skip
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(folder / CAPTIONS), 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        photo, hash_sign, _ = name.rpartition("#")
        if not (tab and hash_sign):
            raise DataError("layout", f"{folder / CAPTIONS}, line {number}: expected NAME.jpg#K, a tab and a caption")
        captions.setdefault(photo, []).append(text.strip())
    names = [line.strip() for line in _lines(folder / SPLITS[split]) if line.strip()]
    if missing := [name for name in names if name not in captions or not (folder / PHOTOS / name).is_file()]:
        raise DataError(
            "missing",
            f"{folder}: {len(missing)} photos of the {split} split lack a file or captions, first {missing[0]}",
        )
    return [CaptionedPhoto(name, folder / PHOTOS / name, tuple(captions[name])) for name in names]


def _lines(path: Path) -> list[str]:
    """A text file's lines; a caption may hold characters that `str.splitlines` takes for a line's end."""
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("layout", f"cannot read {path} as UTF-8 text: {error}") from error
