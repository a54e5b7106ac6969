"""Opening one picture safely: whatever the bytes are, a `Photo` comes out or one clear `PhotoError`."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import numpy as np
from PIL import Image

from pictell.errors import PhotoError
from pictell.photos.colour import to_rgb
from pictell.photos.formats import HEAD_BYTES, decoder, is_cut_short, looks_like_text, sniff
from pictell.photos.naming import printable
from pictell.photos.quiet import quiet_pillow
from pictell.types import Photo

MAX_PIXELS = 200_000_000
"""The default limit of width times height: the largest phone cameras make 16320 x 12240 = 199.8 million."""

TakenT = TypeVar("TakenT")

_MAX_STREAM_BYTES = 1 << 30  # a pipe has no size to look at beforehand, so reading it ends here
_ORIENTATION = 0x0112  # the EXIF tag
# TIFF/EP: a file's first picture may be a small one; the tag of further directories below it; DNG's version.
_SUBFILE, _SUB_DIRECTORIES, _DNG_VERSION = 0x00FE, 0x014A, 0xC612

# How Pillow words it when a file is sound but of a kind that it has no decoder for, such as a TIFF of float colours.
_UNSUPPORTED = re.compile(r"unknown pixel mode|unsupported|not supported|decoder \S+ not available|cannot handle", re.I)

# EXIF 2.32, tag 0x0112: what was done to the picture, so what undoes it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """What is decoded of a picture, as Pillow has it: mode `RGB`, upright. The rest is as in `Photo`."""

    image: Image.Image
    width: int
    height: int
    format: str
    path: str | None
    metadata: Mapping[str, Any]


def open_photo(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS, smallest_side: int | None = None
) -> Photo:
    """Open a picture: a path, the bytes of a picture, or a binary stream of them.

    The pixels are upright 8-bit RGB, transparency on white; of an animation or a file of many pages the first is taken.
    `Photo.width` and `Photo.height` are the true upright size. `Photo.metadata` has `mode` (Pillow's name of the stored
    pixels), `orientation` (1..8, as the file said; 1 where the decoder had already turned it) and `reduction` (how many
    times smaller than the picture the pixels are, each way).

    `max_pixels` limits width times height, looked at before any pixel is decoded; TIFF and WebP are also held to twice
    Pillow's own `Image.MAX_IMAGE_PIXELS` (179 million unless changed). With `smallest_side`, the side in pixels of what
    a model sees, larger pictures come out reduced by a whole number, both sides staying at least twice `smallest_side`;
    JPEGs are then decoded at the smaller size (`PIL.Image.Image.draft`), several times faster. The margin of two keeps
    what the model then sees within a few of 255 levels of the full decode.

    Any number of threads may call this at once. No file is left open, no warning of Pillow's gets out; libtiff alone may
    write a line of its own to standard error about a damaged compressed TIFF.

    Raises:
        PhotoError: of kind `missing`, `unreadable`, `is-a-directory`, `empty`, `not-a-photo`, `unsupported-format`,
            `missing-extra`, `truncated`, `damaged` or `too-large`.
        TypeError: when `source` is none of the above, such as a stream of text.
    """
    return open_picture(source, _photo, max_pixels=max_pixels, smallest_side=smallest_side)


def open_picture(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    take: Callable[[Picture], TakenT],
    *,
    max_pixels: int = MAX_PIXELS,
    smallest_side: int | None = None,
) -> TakenT:
    """As `open_photo`, but gives what `take` makes of the picture before its pixels are copied out of Pillow's memory."""
    with quiet_pillow:
        if isinstance(source, bytes | bytearray | memoryview):
            return _decode(io.BytesIO(source), "the given bytes", None, max_pixels, smallest_side, take)
        if isinstance(source, str | os.PathLike):
            path = os.fspath(source)
            name = printable(path) or "''"
            with _opened(path, name) as file:
                return _decode(_seekable(file, name), name, path, max_pixels, smallest_side, take)
        if not callable(getattr(source, "read", None)) or isinstance(source, io.TextIOBase):
            raise TypeError(f"a photo is a path, bytes or a binary stream, not {type(source).__name__}")
        name = _stream_name(source)
        return _decode(_in_memory(source, name), name, None, max_pixels, smallest_side, take)


def read_picture(source: str | os.PathLike[str] | bytes | BinaryIO) -> bytes:
    """The bytes of a picture that another program is to decode; what its first ones tell not to be one is refused.

    Raises:
        PhotoError: of kind `missing`, `unreadable`, `is-a-directory`, `empty`, `not-a-photo`, `unsupported-format` or
            `too-large`.

    """
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
        _format_of(content[:HEAD_BYTES], "the given bytes")
        return content
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        name = printable(path) or "''"
        with _opened(path, name) as file:
            content = _in_memory(file, name).getvalue()
    else:
        name = _stream_name(source)
        content = _in_memory(source, name).getvalue()
    _format_of(content[:HEAD_BYTES], name)
    return content


@contextmanager
def _opened(path: str, name: str) -> Iterator[BinaryIO]:
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
            if not os.access(path, os.R_OK | os.X_OK):
                raise PhotoError("unreadable", f"{name}: this directory may not be read")
            raise PhotoError("is-a-directory", f"{name}: is a directory, not a photo")
        file = open(path, "rb")  # noqa: PTH123, SIM115  (a path may hold bytes that pathlib passes on, but slower)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL in the name
        raise PhotoError("missing", f"{name}: no such file") from error
    except PermissionError as error:
        raise PhotoError("unreadable", f"{name}: this file may not be read (permission denied)") from error
    except OSError as error:
        raise PhotoError("unreadable", f"{name}: cannot be read ({error.strerror or type(error).__name__})") from error
    with file:
        yield file


def _stream_name(stream: BinaryIO) -> str:
    if stream is getattr(sys.stdin, "buffer", None):
        return "standard input"
    name = getattr(stream, "name", None)
    return printable(name) if isinstance(name, str) else "the given stream"


def _seekable(file: BinaryIO, name: str) -> BinaryIO:
    return file if file.seekable() else _in_memory(file, name)


def _in_memory(stream: BinaryIO, name: str) -> io.BytesIO:
    """Read a stream to its end, but no further than its first bytes when those are of no photo."""
    kept = io.BytesIO()
    try:
        while chunk := stream.read(1 << 20):
            kept.write(chunk)
            if kept.tell() >= HEAD_BYTES:
                _format_of(kept.getbuffer()[:HEAD_BYTES].tobytes(), name)
            if kept.tell() > _MAX_STREAM_BYTES:
                raise PhotoError("too-large", f"{name}: more than {_MAX_STREAM_BYTES >> 20} MiB")
    except (OSError, ValueError) as error:
        raise PhotoError("unreadable", f"{name}: cannot be read ({printable(str(error))})") from error
    return kept


def _format_of(head: bytes, name: str) -> str:
    if not head:
        raise PhotoError("empty", f"{name}: empty, there is no picture in it")
    format_name, instead = sniff(head)
    if format_name is not None:
        return format_name
    if instead is not None:
        remedy = "save it as JPEG, PNG or WebP first"
        raise PhotoError("unsupported-format", f"{name}: {instead} is not supported; {remedy}")
    what = "this is text" if looks_like_text(head) else "not a picture in a format known here"
    raise PhotoError("not-a-photo", f"{name}: not a photo ({what})")


def _decode(
    stream: BinaryIO,
    name: str,
    path: str | None,
    max_pixels: int,
    smallest_side: int | None,
    take: Callable[[Picture], TakenT],
) -> TakenT:
    try:
        stream.seek(0)
        head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise PhotoError("unreadable", f"{name}: cannot be read ({error.strerror or type(error).__name__})") from error
    format_name = _format_of(head, name)
    make = decoder(format_name)
    if make is None:
        # Pillow's own wheels have all other decoders.
        remedy = "pip install 'pictell[heif]'" if format_name == "HEIF" else "pip install --upgrade pillow"
        raise PhotoError("missing-extra", f"{name}: {format_name} photos need an optional part: {remedy}")
    try:
        stream.seek(0)
        with make(stream) as image:
            return take(_picture(image, format_name, name, path, max_pixels, smallest_side))
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("too-large", f"{name}: not enough memory to decode this picture") from error
    except Image.DecompressionBombError as error:
        raise PhotoError("too-large", f"{name}: more pixels than Pillow's limit allows") from error
    except Exception as error:  # Pillow has no family of its own: hostile bytes raise a dozen kinds
        if isinstance(error, OSError) and error.errno:  # from the disk, not from the decoder
            raise PhotoError("unreadable", f"{name}: cannot be read ({error.strerror})") from error
        if is_cut_short(stream, format_name, error):
            raise PhotoError("truncated", f"{name}: this {format_name} file is cut short") from error
        if _UNSUPPORTED.search(str(error)):
            raise PhotoError("unsupported-format", f"{name}: this kind of {format_name} is not supported") from error
        raise PhotoError("damaged", f"{name}: this {format_name} file is damaged") from error


def _photo(picture: Picture) -> Photo:
    pixels = np.asarray(picture.image)  # (H, W, 3)
    return Photo(pixels, picture.width, picture.height, picture.format, picture.path, picture.metadata)


def _picture(
    image: Image.Image, format_name: str, name: str, path: str | None, max_pixels: int, smallest_side: int | None
) -> Picture:
    if format_name == "TIFF" and _is_raw(image):
        remedy = "save it as JPEG, PNG or WebP first"
        raise PhotoError("unsupported-format", f"{name}: camera raw is not supported; {remedy}")
    width, height = image.size
    if width * height > max_pixels:
        size = f"{width} x {height} pixels"
        raise PhotoError("too-large", f"{name}: {size} are more than the limit of {max_pixels:,}")
    if width * height == 0:
        raise ValueError("a picture without pixels")
    mode = image.mode
    target = 2 * smallest_side if smallest_side is not None else None
    reduction = 1
    if target is not None and format_name == "JPEG" and (drafted := image.draft(None, (target, target))):
        reduction = round(width / drafted[1][2])
    image.load()
    orientation = _orientation(image)
    rgb = to_rgb(image)
    if target is not None and (factor := min(rgb.size) // target) > 1:
        rgb = rgb.reduce(factor)
        reduction *= factor
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
        if orientation >= 5:
            width, height = height, width
    metadata = {"mode": mode, "orientation": orientation, "reduction": reduction}
    return Picture(rgb, width, height, format_name, path, metadata)


def _is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, whose first picture is a thumbnail or a mosaic of the sensor."""
    tags: Any = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or (_SUB_DIRECTORIES in tags and tags.get(_SUBFILE) == 1)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF (or XMP) orientation, 1..8; 1 where there is none or it cannot be read.

    Looked at after loading: TIFFs are turned by Pillow while they load and then say 1, PNGs may have EXIF at their end.
    """
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF is no reason to refuse a picture whose pixels are good
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1
