"""Which files beside a photo hold its XMP: `photo.jpg.xmp` and `photo.xmp`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pictell.albums.raw import RAW_SUFFIXES
from pictell.albums.xmp import MAX_BYTES, Packet
from pictell.errors import MetadataError
from pictell.photos import printable


def sidecars_of(photo: Path) -> list[Path]:
    """The sidecars that are there, `photo.jpg.xmp` first.

    `photo.xmp` is left out where it is another's: beside `photo.jpg` and `photo.cr2`, the convention gives it to the raw file.
    """
    found: list[Path] = []
    for path in (new_sidecar(photo), photo.with_name(f"{photo.name}.XMP")):
        if _is_there(path) and not _is_again(path, found):
            found.append(path)
    for path in (photo.with_suffix(".xmp"), photo.with_suffix(".XMP")):
        if path != photo and _is_there(path) and not _is_again(path, found) and not _is_of_a_raw_file(photo):
            found.append(path)
    return found


def sidecar_names(name: str) -> tuple[str, ...]:
    """The names that sidecars of a photo of this name may have."""
    stem = os.path.splitext(name)[0]  # noqa: PTH122  (asked for each photo of a library)
    return tuple(each + suffix for each in (name, stem) for suffix in (".xmp", ".XMP"))


def new_sidecar(photo: Path) -> Path:
    """The name under which a sidecar is made: `photo.jpg.xmp`, which says whose it is."""
    return photo.with_name(f"{photo.name}.xmp")


def read_sidecar(path: Path) -> Packet:
    """Reads a sidecar.

    Raises:
        MetadataError: what `Packet` raises, and `unreadable`, `not-a-file`.
        MissingExtraError: `lxml` is not installed.
    """
    name = printable(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MetadataError("not-a-file", f"{name}: is not a file, so no sidecar")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MetadataError("unreadable", f"{name}: this sidecar cannot be read ({error.strerror})") from error
    return Packet(data, name)


def belongs(packet: Packet, sidecar: Path, photo: Path) -> bool:
    """Whether a sidecar is the photo's, as far as it says: Adobe's programs note the suffix of what `photo.xmp` is for."""
    suffix = packet.text("photoshop:SidecarForExtension")
    named_in_full = sidecar.name.lower() == f"{photo.name}.xmp".lower()
    return named_in_full or suffix is None or suffix.strip(" .").lower() == photo.suffix[1:].lower()


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _is_again(path: Path, others: list[Path]) -> bool:
    """Whether a file system that knows no capitals shows a file a second time."""
    return any(path.name.lower() == other.name.lower() and path.samefile(other) for other in others)


def _is_of_a_raw_file(photo: Path) -> bool:
    """Probed name by name: listing a directory of 100,000 photos for each of them would take hours."""
    if photo.suffix.lower() in RAW_SUFFIXES:
        return False
    return any(_is_there(photo.with_suffix(each)) for suffix in RAW_SUFFIXES for each in (suffix, suffix.upper()))
