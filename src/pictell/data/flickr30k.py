"""Flickr30k (Young, Lai, Hodosh and Hockenmaier 2014): 31,783 photos, five English captions each.

It has no splits of its own. Those of `dataset_flickr30k.json` (Karpathy and Fei-Fei 2015; 29,000, 1,014 and 1,000 photos) are
taken if that file is there, else those of `train.txt`, `val.txt` and `test.txt` (Plummer et al. 2015; 29,783, 1,000 and 1,000).
"""

from __future__ import annotations

from pathlib import Path

from pictell.data.karpathy import read_karpathy
from pictell.data.origins import flickr_origin
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, find_part, read_lines, read_names, read_tokens
from pictell.errors import DataError

SPLITS = ("train", "val", "test")
PHOTOS = ("flickr30k-images", "flickr30k_images")
_CAPTIONS = ("results_20130124.token", "results.csv")
_KARPATHY = "dataset_flickr30k.json"
_SOURCE = "ask for the data at https://shannon.cs.illinois.edu/DenotationGraph/"
_SPLITS_SOURCE = (
    "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip or "
    "https://github.com/BryanPlummer/flickr30k_entities"
)


def load_flickr30k(folder: Path, split: str) -> list[CaptionedPhoto]:
    """The photos of `train`, `val` or `test`, in the order of the file that lists them.

    `folder` holds `results_20130124.token` as published or Kaggle's `results.csv`, the photos in `flickr30k-images/` or
    `flickr30k_images/`, and the splits. Raises `DataError` naming what is missing.
    """
    check_split(split, SPLITS, "Flickr30k")
    photos = find_part(folder, PHOTOS, "Flickr30k", _SOURCE)
    captions_file = find_part(folder, _CAPTIONS, "Flickr30k", _SOURCE)
    names_file = find_part(folder, [_KARPATHY, f"{split}.txt"], "Flickr30k with splits", _SPLITS_SOURCE)
    captions = _read_csv(captions_file) if captions_file.suffix == ".csv" else read_tokens(captions_file)
    if names_file.name == _KARPATHY:
        names = [str(image["filename"]) for image in read_karpathy(names_file) if image["split"] == split]
    else:
        names = [f"{number}.jpg" for number in read_names(names_file)]
    return [CaptionedPhoto(name, photos / name, tuple(captions.get(name, ())), flickr_origin(name)) for name in names]


def _read_csv(path: Path) -> dict[str, list[str]]:
    """The captions by photo in lines `NAME.jpg| K| caption` below a heading; quotes are the captions' own.

    One line as published (`2199200615.jpg| 4   A dog runs ...`) lacks its second bar, which is therefore not asked for.
    """
    captions: dict[str, list[str]] = {}
    for line_number, line in enumerate(read_lines(path)[1:], 2):
        if not line.strip():
            continue
        name, bar, rest = line.partition("|")
        rest = rest.strip()
        digits = len(rest) - len(rest.lstrip("0123456789"))
        if not (bar and digits):
            raise DataError("layout", f"{path}, line {line_number}: expected NAME.jpg| K| and a caption")
        captions.setdefault(name.strip(), []).append(rest[digits:].lstrip().removeprefix("|").strip())
    return captions
