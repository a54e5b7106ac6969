"""What may be wrong with the photos of a split, whatever the data set, and the photos without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.photos import printable


@dataclass(frozen=True)
class Faults:
    """The ids of photos whose file (or region features, as `without` says) is `missing`, that are `uncaptioned`, of whose
    captions some are `empty`, and of those that are there again (`duplicate`), each in the order of the split; `places` says by
    id where the missing photo or the empty caption stands, if that is known."""

    missing: tuple[str, ...] = ()
    uncaptioned: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    without: str = "are not on disk"

    def __bool__(self) -> bool:
        return bool(self.kinds)

    @property
    def kinds(self) -> list[str]:
        """The names of what is wrong."""
        return [name for name in ("missing", "uncaptioned", "empty", "duplicate") if getattr(self, name)]

    def lines(self, split: str) -> Iterator[str]:
        """What is wrong with the split, one clause each, for people."""
        for ids, what in (
            (self.missing, self.without),
            (self.uncaptioned, "have no captions"),
            (self.empty, "have an empty caption"),
            (self.duplicate, "have the id of another one"),
        ):
            if ids:
                place = f" ({printable(self.places[ids[0]])})" if ids[0] in self.places else ""
                yield f"{len(ids)} photos of the {split} split {what}, first {printable(ids[0])}{place}"


@dataclass(frozen=True)
class Sifted:
    """The `photos` of a split that are sound, with what was wrong with the others, and the ids of photos all of whose
    captions the data set itself `withdrew`, which is no fault."""

    photos: list[CaptionedPhoto]
    faults: Faults
    withdrawn: tuple[str, ...]


def is_on_disk(photo: CaptionedPhoto) -> bool:
    """Whether the photo's file is there, whatever is in it."""
    return os.path.isfile(photo.path)  # noqa: PTH113  # unlike the method of paths, never raises for a strange name


def sift(
    photos: Iterable[CaptionedPhoto],
    is_there: Callable[[CaptionedPhoto], bool] = is_on_disk,
    without: str = "are not on disk",
) -> Sifted:
    """Looks at each photo, but not into its file. Of photos with one id the first is kept, of its captions those with text.

    A photo is missing where it is not `is_there`, and `without` tells people of what it is.
    """
    kept: list[CaptionedPhoto] = []
    seen: set[str] = set()
    missing: list[str] = []
    uncaptioned: list[str] = []
    empty: list[str] = []
    duplicate: list[str] = []
    withdrawn: list[str] = []
    places: dict[str, str] = {}
    for photo in photos:
        if photo.id in seen:
            duplicate.append(photo.id)
            continue
        seen.add(photo.id)
        captions = tuple(caption for caption in photo.captions if caption.strip())
        there = is_there(photo)
        if not there:
            missing.append(photo.id)
        if captions != photo.captions:
            empty.append(photo.id)
        if photo.places and (not there or captions != photo.captions):
            at = 0 if not there else next(n for n, caption in enumerate(photo.captions) if not caption.strip())
            places[photo.id] = photo.places[at]
        if not photo.captions:
            (withdrawn if photo.rejected else uncaptioned).append(photo.id)
        if there and captions:
            kept.append(photo if captions == photo.captions else replace(photo, captions=captions, places=()))
    faults = Faults(tuple(missing), tuple(uncaptioned), tuple(empty), tuple(duplicate), places, without)
    return Sifted(kept, faults, tuple(withdrawn))
