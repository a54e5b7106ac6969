"""What a person decides about the captions of a library, one photo at a time, and the way back.

A decision is about the caption that the person saw: where another one is stored by then, since an index run or another
reviewer was there meanwhile, nothing is changed and that is said.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pictell.albums.library import Library, Words, below_sql
from pictell.albums.words import storable
from pictell.errors import LibraryError, OptionError

Show = Literal["unreviewed", "unsure", "missing", "reviewed", "all"]
SHOW: tuple[Show, ...] = get_args(Show)
"""Which photos: those with a caption that nobody has reviewed, by path or the least sure first; those without any words and
without a decision that there be none; those reviewed, the last first; all by path."""

Decision = Literal["accept", "edit", "reject", "restore"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
"""Pictell's words are right; other words are; there is no caption; the photo is as nobody had reviewed it."""

LONGEST = 2000
"""The most characters of a caption."""

_UNREVIEWED = "by = 'pictell' AND text IS NOT NULL AND review IS NULL"
_SHOWN: dict[Show, tuple[str, str]] = {
    "unreviewed": (_UNREVIEWED, "path"),
    "unsure": (_UNREVIEWED, "confidence IS NULL, confidence, path"),
    "missing": (
        "text IS NULL AND review IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM own_words WHERE own_words.photo = photos.id AND kind = 'caption')",
        "path",
    ),
    "reviewed": ("review IS NOT NULL", "reviewed_at DESC, path"),
    "all": ("TRUE", "path"),
}


@dataclass(frozen=True)
class Reviewed:
    """A photo as a reviewer sees it: its caption (`words`, `None` where it never had one), what people wrote in the file, the
    `error` that kept it from being captioned. `stamp` is another text whenever `words` is another; `is_changed` tells that the
    file is no longer the one that was captioned."""

    id: int
    path: Path
    words: Words | None
    own: tuple[str, ...]
    keywords: tuple[str, ...]
    error: str | None
    taken: str | None
    is_changed: bool

    @property
    def stamp(self) -> str:
        """What a decision says that it was about."""
        return _stamp(self.words)


@dataclass(frozen=True)
class Change:
    """What a decision changed, so that it can be undone."""

    photo: int
    before: Words | None
    after: Words | None


def photos_to_review(library: Library, show: Show, under: Path | None = None) -> list[int]:
    """The numbers of the photos that are there, in the directory `under` and below it if one is named."""
    condition, order = _SHOWN[show]
    where, values = _where(condition, under)
    rows = library.rows(f"SELECT photos.id {where} ORDER BY {order}", values)
    return [number for (number,) in rows]


def count_unreviewed(library: Library, under: Path | None = None) -> int:
    """How many captions nobody has reviewed."""
    where, values = _where(_UNREVIEWED, under)
    return int(library.rows(f"SELECT count(*) {where}", values)[0][0])


def directories_of(library: Library, under: Path | None = None) -> list[Path]:
    """The directories with photos in them or below them, down from the one that all are in."""
    where, values = _where("TRUE", under)
    holding = {os.path.dirname(path) for (path,) in library.rows(f"SELECT path {where}", values)}  # noqa: PTH120
    if not holding:
        return []
    top = os.path.commonpath(list(holding))
    found = {top}
    for directory in holding:
        while directory not in found:
            found.add(directory)
            directory = os.path.dirname(directory)  # noqa: PTH120
    return [
        Path(os.fsdecode(directory)) for directory in sorted(found, key=lambda path: path.split(os.fsencode(os.sep)))
    ]


def look(library: Library, photo: int) -> Reviewed:
    """A photo as it is now; raises `LibraryError`, `no-photo`, where the library has none of that number any longer."""
    rows = library.rows("SELECT path, size, mtime_ns, error, taken FROM photos WHERE id = ?", (photo,))
    if not rows:
        raise LibraryError("no-photo", "this photo is no longer in the library: skip it")
    path, size, mtime_ns, error, taken = rows[0]
    own: dict[str, list[str]] = {"caption": [], "keyword": []}
    for kind, text in library.rows("SELECT kind, text FROM own_words WHERE photo = ? ORDER BY rowid", (photo,)):
        own[kind].append(text)
    where = Path(os.fsdecode(path))
    return Reviewed(
        id=photo,
        path=where,
        words=library.words_of(photo),
        own=tuple(own["caption"]),
        keywords=tuple(own["keyword"]),
        error=error,
        taken=taken,
        is_changed=_is_changed(where, size, mtime_ns),
    )


def decide(library: Library, photo: int, decision: Decision, stamp: str, text: str | None = None) -> Change:
    """Keeps a decision about the caption that had this `stamp`; `text` is the caption of an `edit`.

    What pictell said is kept beside a person's words (`Words.said`), so that it can be restored.

    Raises:
        OptionError: there is nothing to accept, reject or restore; the text is empty or too long.
        LibraryError: `changed`, another caption is stored by now; `no-photo`; what a transaction raises.
    """
    with library.transaction():
        before = look(library, photo).words
        if _stamp(before) != stamp:
            raise LibraryError("changed", "this caption was changed meanwhile by somebody else or by an index run")
        after = _decided(before, decision, text)
        _put(library, photo, after)
    return Change(photo, before, after)


def undo(library: Library, change: Change) -> None:
    """Takes a decision back.

    Raises `LibraryError`: `changed`, something else was decided since; `no-photo`.
    """
    with library.transaction():
        if _stamp(look(library, change.photo).words) != _stamp(change.after):
            raise LibraryError("changed", "this caption was changed again since, and is left as it is now")
        _put(library, change.photo, change.before)


def _decided(before: Words | None, decision: Decision, text: str | None) -> Words | None:
    now = datetime.now(UTC).isoformat()
    said = None if before is None else before.text if before.review is None else before.said
    if decision == "edit":
        text = storable(text or "")
        if not text:
            raise OptionError("a caption needs words: write some, or reject it")
        if len(text) > LONGEST:
            raise OptionError(f"a caption has {LONGEST:,} characters at most, this one {len(text):,}")
        made = before or Words(None, None, 0.0, None, "", now)
        return replace(made, text=text, by="person", review="edited", reviewed_at=now, said=said)
    if before is None:
        raise OptionError("there is no caption here: write one, or skip the photo")
    if decision == "accept":
        if before.by == "person":
            raise OptionError("this caption is a person's already")
        if said is None:
            raise OptionError("there is no caption to accept: write one, or skip the photo")
        return replace(before, text=said, by="person", review="accepted", reviewed_at=now, said=said)
    if decision == "reject":
        if before.review == "rejected":
            raise OptionError("this caption is rejected already")
        if before.by == "person" and before.review is None:
            raise OptionError("this caption is a person's own: write another in its place")
        return replace(before, text=None, by="pictell", review="rejected", reviewed_at=now, said=said)
    if before.review is None:
        raise OptionError("nobody has reviewed this caption, so there is no review to take back")
    if said is None and before.reason is None:
        return None  # pictell had said nothing at all
    return replace(before, text=said, by="pictell", review=None, reviewed_at=None, said=None)


def _put(library: Library, photo: int, words: Words | None) -> None:
    if words is None:
        library.drop_words(photo)
    else:
        library.put_words(photo, words)


def _stamp(words: Words | None) -> str:
    fields: tuple[Any, ...] = () if words is None else astuple(words)
    return hashlib.blake2b(repr(fields).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _where(condition: str, under: Path | None) -> tuple[str, Sequence[object]]:
    below, values = ("TRUE", ()) if under is None else below_sql(Path(os.path.realpath(under)))
    joined = "FROM photos LEFT JOIN captions ON captions.photo = photos.id"
    return f"{joined} WHERE NOT missing AND {below} AND {condition}", values


def _is_changed(path: Path, size: int, mtime_ns: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False  # gone, which its picture tells
    return (status.st_size, status.st_mtime_ns) != (size, mtime_ns)
