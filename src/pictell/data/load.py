"""Data sets by name: `flickr8k:FOLDER` or `coco:FOLDER`, and a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pictell.data.coco import load_coco
from pictell.data.faults import sift
from pictell.data.flickr8k import load_flickr8k
from pictell.data.flickr30k import load_flickr30k
from pictell.data.flickr30k_entities import load_flickr30k_entities
from pictell.data.karpathy import load_karpathy
from pictell.data.own_photos import load_own_photos
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.unpacked import load_hugging_face, load_webdataset
from pictell.data.visual_genome import load_visual_genome
from pictell.data.vizwiz import load_vizwiz
from pictell.errors import DataError
from pictell.regions import RegionStore

_MADE_HERE: Mapping[str, Callable[[Path, str, Callable[[str], None]], list[CaptionedPhoto]]] = {
    "photos": load_own_photos,
    "datasets": load_hugging_face,
    "webdataset": load_webdataset,
}
"""What makes the splits itself, and has something to say of them."""

_GIVEN: Mapping[str, Callable[[Path, str], list[CaptionedPhoto]]] = {
    "flickr8k": load_flickr8k,
    "flickr8k-karpathy": partial(load_karpathy, "flickr8k"),
    "flickr30k": load_flickr30k,
    "flickr30k-karpathy": partial(load_karpathy, "flickr30k"),
    "flickr30k-entities": load_flickr30k_entities,
    "coco": load_coco,
    "coco-karpathy": partial(load_karpathy, "coco"),
    "vizwiz": load_vizwiz,
    "visual-genome": load_visual_genome,
}
"""What reads splits that come with the data."""

DATASETS = (*_GIVEN, *_MADE_HERE)
"""The kinds of data sets, by the names that people type."""


def load_dataset(
    name: str,
    split: str,
    *,
    skip_missing: bool = False,
    files: bool = True,
    regions: RegionStore | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[CaptionedPhoto]:
    """Loads a split of `KIND:FOLDER`, for example `flickr8k:data/flickr8k`.

    With `skip_missing` photos that are not on disk, have no captions or come twice, and captions without text, are left
    out. Without `files` photos need not be on disk; with `regions` they need to be there instead. What is left out is counted
    and told to `say`, as are the photos all of whose captions the data set withdrew and what `read_split` tells.

    Raises:
        DataError: the name, the split or a part of the data set is not there, no photo is left, or, without
            `skip_missing`, there is something that would be left out.

    """
    photos = read_split(name, split, say)
    if regions is not None:
        sifted = sift(photos, lambda photo: photo.id in regions, f"have no region features in {regions.path}")
    else:
        sifted = sift(photos) if files else sift(photos, lambda photo: True)
    if faults := sifted.faults:
        told = f"{name}: {'; '.join(faults.lines(split))}"
        if not skip_missing:
            raise DataError(
                faults.kinds[0], f"{told} (--skip-missing, or data.skip_missing in a recipe, leaves them out)"
            )
        say(f"left out: {told}")
    if withdrawn := sifted.withdrawn:
        say(f"left out: {name}: {len(withdrawn)} photos of the {split} split, whose captions the set itself withdrew")
    if photos and not sifted.photos:
        raise DataError("no-photos", f"{name}: no photo of the {split} split is left")
    return sifted.photos


def read_split(name: str, split: str, say: Callable[[str], None] = lambda text: None) -> list[CaptionedPhoto]:
    """The photos of a split of `KIND:FOLDER` as its files list them; raises `DataError` where it cannot.

    `say` hears of dev photos that were taken from the others where the names of too few put them there.
    """
    kind, colon, folder = name.partition(":")
    if not colon or kind not in DATASETS:
        raise DataError(
            "unknown-data", f"{name!r} names no data set: write KIND:FOLDER, KIND one of {', '.join(DATASETS)}"
        )
    where = Path(folder).expanduser()
    return _MADE_HERE[kind](where, split, say) if kind in _MADE_HERE else _GIVEN[kind](where, split)
