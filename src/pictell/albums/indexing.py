"""Captioning what is new or changed in a library, so that it may be stopped at any moment and begun again."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from pictell.albums.leftovers import sweep
from pictell.albums.library import Known, Library, Words
from pictell.albums.metadata import read_words
from pictell.albums.nouns import nouns_of
from pictell.albums.raw import picture_of
from pictell.albums.walk import Found, inside, is_as_found, look_at, walk
from pictell.albums.words import GeneratedWords, PhotoWords
from pictell.albums.writing import How, write_reviewed, write_words
from pictell.albums.writing import Outcome as Written
from pictell.captioner import Captioner, PhotoSource
from pictell.errors import PhotoError, PictellError
from pictell.photos import printable
from pictell.steering import CaptionOptions
from pictell.types import Caption

Outcome = Literal[
    "captioned", "withheld", "own", "copied", "moved", "unchanged", "failed", "missing", "waiting", "left"
]
OUTCOMES: dict[Outcome, str] = {
    "captioned": "captioned",
    "withheld": "not described, since they look like no photo",
    "own": "with a person's caption",
    "copied": "copies of others, whose captions they have",
    "moved": "found under another name",
    "unchanged": "as they were",
    "failed": "failed",
    "missing": "no longer there",
    "waiting": "to caption, new, renamed or changed",
    "left": "left for another time",
}
"""What becomes of a photo, as a summary says it."""

# A kill loses what is not committed, to be done again; a commit waits for the disk.
_AT_ONCE = 32


@dataclass(frozen=True)
class IndexOptions:
    """What is to be captioned: photos without a caption, ours or a person's, and those that changed.

    `force` takes all anew, `outdated` those of another model too, `everything` also what has a person's caption in its file.
    What a person decided in a review stays whatever is asked: captions that they accepted or edited always, and that there is
    none for as long as the model and the photo are the same.

    `only` are patterns (`*.jpg`, `2024/*`) for paths inside the directory, of which one must fit; `limit` is the most to caption.
    `write` puts captions into sidecars or photos too, with `keywords` the things in them.
    """

    force: bool = False
    outdated: bool = False
    everything: bool = False
    only: Sequence[str] = ()
    limit: int | None = None
    write: How | None = None
    keywords: bool = False


@dataclass(frozen=True)
class Result:
    """What became of one photo; `written` tells what came of writing its caption out.

    `error` is why it failed, or else what could not be read or written of the words in it and beside it.
    """

    path: Path
    outcome: Outcome
    caption: Caption | None = None
    error: PictellError | None = None
    written: str | None = None


@dataclass
class Plan:
    """What a walk found: photos to caption, those settled already, those that are gone, and directories unread."""

    waiting: list[Found] = field(default_factory=list)
    settled: list[Result] = field(default_factory=list)
    known: dict[bytes, Known] = field(default_factory=dict)
    gone: dict[bytes, Known] = field(default_factory=dict)
    unread: list[Result] = field(default_factory=list)


def plan(library: Library, root: Path, model: str, options: IndexOptions) -> Plan:
    """Looks at the directory, changes nothing. `model` is the label of the one that would caption.

    Raises `PhotoError`, `missing`, where `root` is no directory.
    """
    if not root.is_dir():
        raise PhotoError("missing", f"{printable(root)}: no such directory")
    root = Path(os.path.realpath(root))  # however it is named, a photo is remembered once
    made = Plan(known=library.known(root))

    def unreadable(where: str, error: OSError) -> None:
        kind = "link-loop" if error.errno == errno.ELOOP else "unreadable"
        fault = PhotoError(kind, f"{printable(where)}: cannot be looked at ({error.strerror})")
        made.unread.append(Result(Path(where), "failed", error=fault))

    seen = set()
    for found in walk(root, unreadable):
        seen.add(found.path)
        if options.only and not _fits(found.path, root, options.only):
            continue
        before = made.known.get(found.path)
        if before is None or _must_caption(before, found, model, options):
            made.waiting.append(found)
        else:
            made.settled.append(Result(Path(os.fsdecode(found.path)), "unchanged"))
    unread = {os.fsencode(result.path) for result in made.unread}
    for path, before in made.known.items():
        # Nobody knows what is in a directory that cannot be read.
        if path not in seen and not _is_below(path, unread):
            made.gone[path] = before
    return made


def index(library: Library, captioner: Captioner, made: Plan, options: IndexOptions) -> Iterator[Result]:
    """Does what was planned: each photo's result, as soon as it is kept.

    Photos are read, captioned and written side by side. Results are committed some at a time, and given afterwards.
    """
    worker = _Indexing(library, captioner, made, options)
    yield from map(worker.write_out, made.settled)
    yield from made.unread
    yield from worker.run()
    if options.write is not None:
        sweep([result.path for result in made.settled] + [Path(os.fsdecode(found.path)) for found in made.waiting])
    left = [before.id for path, before in made.gone.items() if path not in worker.moved and not before.missing]
    if left:
        with library.transaction():
            library.mark_missing(left)
    for path, before in made.gone.items():
        if path not in worker.moved and not before.missing:
            yield Result(Path(os.fsdecode(path)), "missing")


@dataclass
class _Work:
    found: Found
    digest: bytes
    words: PhotoWords


class _Indexing:
    def __init__(self, library: Library, captioner: Captioner, made: Plan, options: IndexOptions) -> None:
        self.library = library
        self.captioner = captioner
        self.made = made
        self.options = options
        self.moved: set[bytes] = set()
        self._works: deque[_Work] = deque()
        self._kept: list[Callable[[], Result]] = []
        self._done: list[Result] = []
        self._asked = 0
        # Asked of the library once for each content: there may be a hundred thousand copies of one.
        self._captioned: dict[bytes, int | None] = {}
        self._gone = library.gone_contents() if made.waiting else set()
        self._gone |= {before.hash for before in made.gone.values() if before.hash is not None}

    def run(self) -> Iterator[Result]:
        for caption in self.captioner.stream(self._sources(), CaptionOptions(features=True)):
            work = self._works.popleft()
            self._later(partial(self._keep, work, caption), work.words)
            yield from self._results()
        self._commit()
        yield from self._results()

    def _later(self, keep: Callable[[], Result], words: PhotoWords | None = None) -> None:
        """Has a result kept with some others; it tells what could not be read of `words`."""
        problem = next(iter(words.problems), None) if words is not None else None

        def keep_telling() -> Result:
            result = keep()
            return replace(result, error=result.error or problem)

        self._kept.append(keep_telling)
        if len(self._kept) >= _AT_ONCE:
            self._commit()

    def _commit(self) -> None:
        with self.library.transaction():
            results = [keep() for keep in self._kept]
        self._kept.clear()
        self._done += [self.write_out(result) for result in results]

    def _results(self) -> Iterator[Result]:
        results, self._done = self._done, []
        yield from results

    def _sources(self) -> Iterator[PhotoSource]:
        for planned in self.made.waiting:
            found, path, digest = planned, Path(os.fsdecode(planned.path)), None
            if self.options.limit is not None and self._asked >= self.options.limit:
                self._later(partial(Result, path, "left"))
                continue
            try:
                found = look_at(path)  # the walk may have been an hour ago
                digest = self._digest_of(found)
                words = read_words(path)
            except OSError as error:
                fault = PhotoError("unreadable", f"{printable(path)}: cannot be read ({error.strerror})")
                self._fail(found, digest, fault)
                continue
            except PictellError as error:
                self._fail(found, digest, error)
                continue
            if (settled := self._settle(found, digest, words)) is not None:
                self._later(settled, words)
                continue
            self._asked += 1
            self._works.append(_Work(found, digest, words))
            yield partial(picture_of, path)

    def _digest_of(self, found: Found) -> bytes:
        before = self.made.known.get(found.path)
        if before is None or before.hash is None or (before.size, before.mtime_ns) != (found.size, found.mtime_ns):
            return _digest(Path(os.fsdecode(found.path)))
        return before.hash

    def _settle(self, found: Found, digest: bytes, words: PhotoWords) -> Callable[[], Result] | None:
        """What to do with a photo that needs no captioning, or `None`."""
        path = Path(os.fsdecode(found.path))
        before = self.made.known.get(found.path)
        if before is None and digest in self._gone:
            for number, there, missing in self.library.with_hash(digest):
                if (missing or there in self.made.gone) and there not in self.moved:
                    self.moved.add(there)
                    return partial(self._move, number, found, words)
        if before is not None and before.by == "person":
            return partial(self._leave, found, digest, words, "own")
        if before is not None and before.hash == digest and before.is_decided(self.captioner.model):
            return partial(self._leave, found, digest, words, "unchanged")
        if self.options.force:
            return None
        if before is not None and before.by is not None and before.hash == digest and not self._is_outdated(before):
            return partial(self._leave, found, digest, words, "unchanged")
        if words.own is not None and not self.options.everything:
            return partial(self._leave, found, digest, words, "own")
        if before is None and (copied := self._caption_of(digest)) is not None:
            if self._is_outdated(copied):
                return None

            def copy() -> Result:
                photo = self._put_photo(found, digest, words)
                self.library.put_words(photo, copied)
                self.library.copy_features(photo, digest)
                return Result(path, "copied")

            return copy
        return None

    def _caption_of(self, digest: bytes) -> Words | None:
        """The caption of a photo with this content, which another may have taken back meanwhile."""
        if digest not in self._captioned:
            self._captioned[digest] = self.library.captioned_with(digest)
        photo = self._captioned[digest]
        return None if photo is None else self.library.words_of(photo)

    def _move(self, photo: int, found: Found, words: PhotoWords) -> Result:
        self.library.move(photo, found.path, found.mtime_ns, found.sidecars)
        self.library.put_own_words(photo, *_own(words))
        return Result(Path(os.fsdecode(found.path)), "moved")

    def _leave(self, found: Found, digest: bytes, words: PhotoWords, outcome: Outcome) -> Result:
        self._put_photo(found, digest, words)
        return Result(Path(os.fsdecode(found.path)), outcome)

    def _is_outdated(self, caption: Known | Words) -> bool:
        return _is_outdated(caption, self.captioner.model, self.options)

    def _fail(self, found: Found, digest: bytes | None, error: PictellError) -> None:
        def keep() -> Result:
            photo = self.library.put_photo(found.path, found.size, found.mtime_ns, digest, found.sidecars)
            return self._put_error(photo, found, digest, error)

        self._later(keep)

    def _put_error(self, photo: int, found: Found, digest: bytes | None, error: PictellError) -> Result:
        self.library.put_error(photo, error.kind, error.message)
        before = self.made.known.get(found.path)
        if before is None or digest is None or before.hash != digest:
            self.library.forget(photo)
        return Result(Path(os.fsdecode(found.path)), "failed", error=error)

    def _put_photo(self, found: Found, digest: bytes, words: PhotoWords) -> int:
        photo = self.library.put_photo(found.path, found.size, found.mtime_ns, digest, found.sidecars)
        self.library.put_taken(photo, words.camera, None if words.taken is None else words.taken.isoformat())
        self.library.put_own_words(photo, *_own(words))
        return photo

    def _keep(self, work: _Work, result: Caption | PictellError) -> Result:
        path = Path(os.fsdecode(work.found.path))
        if isinstance(result, Caption) and not is_as_found(work.found):
            result = PhotoError("changed", f"{printable(path)}: changed while it was read; the next run takes it anew")
        photo = self._put_photo(work.found, work.digest, work.words)
        if isinstance(result, PictellError):
            return self._put_error(photo, work.found, work.digest, result)
        words = Words(
            text=result.text, reason=result.reason, log_prob=result.log_prob, confidence=result.confidence,
            model=result.model, at=datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        before = self.made.known.get(work.found.path)
        if before is not None and before.hash != work.digest:
            self.library.forget(photo)  # a rejection was of what the photo showed
        taken = self.library.offer_words(photo, words)
        self._captioned[work.digest] = photo
        self.library.put_features(photo, self.captioner.encoder, result.features)
        if not taken:  # a person reviewed the photo meanwhile
            now = self.library.words_of(photo)
            return Result(path, "own" if now is not None and now.by == "person" else "unchanged")
        return Result(path, "captioned" if result.text is not None else "withheld", result)

    def write_out(self, result: Result) -> Result:
        """Writes the caption of a photo for other programs, if there is one and that is asked for: pictell's, or a person's of
        a review. One that was rejected is taken out."""
        if self.options.write is None or result.outcome in ("withheld", "failed", "missing", "waiting", "left"):
            return result
        path = result.path
        known = self.library.caption_at(os.fsencode(path))
        rejected = known is not None and known.review == "rejected"
        if known is None or (known.text is None and not rejected) or (result.outcome == "own" and known.by != "person"):
            return result
        try:
            outcome = self._write(path, known)
            if outcome.changed:
                # Ours, so that the next run need not look at it again.
                now, digest = look_at(path), _digest(path)
                with self.library.transaction():
                    self.library.put_photo(now.path, now.size, now.mtime_ns, digest, now.sidecars)
        except PictellError as error:
            return replace(result, outcome="failed", error=error)
        except OSError as error:
            fault = PhotoError("unreadable", f"{printable(path)}: {error.strerror}")
            return replace(result, outcome="failed", error=fault)
        problem = outcome.problem
        if problem is not None and problem.kind == "cannot-embed":
            problem = None  # a sidecar was asked for as well, and is there
        return replace(result, error=result.error or problem, written=outcome.status)

    def _write(self, path: Path, known: Words) -> Written:
        how = self.options.write
        assert how is not None
        keywords = nouns_of(known.text or "") if self.options.keywords else None
        if known.text is None or known.by == "person":
            return write_reviewed(path, known.text, how, keywords=keywords)
        said = Caption(known.text, known.log_prob, known.model, confidence=known.confidence)
        words = GeneratedWords.of(said, at=datetime.fromisoformat(known.at))
        return write_words(path, words, how, keywords=keywords, force=self.options.force)


def _must_caption(before: Known, found: Found, model: str, options: IndexOptions) -> bool:
    if before.missing or before.failed:
        return True
    if (before.size, before.mtime_ns, before.sidecars) != (found.size, found.mtime_ns, found.sidecars):
        return True
    if before.is_decided(model):
        return False
    if options.force or _is_outdated(before, model, options):
        return True
    return before.by is None and (options.everything or not before.has_own)


def _is_outdated(caption: Known | Words, model: str, options: IndexOptions) -> bool:
    """Whether a caption is to be made anew because another model than this one made it."""
    return options.outdated and caption.by == "pictell" and caption.model != model


def _is_below(path: bytes, places: set[bytes]) -> bool:
    """Whether a path is one of `places` or inside one."""
    separator = os.fsencode(os.sep)
    while path and path not in places:
        path = path.rpartition(separator)[0]
    return bool(path)


def _fits(path: bytes, root: Path, patterns: Sequence[str]) -> bool:
    name = os.fsdecode(path.removeprefix(inside(root)))
    return any(fnmatch.fnmatch(name, one) or fnmatch.fnmatch(os.path.basename(name), one) for one in patterns)  # noqa: PTH119


def _own(words: PhotoWords) -> tuple[list[str], list[str]]:
    return [found.text for found in words.captions if not found.generated], list(words.own_keywords)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
