"""Finding photos by what is written about them, people's words before pictell's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

from pictell.albums.library import Library
from pictell.errors import OptionError
from pictell.types import BANDS

# Of more than so many, those indexed last are looked at: the words alone tell no better which of them are meant.
_MOST = 1000
# Beyond so many ways to leave words out, a query is no query.
_WAYS = 100


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
    if limit < 1:
        raise OptionError(f"the most photos to find is 1 or more, not {limit}")
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


_COLUMNS = (
    "path, by, text, confidence, taken,"
    " (SELECT group_concat(own_words.text, '; ') FROM own_words WHERE own_words.photo = photos.id)"
)
_CAPTIONS = "LEFT JOIN captions ON captions.photo = photos.id"


def _conditions(filters: Filters) -> tuple[str, Sequence[object]]:
    """SQL for `WHERE`, and its values."""
    by_person = "(by IS 'person' OR EXISTS (SELECT 1 FROM own_words WHERE own_words.photo = photos.id))"
    chosen: list[tuple[str, list[object]]] = [("NOT missing", [])]
    if filters.missing:
        chosen.append((f"text IS NULL AND NOT {by_person}", []))
    if filters.low_confidence:
        chosen.append(("by = 'pictell' AND confidence < ?", [BANDS["medium"]]))
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


def _hit(row: tuple) -> Hit:  # type: ignore[type-arg]
    path, by, text, confidence, taken, own = row
    if by == "person":
        own, text, confidence = "; ".join(filter(None, (text, own))), None, None
    return Hit(os.fsdecode(path), own, text, confidence, taken)
