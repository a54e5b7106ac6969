"""Cameras' raw files: the picture that the camera put into them for looking at, taken out by `exiftool`."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from pictell.errors import PhotoError
from pictell.photos import printable
from pictell.photos.quiet import quiet_pillow

RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw",
     ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f")
)  # fmt: skip
"""The suffixes of raw files, in small letters."""

_PREVIEWS = ("JpgFromRaw", "PreviewImage", "OtherImage")
_ORIENTATION = 0x0112  # the EXIF tag
_JPEG = b"\xff\xd8"
_SECONDS = 60


def picture_of(path: Path) -> Path | BinaryIO:
    """What there is to look at: the photo itself, or a raw file's preview; raises what `preview` raises."""
    if path.suffix.lower() not in RAW_SUFFIXES:
        return path
    picture = io.BytesIO(preview(path))
    picture.name = str(path)  # what a message about it names
    return picture


def preview(path: Path) -> bytes:
    """The largest JPEG in a raw file. What the raw file says of how the camera was held is in its EXIF, if it did not have that
    itself.

    Raises `PhotoError`: `needs-exiftool`, it is not installed; `no-preview`, there is none in the file; `missing`,
    `unreadable`.
    """
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        raise PhotoError(
            "needs-exiftool",
            f"{printable(path)}: a raw file, which is read by exiftool (Debian: libimage-exiftool-perl)",
        )
    if not path.exists():
        raise PhotoError("missing", f"{printable(path)}: no such file")
    asked = [f"-{name}" for name in _PREVIEWS]
    try:
        # An absolute path cannot be taken for an option. All at once: each start of the program takes a tenth of a second.
        found = subprocess.run(
            [exiftool, "-j", "-b", *asked, "-IFD0:Orientation#", path.absolute()],
            capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PhotoError("unreadable", f"{printable(path)}: exiftool did not read it ({error})") from error
    tags = _tags(found.stdout)
    pictures = [picture for name in _PREVIEWS if (picture := _binary(tags.get(name))).startswith(_JPEG)]
    if not pictures:
        raise PhotoError("no-preview", f"{printable(path)}: no picture to look at in this raw file")
    return _turned(max(pictures, key=len), tags.get("Orientation"))


def _tags(output: bytes) -> dict[str, Any]:
    """What exiftool tells of one file; a name in it may be no text."""
    try:
        [tags] = json.loads(output.decode("utf-8", "replace"))
    except ValueError:
        return {}
    return tags if isinstance(tags, dict) else {}


def _binary(value: object) -> bytes:
    """Data as exiftool has them in JSON."""
    if not isinstance(value, str) or not value.startswith("base64:"):
        return b""
    try:
        return base64.b64decode(value.removeprefix("base64:"))
    except ValueError:
        return b""


def _turned(jpeg: bytes, orientation: object) -> bytes:
    """A JPEG with this orientation (EXIF's 1 to 8) in a segment of its own, unless it has one."""
    if not isinstance(orientation, int) or orientation not in range(2, 9):
        return jpeg
    with quiet_pillow, suppress(Exception):  # what is damaged is told of when it is opened
        with Image.open(io.BytesIO(jpeg), formats=("JPEG", "MPO")) as image:
            if _ORIENTATION in image.getexif():
                return jpeg
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        segment = exif.tobytes()  # begins with "Exif"
        return _JPEG + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]
    return jpeg
