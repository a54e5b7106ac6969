"""The photos of a library's directory, with what the directory itself tells of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pictell.albums.raw import RAW_SUFFIXES
from pictell.albums.sidecar import sidecar_names
from pictell.photos import PHOTO_SUFFIXES
from pictell.photos.finding import directories

_NOT_PHOTOS = frozenset(("@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "lost+found"))
"""Directories in which storage boxes and systems keep small copies and what was thrown away."""

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Found:
    """A photo's file: absolute path as bytes, size in bytes, time of the last change; `sidecars` is another number whenever
    one of its sidecars comes, goes or changes."""

    path: bytes
    size: int
    mtime_ns: int
    sidecars: int = 0


def inside(directory: str | os.PathLike[str]) -> bytes:
    """What the paths of all that is in a directory and below it begin with."""
    separator = os.fsencode(os.sep)
    return os.fsencode(directory).rstrip(separator) + separator


def look_at(path: Path) -> Found:
    """One photo, as `walk` finds it; raises `OSError`."""
    status = path.stat()
    folder, times = os.path.join(path.parent, ""), {}  # noqa: PTH118  (asked for each photo of a library)
    for name in sidecar_names(path.name):
        with suppress(OSError):
            times[name] = _time(os.stat(folder + name))  # noqa: PTH116
    return Found(os.fsencode(path), status.st_size, _time(status), _stamp(path.name, times))


def is_as_found(found: Found) -> bool:
    """Whether a photo, whatever its sidecars, is still what it was by size and time."""
    try:
        status = os.stat(found.path)  # noqa: PTH116
    except OSError:
        return False
    return (status.st_size, _time(status)) == (found.size, found.mtime_ns)


def walk(root: Path, unreadable: Callable[[str, OSError], None]) -> Iterator[Found]:
    """All photos and raw files in a directory and below it, by suffix; names that begin with a dot are passed over.

    Linked directories are entered, each directory once. A directory or a file that cannot be looked at is told to
    `unreadable`.
    """
    suffixes = PHOTO_SUFFIXES | RAW_SUFFIXES
    for directory, entries in directories(root, _NOT_PHOTOS):
        if isinstance(entries, OSError):
            unreadable(directory, entries)
            continue
        times = {}
        for entry in entries:
            if entry.name.endswith((".xmp", ".XMP")):
                with suppress(OSError):
                    times[entry.name] = _time(entry.stat())
        for entry in entries:
            try:
                # Asked first whether it is a directory, so that a link to itself is told of whatever its suffix.
                if not entry.is_dir() and os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode):
                        stamp = _stamp(entry.name, times)
                        yield Found(os.fsencode(entry.path), status.st_size, _time(status), stamp)
            except OSError as error:  # gone meanwhile, a link to itself or to nothing
                unreadable(entry.path, error)


def _stamp(name: str, times: Mapping[str, int]) -> int:
    return sum(times.get(each, 0) for each in sidecar_names(name)) & _LARGEST if times else 0


def _time(status: os.stat_result) -> int:
    """Nanoseconds; broken clocks set years that no database's number has room for."""
    return max(-_LARGEST, min(status.st_mtime_ns, _LARGEST))
