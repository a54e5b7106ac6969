"""What there is of a data set, and what is wrong with it: a look before a training that takes a night."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from pictell.data import (
    coco,
    flickr8k,
    flickr30k,
    flickr30k_entities,
    karpathy,
    own_photos,
    unpacked,
    visual_genome,
    vizwiz,
)
from pictell.data.faults import Faults, is_on_disk, sift
from pictell.data.load import read_split
from pictell.data.perceptual_hash import hash_files, near_duplicates
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.errors import DataError, PhotoError
from pictell.language import tokenise
from pictell.metrics.statistics import Range
from pictell.photos import printable

SPLITS: Mapping[str, Sequence[Sequence[str]]] = {
    "flickr8k": [tuple(flickr8k.SPLITS)],
    "flickr8k-karpathy": [karpathy.SPLITS],
    "flickr30k": [flickr30k.SPLITS],
    "flickr30k-karpathy": [karpathy.SPLITS],
    "flickr30k-entities": [flickr30k_entities.SPLITS],
    "coco": [coco.SPLITS[:2], coco.SPLITS[2:]],
    "coco-karpathy": [karpathy.SPLITS],
    "vizwiz": [vizwiz.SPLITS],
    "visual-genome": [visual_genome.SPLITS],
}
"""The splits of each kind of data set, in groups: those of a group should have no photo in common."""

OWN_SPLITS: Mapping[str, Callable[[Path], Sequence[str]]] = {
    "photos": own_photos.splits_of,
    "datasets": unpacked.splits_of_hugging_face,
    "webdataset": unpacked.splits_of_webdataset,
}
"""What finds the splits of those kinds that have other ones in each folder."""


@dataclass(frozen=True)
class Splits:
    """The splits of a data set that are `there`, with their photos as listed, in `groups` that should have no photo in common;
    why others are `absent`."""

    data: str
    there: Mapping[str, Sequence[CaptionedPhoto]]
    groups: Sequence[Sequence[str]]
    absent: Mapping[str, str]


@dataclass(frozen=True)
class SplitReport:
    """A split: how many `photos` it lists with how many `captions` that have text, how many captions a photo has (`each`), the
    different `words`, the `length` of captions in words (both ranges `None` where there is nothing to count), how many
    captions the set itself withdrew, and for how many photos all, and the faults."""

    photos: int
    captions: int
    each: Range | None
    words: int
    length: Range | None
    withdrawn_captions: int
    withdrawn_photos: int
    faults: Faults


@dataclass(frozen=True)
class Pair:
    """Photos of two splits, each with its id."""

    splits: tuple[str, str]
    ids: tuple[str, str]


@dataclass(frozen=True)
class Contents:
    """What is in the photos' files: by split the ids of the `unreadable` ones, each with the reason, and the photos of different
    splits that look `alike` (see `pictell.data.perceptual_hash`)."""

    unreadable: Mapping[str, Mapping[str, str]]
    alike: Sequence[Pair]


@dataclass(frozen=True)
class DataReport:
    """What there is of a data set; `shared` are the photos that are in two splits, `contents` is `None` where files were not
    looked into."""

    data: str
    splits: Mapping[str, SplitReport]
    absent: Mapping[str, str]
    shared: Sequence[Pair]
    contents: Contents | None

    def problems(self) -> Iterator[str]:
        """What is wrong, a line each."""
        for split, report in self.splits.items():
            yield from report.faults.lines(split)
            if not report.photos:
                yield f"the {split} split has no photos"
        for split, unreadable in (self.contents.unreadable if self.contents else {}).items():
            if unreadable:
                first = next(iter(unreadable.values()))
                yield f"{len(unreadable)} photos of the {split} split cannot be opened, first {first}"
        yield from _lines_of_pairs(self.shared, "are in the {} split too")
        yield from _lines_of_pairs(self.contents.alike if self.contents else (), "look like photos of the {} split")


def read_splits(data: str, splits: Sequence[str] = ()) -> Splits:
    """The named splits of `KIND:FOLDER`, or all of the kind's that are there.

    Raises:
        DataError: a named split is not there, none is, or a file is not in its official layout.

    """
    kind, _, folder = data.partition(":")
    groups = [tuple(dict.fromkeys(splits))] if splits else SPLITS.get(kind, ())
    if not splits and kind in OWN_SPLITS:
        groups = [OWN_SPLITS[kind](Path(folder).expanduser())]
    if not groups:
        read_split(data, "")  # an unknown kind is told as always
        raise DataError("unknown-split", f"{data}: which splits? Name them with --split")
    there: dict[str, Sequence[CaptionedPhoto]] = {}
    absent: dict[str, str] = {}
    for split in (split for group in groups for split in group):
        try:
            there[split] = read_split(data, split)
        except DataError as error:
            if splits or error.kind not in ("missing", "unknown-split"):
                raise
            absent[split] = error.message
    if not there:
        raise DataError("missing", next(iter(absent.values())))
    return Splits(data, there, [[split for split in group if split in there] for group in groups], absent)


def check(splits: Splits, contents: Contents | None = None) -> DataReport:
    """Describes the splits; `contents` is what `look_into` found in the photos' files, if it did."""
    reports = {split: _describe(photos) for split, photos in splits.there.items()}
    keys = {split: {photo.key: photo.id for photo in photos} for split, photos in splits.there.items()}
    shared = [
        Pair((one, other), (keys[one][key], keys[other][key]))
        for one, other in _pairs(splits)
        for key in keys[one]
        if key in keys[other]
    ]
    return DataReport(splits.data, reports, splits.absent, shared, contents)


def look_into(splits: Splits, on_photo: Callable[[], None] = lambda: None) -> Contents:
    """Opens every photo that is there and compares those of different splits; `on_photo` is told after each."""
    readable: dict[str, list[CaptionedPhoto]] = {}
    hashes = {}
    unreadable: dict[str, dict[str, str]] = {}
    for split, photos in splits.there.items():
        readable[split], unreadable[split] = [], {}
        found = []
        for photo in photos:
            try:
                if is_on_disk(photo):
                    found.append(hash_files([photo.path])[0])
                    readable[split].append(photo)
            except PhotoError as error:
                unreadable[split][photo.id] = error.message
            on_photo()
        hashes[split] = np.array(found, np.uint64)
    alike = (
        Pair((one, other), (readable[one][i].id, readable[other][j].id))
        for one, other in _pairs(splits)
        for i, j in near_duplicates(hashes[one], hashes[other])
        if readable[one][i].key != readable[other][j].key
    )
    return Contents(unreadable, list(dict.fromkeys(alike)))  # a photo that is listed twice is told once


def _describe(photos: Sequence[CaptionedPhoto]) -> SplitReport:
    sifted = sift(photos)
    captions = [tokenise(caption) for photo in photos for caption in photo.captions if caption.strip()]
    return SplitReport(
        photos=len(photos),
        captions=len(captions),
        each=_range([len(photo.captions) for photo in photos]),
        words=len({word for words in captions for word in words}),
        length=_range([len(words) for words in captions]),
        withdrawn_captions=sum(photo.rejected for photo in photos),
        withdrawn_photos=len(sifted.withdrawn),
        faults=sifted.faults,
    )


def _range(numbers: Sequence[int]) -> Range | None:
    return Range(min(numbers), sum(numbers) / len(numbers), max(numbers)) if numbers else None


def _pairs(splits: Splits) -> Iterator[tuple[str, str]]:
    """The splits that should have no photo in common, two by two."""
    for group in splits.groups:
        yield from combinations(group, 2)


def _lines_of_pairs(pairs: Sequence[Pair], what: str) -> Iterator[str]:
    for one, other in dict.fromkeys(pair.splits for pair in pairs):
        ids = [pair.ids for pair in pairs if pair.splits == (one, other)]
        names = " and ".join(map(printable, dict.fromkeys(ids[0])))
        yield f"{len(ids)} photos of the {one} split {what.format(other)}, first {names}"
