"""Finding photos by what is written about them, people's words before pictell's, or by how they look."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.albums.library import Library
from pictell.errors import LibraryError, OptionError
from pictell.photos import printable
from pictell.types import BANDS

# Of more than so many, those indexed last are looked at: the words alone tell no better which of them are meant.
_MOST = 1000
# Beyond so many ways to leave words out, a query is no query.
_WAYS = 100
# Photos whose features are compared at once: some megabytes.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Filters:
    """Which photos may be found: those without any caption (`missing`), with a caption of low confidence, taken since a date
    (`YYYY`, `YYYY-MM` or `YYYY-MM-DD`), by a camera whose name has this in it, with words by `me` or `pictell`."""

    missing: bool = False
    low_confidence: bool = False
    since: str | None = None
    camera: str | None = None
    written_by: str | None = None

    def __post_init__(self) -> None:
        if self.written_by not in (None, "me", "pictell"):
            raise OptionError(f"words are written by me or pictell, not {self.written_by!r}")
        if self.since is not None and not re.fullmatch(r"\d{4}(-\d\d){0,2}", self.since):
            raise OptionError(f"a date is YYYY, YYYY-MM or YYYY-MM-DD, not {self.since!r}")


@dataclass(frozen=True)
class Hit:
    """A photo that was found: a person's words (`own`) and pictell's caption, either `None` where there are none."""

    path: str
    own: str | None
    caption: str | None
    confidence: float | None
    taken: str | None


def search(library: Library, words: str, filters: Filters | None = None, limit: int = 50) -> list[Hit]:
    """The photos about which all of `words` are written, best first; `"two words"` in quotation marks stand together.

    Words are compared by their stems ("dogs" finds "a dog runs"). Those that have the very words go first, a person's before
    pictell's, short texts before long ones. Where no photo has all words, those that have the most of them, half at least.
    Without words the filters alone choose, the newest photos first. Photos that are no longer there are not found.

    Raises:
        OptionError: there is nothing to look for, or `limit` is below 1.
    """
    filters = filters or Filters()
    _check(limit)
    phrases = _phrases(words)
    where, values = _conditions(filters)
    if not phrases:
        if filters == Filters():
            raise OptionError("nothing to look for: give a word, or a filter")
        query = f"SELECT {_COLUMNS} FROM photos {_CAPTIONS} WHERE {where} ORDER BY taken DESC, path LIMIT ?"
        return [_hit(row) for row in library.rows(query, (*values, limit))]
    query = (
        f"SELECT {_COLUMNS} FROM (SELECT rowid AS number FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?)"
        f" JOIN photos ON id = number {_CAPTIONS} WHERE {where}"
    )
    most = _MOST if filters == Filters() else -1  # a filter may leave few of many
    for count in range(len(phrases), (len(phrases) - 1) // 2, -1):
        found: dict[str, Hit] = {}
        for some in islice(combinations(phrases, count), _WAYS):
            together = " ".join(f'"{phrase}"' for phrase in some)
            # What people wrote is little, and not to be missed among many captions.
            for asked in (f"own : ({together})", together):
                found |= {hit.path: hit for hit in map(_hit, library.rows(query, (asked, most, *values)))}
        if found:
            return sorted(found.values(), key=partial(_place, [_exactly(phrase) for phrase in phrases]))[:limit]
    return []


def similar(
    library: Library, features: NDArray[np.float32], encoder: str, filters: Filters | None = None, limit: int = 50
) -> list[Hit]:
    """The photos that look most like one, the likest first: by the cosine between what an encoder makes of them.

    `features` (D,) are a caption's by the captioner whose `encoder` is named. All photos are compared that it has seen and
    that `filters` let through.

    Raises:
        OptionError: `limit` is below 1.
        LibraryError: `no-features`, that encoder has seen no photo of the library.
    """
    _check(limit)
    if not library.rows("SELECT 1 FROM features WHERE encoder = ? LIMIT 1", (encoder,)):
        raise LibraryError(
            "no-features",
            f"{printable(library.path)}: no photo here was seen by this model; `pictell album index DIR --force` does it",
        )
    where, values = _conditions(filters or Filters())
    query = (
        f"SELECT photos.id, vector FROM features JOIN photos ON photos.id = features.photo {_CAPTIONS}"
        f" WHERE features.photo > ? AND encoder = ? AND {where} ORDER BY features.photo LIMIT {_AT_ONCE}"
    )
    best: list[tuple[float, int]] = []
    last = -1
    while rows := library.rows(query, (last, encoder, *values)):
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f2").reshape(len(rows), -1)  # (N, D)
        likeness = vectors.astype(np.float32) @ features
        best = heapq.nlargest(limit, [*best, *zip(likeness.tolist(), (number for number, _ in rows), strict=True)])
        last = rows[-1][0]
    query = f"SELECT {_COLUMNS} FROM photos {_CAPTIONS} WHERE photos.id = ?"
    return [_hit(row) for _, number in best for row in library.rows(query, (number,))]


def _check(limit: int) -> None:
    if limit < 1:
        raise OptionError(f"the most photos to find is 1 or more, not {limit}")


_COLUMNS = (
    "path, by, text, confidence, taken,"
    # Without what a person's caption says again: it may have been written into the file.
    " (SELECT group_concat(own_words.text, '; ') FROM own_words WHERE own_words.photo = photos.id"
    " AND (by IS NOT 'person' OR own_words.text IS NOT captions.text))"
)
_CAPTIONS = "LEFT JOIN captions ON captions.photo = photos.id"


def _conditions(filters: Filters) -> tuple[str, Sequence[object]]:
    """SQL for `WHERE`, and its values."""
    by_person = "(by IS 'person' OR EXISTS (SELECT 1 FROM own_words WHERE own_words.photo = photos.id))"
    chosen: list[tuple[str, list[object]]] = [("NOT missing", [])]
    if filters.missing:
        chosen.append((f"text IS NULL AND NOT {by_person}", []))
    if filters.low_confidence:
        chosen.append(("by = 'pictell' AND text IS NOT NULL AND confidence < ?", [BANDS["medium"]]))
    if filters.since is not None:
        chosen.append(("taken >= ?", [filters.since]))
    if filters.camera is not None:
        chosen.append(("instr(lower(camera), lower(?)) > 0", [filters.camera]))
    if filters.written_by is not None:
        chosen.append((by_person if filters.written_by == "me" else "by = 'pictell' AND text IS NOT NULL", []))
    return " AND ".join(condition for condition, _ in chosen), [value for _, some in chosen for value in some]


def _phrases(words: str) -> list[str]:
    """The words and the quoted phrases, without what the index takes for its own signs."""
    found = re.findall(r'"([^"]*)"|(\S+)', words)
    plain = (" ".join(re.findall(r"\w+", quoted or word)) for quoted, word in found)
    return [phrase for phrase in plain if phrase]


def _exactly(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE)


def _place(exact: Sequence[re.Pattern[str]], hit: Hit) -> tuple[bool, bool, bool, int, str]:
    """What a list of hits is sorted by."""
    length = len(hit.own or hit.caption or "")
    return not _has(hit.own, exact), not _has(hit.caption, exact), hit.own is None, length, hit.path


def _has(text: str | None, exact: Sequence[re.Pattern[str]]) -> bool:
    return text is not None and all(pattern.search(text) for pattern in exact)


def _hit(row: tuple[Any, ...]) -> Hit:
    path, by, text, confidence, taken, own = row
    if by == "person":
        own, text, confidence = "; ".join(filter(None, (text, own))), None, None
    return Hit(os.fsdecode(path), own, text, confidence, taken)
