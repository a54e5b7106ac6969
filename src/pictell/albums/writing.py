"""Writing pictell's words where other programs look for them: into sidecars, into photos, or both."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pictell.albums.embedded import embedded_in
from pictell.albums.embedding import check_embeddable, require_embedding, with_packet
from pictell.albums.metadata import read_words, sidecar_packets
from pictell.albums.own_words import alt_of, put_reviewed, put_words
from pictell.albums.sidecar import new_sidecar, sidecars_of
from pictell.albums.words import GeneratedWords, PhotoWords, same_keyword, same_text, storable
from pictell.albums.xmp import Packet
from pictell.errors import MetadataError, OptionError
from pictell.files import write_atomically
from pictell.photos import printable

How = Literal["sidecar", "embed", "both"]
HOW: tuple[How, ...] = get_args(How)


@dataclass(frozen=True)
class Outcome:
    """What came of writing a photo's words.

    - `written`: they are there now, where no words of pictell were; `refreshed`: in the place of older ones.
    - `same`: they were there already; nothing was touched.
    - `kept`: nothing was touched, for the `reason` given: a person's words, or a person's taking out pictell's.
    - `removed`: pictell's words were taken out, since a person rejected them.

    `changed` are the files that were written; `problem` is what went wrong in one of two places (`both`).
    """

    status: Literal["written", "refreshed", "same", "kept", "removed"]
    changed: tuple[Path, ...] = ()
    reason: str | None = None
    problem: MetadataError | None = None


def write_words(
    photo: str | os.PathLike[str],
    words: GeneratedWords,
    how: How = "sidecar",
    *,
    keywords: Sequence[str] | None = None,
    force: bool = False,
) -> Outcome:
    """Writes a generated caption, unless a person wrote one anywhere in the photo or its sidecars.

    Sidecars that are there are updated, all of them; where there is none, `photo.jpg.xmp` is made. `keywords` go to
    `dc:subject` beside a person's; `None` leaves those that are there. With `force` a person's text in the fields written (all
    XMP) is replaced, and words are written although a person took pictell's out; EXIF and IPTC are never written.

    Each file is there whole at every moment, its permissions kept. A photo keeps its modification time, by which many
    programs sort what has no date of its own; a sidecar has a new one. The picture is the same to the byte.

    Raises:
        OptionError: `how` is none of `HOW`.
        MetadataError: nothing was written: what `read_words` raises or found broken (whose words are there is then not known);
            `read-only`, `cannot-embed`, `damaged`, `altered`, `changed` (by another program meanwhile), `cannot-write`.
        MissingExtraError: `lxml` (the extra `albums`) or `pyexiv2` (`embed`) is not installed.
    """
    there = _ready(Path(photo), how)
    if not force and (reason := _why_kept(there)):
        return Outcome("kept", reason=reason)
    wanted = _new(keywords, there)
    return _write(Path(photo), how, lambda packet: put_words(packet, words, wanted, again=force), there)


def write_reviewed(
    photo: str | os.PathLike[str], text: str | None, how: How = "sidecar", *, keywords: Sequence[str] | None = None
) -> Outcome:
    """Writes a caption that a person accepted or edited, as a person's words; `None`, a rejection, takes pictell's out.

    It goes in the place of pictell's own words and of what an earlier review wrote. Other words of a person anywhere in the photo
    or its sidecars are never replaced: then nothing is written. For the rest as `write_words`.

    Raises:
        OptionError: `how` is none of `HOW`, or there is nothing in `text` that can be stored.
        MetadataError: as `write_words`.
        MissingExtraError: as `write_words`.
    """
    text = None if text is None else storable(text)
    if text == "":
        raise OptionError("a caption without a character that could be written")
    there = _ready(Path(photo), how)
    if text is not None:
        ours = {same_text(text), same_text(alt_of(text))}
        for found in there.captions:
            if not (found.generated or found.reviewed or same_text(found.text) in ours):
                return Outcome("kept", reason=f"a person wrote its {found.field}")
    wanted = _new(keywords, there)
    done = _write(Path(photo), how, lambda packet: put_reviewed(packet, text, wanted), there)
    return replace(done, status="removed") if text is None and done.changed else done


def _ready(path: Path, how: How) -> PhotoWords:
    """What is written about a photo whose words may be written; raises what `write_words` does before that."""
    if how not in HOW:
        raise OptionError(f"words are written as {', '.join(HOW)}, not {how!r}")
    if how != "sidecar":
        require_embedding()
    there = read_words(path)
    if there.problems:
        raise there.problems[0]
    return there


def _new(keywords: Sequence[str] | None, there: PhotoWords) -> Sequence[str] | None:
    """The keywords that a person has not given already."""
    if keywords is None:
        return None
    own = set(map(same_keyword, there.own_keywords))
    return [keyword for keyword in keywords if same_keyword(keyword) not in own]


def _write(path: Path, how: How, put: Callable[[Packet], bool], there: PhotoWords) -> Outcome:
    writers: list[Callable[[], list[Path]]] = []
    if how in ("sidecar", "both"):
        writers.append(lambda: _write_sidecars(path, put))
    if how in ("embed", "both"):
        writers.append(lambda: _embed(path, put))
    changed: list[Path] = []
    problems: list[MetadataError] = []
    for write in writers:
        try:
            changed += write()
        except MetadataError as error:
            problems.append(error)
    if len(problems) == len(writers):
        raise problems[0]
    status: Literal["written", "refreshed", "same"] = "same"
    if changed:
        status = "refreshed" if there.provenance else "written"
    return Outcome(status, tuple(changed), problem=problems[0] if problems else None)


def _why_kept(there: PhotoWords) -> str | None:
    own = next((found for found in there.captions if not found.generated), None)
    if own is not None:
        return f"a person wrote its {own.field}"
    if there.provenance and there.provenance.texts and not there.captions:
        return "a person took pictell's caption out"
    return None


def _write_sidecars(photo: Path, put: Callable[[Packet], bool]) -> list[Path]:
    changed = []
    seen = {path: _status(path) for path in (*sidecars_of(photo), new_sidecar(photo))}  # before they are read
    for path, packet in sidecar_packets(photo) or [(new_sidecar(photo), Packet())]:
        if put(packet):
            _replace(path, bytes(packet), seen.get(path), keep_times=False)
            changed.append(path)
    return changed


def _embed(photo: Path, put: Callable[[Packet], bool]) -> list[Path]:
    seen = _status(photo)
    try:
        data = photo.read_bytes()
    except OSError as error:
        raise MetadataError("unreadable", f"{printable(photo)}: cannot be read ({error.strerror})") from error
    check_embeddable(photo, data)
    raw = embedded_in(io.BytesIO(data)).xmp
    packet = Packet() if raw is None else Packet(raw, printable(photo))
    if not put(packet):
        return []
    _replace(photo, with_packet(photo, data, packet), seen, keep_times=True)
    return [photo]


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _replace(path: Path, content: bytes, seen: os.stat_result | None, *, keep_times: bool) -> None:
    """Puts new content in the place of a file, or of the file that a link leads to, as it was when it was read."""
    name = printable(path)
    now = _status(path)
    marks = [(each.st_ino, each.st_size, each.st_mtime_ns) if each else None for each in (seen, now)]
    if marks[0] != marks[1]:
        raise MetadataError("changed", f"{name}: changed by another program meanwhile; left as it is, run again")
    if now is not None and not now.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise MetadataError("read-only", f"{name}: is read-only; allow writing it, or leave it out")
    try:
        write_atomically(Path(os.path.realpath(path)), content, like=now, keep_times=keep_times)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            remedy = "allow writing in its folder, or leave it out"
            raise MetadataError("read-only", f"{name}: cannot be written ({error.strerror}); {remedy}") from error
        raise MetadataError("cannot-write", f"{name}: cannot be written ({error.strerror}); nothing changed") from error
