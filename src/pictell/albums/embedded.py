"""What a photo file has in itself beside its pixels: the XMP packet, EXIF and IPTC, read without decoding any pixel."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, IptcImagePlugin

from pictell.albums.words import Field
from pictell.albums.xmp import MAX_BYTES
from pictell.errors import MetadataError
from pictell.photos import printable
from pictell.photos.formats import HEAD_BYTES, decoder, sniff
from pictell.photos.quiet import quiet_pillow

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_XMP = b"XML:com.adobe.xmp\0"

# EXIF 2.32
_DESCRIPTION, _MAKE, _MODEL, _EXIF_IFD = 0x010E, 0x010F, 0x0110, 0x8769
_COMMENT, _ORIGINAL, _DIGITISED = 0x9286, 0x9003, 0x9004
# IPTC-IIM 4.2
_CAPTION, _KEYWORDS, _CHARACTER_SET, _UTF8 = (2, 120), (2, 25), (1, 90), b"\x1b%G"


@dataclass
class Embedded:
    """What a file has in itself. `xmp` is the raw packet; `camera` and `taken` are from EXIF."""

    xmp: bytes | None = None
    captions: list[tuple[Field, str]] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    camera: str | None = None
    taken: datetime | None = None


def read_embedded(path: Path) -> Embedded:
    """Reads JPEG, PNG, WebP, TIFF, AVIF and, with the extra `heif`, HEIC; of any other file nothing is found.

    Damaged EXIF or IPTC is as none: no program could show it.

    Raises:
        MetadataError: of kind `missing`, `unreadable` or `not-a-file`.
    """
    name = printable(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            raise MetadataError("not-a-file", f"{name}: is not a file")
        with path.open("rb") as file:
            return embedded_in(file)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL in the name
        raise MetadataError("missing", f"{name}: no such file") from error
    except OSError as error:
        raise MetadataError("unreadable", f"{name}: cannot be read ({error.strerror})") from error


def embedded_in(file: BinaryIO) -> Embedded:
    """As `read_embedded`, of an open file; `OSError` where it cannot be read."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    with quiet_pillow:
        return _png(file) if head.startswith(PNG_SIGNATURE) else _by_pillow(file, sniff(head)[0])


def _by_pillow(file: BinaryIO, format_name: str | None) -> Embedded:
    found = Embedded()
    make = decoder(format_name) if format_name else None
    if make is None:
        return found
    with suppress(Exception):  # Pillow has no family of errors: what is damaged has no words to read
        image = make(file)
        packet: Any = image.info.get("xmp")
        if format_name == "TIFF":
            packet = image.tag_v2.get(700)  # type: ignore[attr-defined]
            exif = image.getexif()
        else:
            exif = _exif(image.info.get("exif"))
        found.xmp = packet if isinstance(packet, bytes) else None
        with suppress(Exception):
            _add_exif(found, exif)
        with suppress(Exception):
            _add_iptc(found, IptcImagePlugin.getiptcinfo(image) or {})
    return found


def _exif(raw: Any) -> Image.Exif:
    exif = Image.Exif()
    if raw:
        with suppress(Exception):
            exif.load(raw)
    return exif


def _png(file: BinaryIO) -> Embedded:
    """All chunks are looked at, since what follows the pixels counts too; Pillow would decode them to get there."""
    found = Embedded()
    for kind, read in _png_chunks(file):
        if kind == b"iTXt":
            data = read()
            if data.startswith(PNG_XMP):
                found.xmp = _international_text(data[len(PNG_XMP) :])
        elif kind == b"eXIf":
            with suppress(Exception):
                _add_exif(found, _exif(read()))
    return found


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, Any]]:
    """The chunks of a PNG (its standard, section 5.3): the type, and a function that reads the data, at most `MAX_BYTES`."""
    size = file.seek(0, os.SEEK_END)
    at = len(PNG_SIGNATURE)
    while at + 12 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        yield head[4:], lambda length=length: file.read(min(length, MAX_BYTES + 1))
        at += 12 + length


def _international_text(data: bytes) -> bytes | None:
    """The text of an iTXt chunk behind its keyword (PNG, section 11.3.3.4), at most a byte more than `MAX_BYTES`."""
    compressed = data[:1] == b"\1"
    text = data[2:].split(b"\0", 2)[-1]  # behind the language and the translated keyword
    if not compressed:
        return text
    try:
        return zlib.decompressobj().decompress(text, MAX_BYTES + 1)
    except zlib.error:
        return None


def _add_exif(found: Embedded, exif: Image.Exif) -> None:
    inner = exif.get_ifd(_EXIF_IFD)
    if text := _ascii(exif.get(_DESCRIPTION)):
        found.captions.append(("EXIF:ImageDescription", text))
    if text := _comment(inner.get(_COMMENT), exif.endian):
        found.captions.append(("EXIF:UserComment", text))
    make, model = _ascii(exif.get(_MAKE)), _ascii(exif.get(_MODEL))
    brand = make.split()[0] if make else ""
    found.camera = model if model.lower().startswith(brand.lower()) else f"{make} {model}".strip()
    found.camera = found.camera or None
    found.taken = exif_time(_ascii(inner.get(_ORIGINAL)) or _ascii(inner.get(_DIGITISED)))


def exif_time(text: str) -> datetime | None:
    """A time as EXIF writes it, in the camera's own zone; `None` where it is none (`0000:00:00 00:00:00`)."""
    try:
        return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _ascii(value: object) -> str:
    """A text of EXIF: ASCII by the standard, UTF-8 as programs write it; Pillow takes it for Latin-1."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    return value.split("\0")[0].strip()


def _comment(value: object, endian: str | None) -> str:
    """A UserComment: eight bytes that name its encoding (EXIF 2.32, 4.6.5), then the text."""
    if not isinstance(value, bytes):
        return _ascii(value)
    code, data = value[:8], value[8:]
    if code.startswith(b"UNICODE"):
        order = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le" if endian == "<" else "utf-16-be"
        return data[: len(data) // 2 * 2].decode(order, "replace").split("\0")[0].strip()
    return "" if code.startswith(b"JIS") else _ascii(data)


def _add_iptc(found: Embedded, datasets: dict[tuple[int, int], Any]) -> None:
    utf8 = datasets.get(_CHARACTER_SET) == _UTF8
    for value in _listed(datasets.get(_CAPTION)):
        if text := _iptc_text(value, utf8):
            found.captions.append(("IPTC:Caption-Abstract", text))
    found.keywords += [text for value in _listed(datasets.get(_KEYWORDS)) if (text := _iptc_text(value, utf8))]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _iptc_text(value: bytes, utf8: bool) -> str:
    """UTF-8 where the record says so, and where it is that without saying so."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("utf-8" if utf8 else "latin-1", "replace")
    return text.strip("\0 \t\r\n")
