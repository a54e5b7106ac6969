"""Cameras' raw files: the picture that the camera put into them for looking at, taken out by `exiftool`."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pictell.errors import PhotoError
from pictell.photos import printable

RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw",
     ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f")
)  # fmt: skip
"""The suffixes of raw files, in small letters."""

_PREVIEWS = ("-JpgFromRaw", "-PreviewImage", "-OtherImage")
_SECONDS = 60


def picture_of(path: Path) -> Path | BinaryIO:
    """What there is to look at: the photo itself, or a raw file's preview; raises what `preview` raises."""
    if path.suffix.lower() not in RAW_SUFFIXES:
        return path
    picture = BytesIO(preview(path))
    picture.name = str(path)  # what a message about it names
    return picture


def preview(path: Path) -> bytes:
    """The JPEG in a raw file, the largest kind first.

    Raises `PhotoError`: `needs-exiftool`, it is not installed; `no-preview`, there is none in the file.
    """
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        raise PhotoError(
            "needs-exiftool",
            f"{printable(path)}: a raw file, which is read by exiftool (Debian: libimage-exiftool-perl)",
        )
    for kind in _PREVIEWS:
        try:
            # An absolute path cannot be taken for an option.
            found = subprocess.run(
                [exiftool, "-b", kind, path.absolute()], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PhotoError("unreadable", f"{printable(path)}: exiftool did not read it ({error})") from error
        if found.stdout:
            return found.stdout
    raise PhotoError("no-preview", f"{printable(path)}: no picture to look at in this raw file")
