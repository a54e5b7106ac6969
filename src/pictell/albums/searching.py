"""Finding photos by what is written about them, people's words before pictell's, by what that means, or by how they look."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pictell.albums.library import Library
from pictell.albums.meaning import Meanings
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
    """A photo that was found: a person's words (`own`) and pictell's caption, either `None` where there are none.

    `by` is why: its words, what they mean or how it looks, with the cosine as `score` for the last two; `None` where only
    filters chose it.
    """

    path: str
    own: str | None
    caption: str | None
    confidence: float | None
    taken: str | None
    by: Literal["words", "meaning", "look"] | None = None
    score: float | None = None


def search(
    library: Library,
    words: str,
    filters: Filters | None = None,
    limit: int = 50,
    meanings: Callable[[], Meanings] | None = None,
) -> list[Hit]:
    """The photos about which all of `words` are written, best first; `"two words"` in quotation marks stand together.

    Words are compared by their stems ("dogs" finds "a dog runs"). Those that have the very words go first, a person's before
    pictell's, short texts before long ones. Where no photo has all words, those that have the most of them, half at least.
    Without words the filters alone choose, the newest photos first. Photos that are no longer there are not found.

    With `meanings`, asked for only where all the words find fewer than `limit`, photos follow about which something is written
    that means the same, the nearest first, and after them those that have some of the words. Words in quotation marks are
    meant to the letter: with them there is no looking for meaning.

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
    complete = _with_words(library, phrases, len(phrases), filters)
    if len(complete) >= limit or '"' in words or meanings is None:
        return (complete or _with_some(library, phrases, filters))[:limit]
    found = {hit.path: hit for hit in complete}
    for hit in _meaning(library, meanings().closest(words), filters, limit):
        found.setdefault(hit.path, hit)
    if not complete:
        for hit in _with_some(library, phrases, filters):
            found.setdefault(hit.path, hit)
    return list(found.values())[:limit]


def _with_words(library: Library, phrases: Sequence[str], count: int, filters: Filters) -> list[Hit]:
    """The photos that have `count` of the phrases, best first."""
    where, values = _conditions(filters)
    query = (
        f"SELECT {_COLUMNS} FROM (SELECT rowid AS number FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?)"
        f" JOIN photos ON id = number {_CAPTIONS} WHERE {where}"
    )
    most = _MOST if filters == Filters() else -1  # a filter may leave few of many
    found: dict[str, Hit] = {}
    for some in islice(combinations(phrases, count), _WAYS):
        together = " ".join(f'"{phrase}"' for phrase in some)
        # What people wrote is little, and not to be missed among many captions.
        for asked in (f"own : ({together})", together):
            found |= {hit.path: hit for hit in map(_hit, library.rows(query, (asked, most, *values)))}
    hits = sorted(found.values(), key=partial(_place, [_exactly(phrase) for phrase in phrases]))
    return [replace(hit, by="words") for hit in hits]


def _with_some(library: Library, phrases: Sequence[str], filters: Filters) -> list[Hit]:
    """The photos that have the most of the phrases, if not all: half at least."""
    for count in range(len(phrases) - 1, (len(phrases) - 1) // 2, -1):
        if hits := _with_words(library, phrases, count, filters):
            return hits
    return []


def _meaning(library: Library, near: Sequence[tuple[float, str]], filters: Filters, limit: int) -> list[Hit]:
    """The photos about which these texts are written, in their order, each photo by its nearest; `limit` or a few more."""
    where, values = _conditions(filters)
    found: dict[str, Hit] = {}
    for score, text in near:
        query = (
            f"SELECT {_COLUMNS} FROM (SELECT photo AS number FROM captions WHERE text = ? UNION SELECT photo FROM own_words"
            f" WHERE text = ?) JOIN photos ON id = number {_CAPTIONS} WHERE {where} ORDER BY path LIMIT ?"
        )
        for row in library.rows(query, (text, text, *values, limit)):
            hit = _hit(row)
            found.setdefault(hit.path, replace(hit, by="meaning", score=round(score, 4)))
        if len(found) >= limit:
            break
    return list(found.values())


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
            f"{printable(library.path)}: no photo here was seen by this model; `pictell album index DIR` does it",
        )
    where, values = _conditions(filters or Filters())
    query = (
        f"SELECT photos.id, vector FROM features JOIN photos ON photos.id = features.photo {_CAPTIONS}"
        f" WHERE features.photo > ? AND encoder = ? AND {where} ORDER BY features.photo LIMIT {_AT_ONCE}"
    )
    best: list[tuple[float, int]] = []
    last = -1
    features = features / max(float(np.linalg.norm(features)), 1e-9)
    while rows := library.rows(query, (last, encoder, *values)):
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f2").reshape(len(rows), -1)  # (N, D)
        likeness = vectors.astype(np.float32) @ features
        best = heapq.nlargest(limit, [*best, *zip(likeness.tolist(), (number for number, _ in rows), strict=True)])
        last = rows[-1][0]
    query = f"SELECT {_COLUMNS} FROM photos {_CAPTIONS} WHERE photos.id = ?"
    return [
        replace(_hit(row), by="look", score=round(score, 4))
        for score, number in best
        for row in library.rows(query, (number,))
    ]


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
