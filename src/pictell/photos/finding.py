"""Which files people mean: directories searched for photos, and lists of files."""

from __future__ import annotations

import codecs
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pictell.errors import PhotoError
from pictell.photos.naming import printable

PHOTO_SUFFIXES = frozenset(
    "." + suffix
    for line in ("jpg jpeg jpe jfif mpo png apng gif webp bmp dib", "tif tiff ppm pgm pbm pnm heic heif hif avif")
    for suffix in line.split()
)
"""The suffixes, in small letters, by which a photo is found in a directory."""


def find_photos(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the photos that `paths` name, in their order.

    A directory stands for the photos in it and below it, told by their suffix (`PHOTO_SUFFIXES`, in any case) and
    sorted by name; what begins with a dot is skipped. Linked directories are entered, each directory once. Anything
    else is kept as it is, there or not, so that opening it says what is wrong; the same holds for links that lead
    nowhere and for a directory that may not be read.

    Raises:
        PhotoError: of kind `no-photos`, when there is none in one of the directories. To go on with the others, ask for
            one path at a time.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not _is_dir(path):
            found.append(path)
            continue
        inside = sorted(_search(path), key=lambda photo: photo.parts)
        if not inside:
            raise PhotoError("no-photos", f"{printable(path)}: no photos in this directory")
        found += inside
    return found


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a NUL in the name, a name too long
        return False


def _search(root: Path) -> Iterator[Path]:
    for directory, entries in directories(root):
        if isinstance(entries, OSError):
            yield Path(directory)
            continue
        for entry in entries:
            if not _is_dir_entry(entry) and _is_photo_entry(entry):
                yield Path(entry.path)


def directories(
    root: str | os.PathLike[str], left_out: Container[str] = ()
) -> Iterator[tuple[str, list[os.DirEntry[str]] | OSError]]:
    """Each directory from `root` down: its path, and its entries by name or why it cannot be read.

    Linked directories are entered, each directory once. Names that begin with a dot or are in `left_out` are passed over.
    """
    entered: set[tuple[int, int]] = set()
    waiting = [os.fspath(root)]
    while waiting:
        directory = waiting.pop()
        try:
            status = os.stat(directory)  # noqa: PTH116  (a Path for each of many thousands is slow)
            if (status.st_dev, status.st_ino) in entered:  # a link back up, or a second way here
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as listing:
                named = [entry for entry in listing if not entry.name.startswith(".") and entry.name not in left_out]
        except OSError as error:
            yield directory, error
            continue
        entries = sorted(named, key=lambda entry: entry.name)
        yield directory, entries
        waiting += [entry.path for entry in reversed(entries) if _is_dir_entry(entry)]


def _is_dir_entry(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_photo_entry(entry: os.DirEntry[str]) -> bool:
    if os.path.splitext(entry.name)[1].lower() not in PHOTO_SUFFIXES:  # noqa: PTH122  (a Path for each entry is slow)
        return False
    try:
        # A pipe or a device would be waited for without end; a link that leads nowhere is worth an error line.
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110
    except OSError:
        return True


def read_file_list(source: str | os.PathLike[str] | BinaryIO) -> list[Path]:
    """Return the paths in a list of files: separated by NUL bytes if there is any in it, else one a line.

    So `find -print0`, `ls` and lists written on Windows (a UTF-8 byte order mark, lines that end in CR LF) all do.
    Empty entries are passed over; names are otherwise taken as they stand, bytes that are no valid text included.

    Raises:
        PhotoError: of kind `missing`, `is-a-directory` or `unreadable`, when the list itself cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        name = printable(source)
        try:
            data = Path(source).read_bytes()
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise PhotoError("missing", f"{name}: no such list of files") from error
        except IsADirectoryError as error:
            raise PhotoError("is-a-directory", f"{name}: is a directory, not a list of files") from error
        except OSError as error:
            raise PhotoError("unreadable", f"{name}: this list of files cannot be read ({error.strerror})") from error
    else:
        data = source.read()
    if b"\0" in data:
        names = data.split(b"\0")
    else:
        names = [line.removesuffix(b"\r") for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n")]
    return [Path(os.fsdecode(entry)) for entry in names if entry]
