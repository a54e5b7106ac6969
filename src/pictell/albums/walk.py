"""The photos of a library's directory, with what the directory itself tells of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pictell.albums.raw import RAW_SUFFIXES
from pictell.photos import PHOTO_SUFFIXES

_NOT_PHOTOS = frozenset(("@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "lost+found"))
"""Directories in which storage boxes and systems keep small copies and what was thrown away."""


@dataclass(frozen=True)
class Found:
    """A photo's file: absolute path as bytes, size in bytes, time of the last change."""

    path: bytes
    size: int
    mtime_ns: int


def walk(root: Path, unreadable: Callable[[str, OSError], None]) -> Iterator[Found]:
    """All photos and raw files in a directory and below it, by suffix; names that begin with a dot are passed over.

    Linked directories are entered, each directory once. A directory or a file that cannot be looked at is told to
    `unreadable`.
    """
    suffixes = PHOTO_SUFFIXES | RAW_SUFFIXES
    entered: set[tuple[int, int]] = set()
    waiting = [str(root)]
    while waiting:
        directory = waiting.pop()
        try:
            status = os.stat(directory)  # noqa: PTH116  (a Path for each of many thousands is slow)
            if (status.st_dev, status.st_ino) in entered:  # a link back up, or a second way here
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            unreadable(directory, error)
            continue
        below = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _NOT_PHOTOS:
                continue
            try:
                if entry.is_dir():
                    below.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode):
                        yield Found(os.fsencode(entry.path), status.st_size, status.st_mtime_ns)
            except OSError as error:  # gone meanwhile, a link to itself or to nothing
                unreadable(entry.path, error)
        waiting += reversed(below)
