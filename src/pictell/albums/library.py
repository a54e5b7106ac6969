"""What is remembered of a photo library: one SQLite file, with a row a photo and a full-text index of all that is written.

Paths are kept as bytes (`os.fsencode`), since on Linux a name need not be text. A photo's words are in the index in the same
transaction as in the tables, so that a kill leaves both or neither.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pictell.albums.entry import AlbumEntry
from pictell.albums.network_share import is_on_network_share
from pictell.albums.walk import inside
from pictell.errors import LibraryError
from pictell.language.styles import alt_text
from pictell.photos import printable
from pictell.types import band_of

_MIGRATIONS = (
    """
    CREATE TABLE photos (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,      -- absolute, os.fsencode
        size INTEGER NOT NULL,          -- bytes
        mtime_ns INTEGER NOT NULL,
        hash BLOB,                      -- of the content, 16 bytes of BLAKE2b; NULL where it could not be read
        missing INTEGER NOT NULL DEFAULT 0,
        camera TEXT, taken TEXT,        -- make and model; local time, ISO 8601 without a zone
        error_kind TEXT, error TEXT     -- why there is no caption
    );
    CREATE INDEX photos_by_hash ON photos (hash);
    CREATE TABLE captions (
        photo INTEGER PRIMARY KEY REFERENCES photos ON DELETE CASCADE,
        text TEXT, reason TEXT,         -- why there is no text
        log_prob REAL, confidence REAL,
        model TEXT NOT NULL,            -- name@version
        at TEXT NOT NULL,               -- UTC, ISO 8601
        by TEXT NOT NULL CHECK (by IN ('pictell', 'person'))
    );
    CREATE TABLE own_words (
        photo INTEGER NOT NULL REFERENCES photos ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('caption', 'keyword')),
        text TEXT NOT NULL
    );
    CREATE INDEX own_words_of_photo ON own_words (photo);
    CREATE VIRTUAL TABLE words USING fts5 (own, caption, tokenize = 'porter unicode61 remove_diacritics 2');
    """,
    "ALTER TABLE photos ADD COLUMN sidecars INTEGER NOT NULL DEFAULT 0;  -- another number when one of them changes",
    """
    CREATE TABLE features (
        photo INTEGER PRIMARY KEY REFERENCES photos ON DELETE CASCADE,
        encoder TEXT NOT NULL,          -- whose: only those of one can be compared
        vector BLOB NOT NULL            -- little-endian float16, of length 1
    );
    """,
    """
    -- What a person decided; of one rejected, text and reason are NULL and it is still by pictell.
    ALTER TABLE captions ADD COLUMN review TEXT CHECK (review IN ('accepted', 'edited', 'rejected'));
    ALTER TABLE captions ADD COLUMN reviewed_at TEXT;
    -- What pictell had said of a photo that was reviewed.
    ALTER TABLE captions ADD COLUMN said TEXT;
    """,
    """
    CREATE TABLE meanings (
        text TEXT PRIMARY KEY,          -- a caption, or words of a person; photos with the same text share it
        encoder TEXT NOT NULL,          -- name@version
        vector BLOB NOT NULL            -- little-endian float16, of length 1
    );
    CREATE INDEX captions_by_text ON captions (text);
    CREATE INDEX own_words_by_text ON own_words (text);
    """,
)
SCHEMA_VERSION = len(_MIGRATIONS)
"""Each version's changes are a step of `_MIGRATIONS`; a database from before is brought up to date when it is opened."""


Review = Literal["accepted", "edited", "rejected"]


@dataclass(frozen=True)
class Known:
    """What is remembered of a photo when its directory is walked: `model` of its caption, `None` where it has none."""

    id: int
    size: int
    mtime_ns: int
    sidecars: int
    hash: bytes | None
    missing: bool
    failed: bool
    model: str | None
    by: str | None
    has_own: bool
    review: Review | None = None

    def is_decided(self, model: str) -> bool:
        """Whether a person decided what is said of the photo: words of theirs, or that `model`'s are none."""
        return self.by == "person" or (self.review == "rejected" and self.model == model)


@dataclass(frozen=True)
class Words:
    """A photo's caption, pictell's or a person's (`by`), or the `reason` for none. What people wrote in the file itself is kept
    apart from it (`put_own_words`).

    `review` is what a person decided at `reviewed_at` (UTC, ISO 8601), and `said` what pictell had said. A caption that was
    accepted or edited is a person's; one that was rejected has no text. The other numbers and `model` are those of `said`.
    """

    text: str | None
    reason: str | None
    log_prob: float
    confidence: float | None
    model: str
    at: str
    by: str = "pictell"
    review: Review | None = None
    reviewed_at: str | None = None
    said: str | None = None


_WORDS = ", ".join(field.name for field in fields(Words))


def default_library() -> Path:
    """The library's file among the user's data, as the system has them."""
    from platformdirs import user_data_path

    return user_data_path("pictell", appauthor=False) / "library.db"


class Library:
    """An open library. Leave it by `with`; what is not committed by then is undone.

    Raises:
        LibraryError: `newer`, a later pictell made it (it is left as it is); `not-a-library`, `unreadable`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice: str | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            version, tables = _looked_at(path) if path.exists() else (0, 0)
        except (OSError, sqlite3.Error) as error:
            raise _fault(path, error) from error
        if version > SCHEMA_VERSION:
            raise LibraryError(
                "newer",
                f"{printable(path)} was made by a later pictell: install that one, or name another file with --db",
            )
        if version == 0 and tables:
            raise LibraryError(
                "not-a-library", f"{printable(path)} is a database of something else: name another with --db"
            )
        with self._told():
            self._database = sqlite3.connect(path, isolation_level=None)
            if is_on_network_share(path):
                self.notice = f"{printable(path)} is on a network share: one program at a time may use it, more slowly"
                # One that was made on a disk keeps its log wherever it is taken.
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.execute("PRAGMA journal_mode = DELETE")
                self._database.execute("PRAGMA locking_mode = NORMAL")
            else:
                # With a log beside it readers need not wait for a writer; over a network that breaks the file.
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA foreign_keys = ON")
        if version < SCHEMA_VERSION:
            self._bring_up_to_date()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def _bring_up_to_date(self) -> None:
        with self.transaction():
            # Asked again: another program may have done it since.
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            for step in range(version, SCHEMA_VERSION):
                for statement in _MIGRATIONS[step].split(";\n"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {step + 1}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is done inside is kept whole or not at all.

        Raises `LibraryError`, `gone`, where the file is no longer there afterwards: SQLite itself would go on writing into
        what nobody can open again.
        """
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
            if not self.path.exists():
                raise LibraryError(
                    "gone",
                    f"{printable(self.path)} is no longer where it was, and what was just done is not remembered: run again",
                )

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query that changes nothing."""
        with self._told():
            return self._database.execute(query, values).fetchall()

    def known(self, root: Path) -> dict[bytes, Known]:
        """All photos that are remembered in a directory and below it, by path."""
        below, values = below_sql(root)
        found = self.rows(
            "SELECT path, id, size, mtime_ns, sidecars, hash, missing, error_kind IS NOT NULL, model, by,"
            " EXISTS (SELECT 1 FROM own_words WHERE own_words.photo = id AND kind = 'caption'), review"
            f" FROM photos LEFT JOIN captions ON captions.photo = id WHERE {below}",
            values,
        )
        return {
            path: Known(
                number, size, mtime_ns, sidecars, digest, bool(missing), bool(failed), model, by, bool(has_own), review
            )
            for path, number, size, mtime_ns, sidecars, digest, missing, failed, model, by, has_own, review in found
        }

    def with_hash(self, digest: bytes) -> list[tuple[int, bytes, bool]]:
        """The photos with this content, those with a fault left out: their numbers, paths, whether they are gone."""
        found = self.rows("SELECT id, path, missing FROM photos WHERE hash = ? AND error_kind IS NULL", (digest,))
        return [(number, path, bool(missing)) for number, path, missing in found]

    def captioned_with(self, digest: bytes) -> int | None:
        """The number of a photo with this content that has a caption, one with a person's before others."""
        found = self.rows(
            "SELECT photo FROM captions JOIN photos ON id = photo WHERE hash = ? ORDER BY by, review IS NULL LIMIT 1",
            (digest,),
        )
        return found[0][0] if found else None

    def gone_contents(self) -> set[bytes]:
        """The contents of the photos that are gone."""
        return {
            digest for (digest,) in self.rows("SELECT DISTINCT hash FROM photos WHERE missing AND hash IS NOT NULL")
        }

    def caption_at(self, path: bytes) -> Words | None:
        """The caption of the photo at a path."""
        return self._caption("path = ?", path)

    def words_of(self, photo: int) -> Words | None:
        """The caption of a photo."""
        return self._caption("photo = ?", photo)

    def _caption(self, where: str, value: object) -> Words | None:
        found = self.rows(
            f"SELECT {_WORDS} FROM captions JOIN photos ON id = photo WHERE {where} ORDER BY by, review IS NULL LIMIT 1",
            (value,),
        )
        return Words(*found[0]) if found else None

    def entries(self, under: Path | None = None, *, reviewed: bool = False) -> Iterator[AlbumEntry]:
        """What is known of each photo that is there, by path; in the directory `under` and below it, if one is named.

        With `reviewed`, the photos alone whose caption a person accepted or edited.
        """
        below, values = ("TRUE", ()) if under is None else below_sql(Path(os.path.realpath(under)))
        wanted = "review IN ('accepted', 'edited')" if reviewed else "TRUE"
        found = self.rows(
            "SELECT path, text, confidence, model, by, review,"
            " (SELECT text FROM own_words WHERE photo = id AND kind = 'caption' LIMIT 1)"
            " FROM photos LEFT JOIN captions ON captions.photo = id"
            f" WHERE NOT missing AND {below} AND {wanted} ORDER BY path",
            values,
        )
        for path, text, confidence, model, by, review, own in found:
            generated = text if by == "pictell" else None
            sure = confidence if generated is not None else None
            yield AlbumEntry(
                path=os.fsdecode(path),
                text=generated,
                alt=alt_text(generated) if generated else None,
                confidence=sure,
                band=None if sure is None else band_of(sure),
                model=model,
                own=text if by == "person" else own,
                review=review,
            )

    # -- inside a transaction -------------------------------------------------------------------------------------

    def put_photo(self, path: bytes, size: int, mtime_ns: int, digest: bytes | None, sidecars: int = 0) -> int:
        """A photo as it is now, there and without a fault; its number."""
        row = self._database.execute(
            "INSERT INTO photos (path, size, mtime_ns, hash, sidecars) VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE"
            " SET size = excluded.size, mtime_ns = excluded.mtime_ns, hash = excluded.hash, sidecars = excluded.sidecars,"
            " missing = 0, error_kind = NULL, error = NULL RETURNING id",
            (path, size, mtime_ns, digest, sidecars),
        ).fetchone()
        return int(row[0])

    def move(self, photo: int, path: bytes, mtime_ns: int, sidecars: int = 0) -> None:
        """A photo has another name now."""
        self._database.execute(
            "UPDATE photos SET path = ?, mtime_ns = ?, sidecars = ?, missing = 0 WHERE id = ?",
            (path, mtime_ns, sidecars, photo),
        )

    def mark_missing(self, photos: Sequence[int]) -> None:
        """Photos are not where they were; what is known of them is kept, in case they come back."""
        self._database.executemany("UPDATE photos SET missing = 1 WHERE id = ?", [(photo,) for photo in photos])

    def put_error(self, photo: int, kind: str, message: str) -> None:
        """Why a photo could not be captioned."""
        self._database.execute("UPDATE photos SET error_kind = ?, error = ? WHERE id = ?", (kind, message, photo))

    def forget(self, photo: int) -> None:
        """Pictell's caption and what the photo looked like go: they are of what it was before."""
        self._database.execute("DELETE FROM captions WHERE photo = ? AND by = 'pictell'", (photo,))
        self._database.execute("DELETE FROM features WHERE photo = ?", (photo,))
        self._index(photo)

    def put_taken(self, photo: int, camera: str | None, taken: str | None) -> None:
        """The camera's make and model, and its local time."""
        self._database.execute("UPDATE photos SET camera = ?, taken = ? WHERE id = ?", (camera, taken, photo))

    def put_words(self, photo: int, words: Words) -> None:
        """A caption, in the place of an earlier one, whoever's that was."""
        places = ", ".join("?" * (_WORDS.count(",") + 2))
        self._database.execute(
            f"INSERT OR REPLACE INTO captions (photo, {_WORDS}) VALUES ({places})",
            (photo, *(getattr(words, name) for name in _WORDS.split(", "))),
        )
        self._index(photo)

    def offer_words(self, photo: int, words: Words) -> bool:
        """A caption of pictell's; tells whether it was taken, since a person's caption stays, and so does the decision that
        what this model says is none."""
        there = self.words_of(photo)
        if there is not None and (there.by == "person" or (there.review == "rejected" and there.model == words.model)):
            return False
        self.put_words(photo, words)
        return True

    def drop_words(self, photo: int) -> None:
        """A photo has no caption, as if none had ever been made."""
        self._database.execute("DELETE FROM captions WHERE photo = ?", (photo,))
        self._index(photo)

    def put_features(self, photo: int, encoder: str, features: NDArray[np.float32] | None) -> None:
        """What a photo looks like to an encoder, (D,), in the place of what it looked like before; `None` forgets that."""
        if features is None:
            self._database.execute("DELETE FROM features WHERE photo = ?", (photo,))
            return
        vector = (features / max(float(np.linalg.norm(features)), 1e-9)).astype("<f2").tobytes()
        self._database.execute("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", (photo, encoder, vector))

    def copy_features(self, photo: int, digest: bytes) -> None:
        """A photo looks as another with the same content does."""
        self._database.execute(
            "INSERT OR REPLACE INTO features SELECT ?, encoder, vector FROM features JOIN photos ON id = photo"
            " WHERE hash = ? LIMIT 1",
            (photo, digest),
        )

    def put_meanings(self, encoder: str, texts: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """What texts mean to a sentence encoder: (N, D), of length 1, in the place of another encoder's."""
        rows = [(text, encoder, vector.tobytes()) for text, vector in zip(texts, vectors, strict=True)]
        self._database.executemany("INSERT OR REPLACE INTO meanings VALUES (?, ?, ?)", rows)

    def forget_meanings(self, encoder: str) -> None:
        """What texts mean goes, of those that no photo has any more and by encoders other than this one."""
        self._database.execute(
            "DELETE FROM meanings WHERE encoder <> ? OR text NOT IN"
            " (SELECT text FROM captions WHERE text IS NOT NULL UNION ALL SELECT text FROM own_words)",
            (encoder,),
        )

    def put_own_words(self, photo: int, captions: Sequence[str], keywords: Sequence[str]) -> None:
        """What people wrote in the photo's file and beside it, in the place of what they wrote before."""
        self._database.execute("DELETE FROM own_words WHERE photo = ?", (photo,))
        kinds = [("caption", captions), ("keyword", keywords)]
        rows = [(photo, kind, text) for kind, texts in kinds for text in dict.fromkeys(texts)]
        self._database.executemany("INSERT INTO own_words VALUES (?, ?, ?)", rows)
        self._index(photo)

    def _index(self, photo: int) -> None:
        own = [row[0] for row in self._database.execute("SELECT text FROM own_words WHERE photo = ?", (photo,))]
        caption, by = self._database.execute(
            "SELECT text, by FROM captions WHERE photo = ?", (photo,)
        ).fetchone() or (None, None)  # fmt: skip
        if by == "person":
            own, caption = [*own, caption or ""], None
        self._database.execute("DELETE FROM words WHERE rowid = ?", (photo,))
        if own or caption:
            self._database.execute(
                "INSERT INTO words (rowid, own, caption) VALUES (?, ?, ?)", (photo, "\n".join(own), caption or "")
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise _fault(self.path, error) from error


def below_sql(root: Path) -> tuple[str, tuple[bytes, bytes]]:
    """SQL for the paths in a directory and below it, which an index answers, and its values."""
    start = inside(root)
    return "path >= ? AND path < ?", (start, start[:-1] + bytes([start[-1] + 1]))


def _looked_at(path: Path) -> tuple[int, int]:
    """Schema version and number of tables of a database, which is left as it is, and so is its log."""
    try:
        return _asked(path, "ro")
    except sqlite3.OperationalError:
        # Where a killed program left a transaction half done, nobody can read the file before that is undone.
        return _asked(path, "rw")


def _asked(path: Path, mode: str) -> tuple[int, int]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as database:
        database.execute("BEGIN")  # or another program could make the tables between the two
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return version, tables


def _fault(path: Path, error: Exception) -> LibraryError:
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return LibraryError(
            "not-a-library", f"{printable(path)} is not a library of pictell: name another file with --db"
        )
    if "full" in text or getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        return LibraryError("full", f"{printable(path)}: the disk is full; what was remembered before is kept")
    if "locked" in text:
        return LibraryError("busy", f"{printable(path)} is in use by another program: try again when it is done")
    return LibraryError("unreadable", f"{printable(path)} cannot be used as a library: {text}")
