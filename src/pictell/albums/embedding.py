"""A photo's bytes with another XMP packet in them, and the check that nothing of the picture changed.

`pyexiv2` (GPL-3, hence an extra of its own) makes the packet's place in the file.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from pathlib import Path
from typing import Any

from pictell.albums.embedded import PNG_SIGNATURE, PNG_XMP, embedded_in
from pictell.albums.own_words import provenance_of
from pictell.albums.raw import RAW_SUFFIXES
from pictell.albums.xmp import Packet
from pictell.errors import MetadataError, MissingExtraError
from pictell.photos import open_photo, printable
from pictell.photos.formats import HEAD_BYTES, sniff

EMBEDDABLE = ("JPEG", "PNG", "WEBP", "TIFF")
"""The formats that words are embedded in."""

_ONE_AT_A_TIME = threading.Lock()  # exiv2's XMP toolkit has state that its threads would share
_PACKET = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{}<?xpacket end="w"?>'
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>\s*")
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_TIFF_PIXELS = (273, 279, 324, 325)  # TIFF 6.0: offsets and byte counts of strips, then of tiles


def require_embedding() -> Any:
    """The module `pyexiv2`; raises `MissingExtraError`, which tells its licence, where it is not installed or not usable."""
    try:
        import pyexiv2
    except (ImportError, OSError) as error:  # OSError: its library lacks one of the system's
        raise MissingExtraError(
            "writing into photos (by pyexiv2, whose licence is GPL-3, not Apache-2.0 as pictell's)", "embed"
        ) from error
    return pyexiv2


def check_embeddable(path: Path, data: bytes) -> str:
    """The format of a photo that words can be embedded in.

    Raises `MetadataError` of kind `cannot-embed`, with the remedy, for raw files and other formats.
    """
    format_name, instead = sniff(data[:HEAD_BYTES])
    if path.suffix.lower() in RAW_SUFFIXES:  # most of them are TIFFs by their first bytes
        format_name, instead = None, "camera raw"
    if format_name not in EMBEDDABLE:
        what = f"{named} files" if (named := format_name or instead) else "this format"
        remedy = "write a sidecar instead"
        raise MetadataError("cannot-embed", f"{printable(path)}: words are not written into {what}; {remedy}")
    return format_name


def with_packet(path: Path, data: bytes, packet: Packet) -> bytes:
    """The photo `data` (its name `path` is for messages and its suffix) with another packet, or its first.

    Raises:
        MetadataError: of kind `cannot-embed`, `damaged`, or `altered` where anything else would not stay the same.
        MissingExtraError: `pyexiv2` is not installed.
    """
    format_name = check_embeddable(path, data)
    pyexiv2 = require_embedding()
    name = printable(path)
    pyexiv2.set_log_level(4)  # what is wrong comes as an exception; its warnings would go to standard error
    text = _DECLARATION.sub("", bytes(packet).decode(), count=1)
    try:
        with _ONE_AT_A_TIME, pyexiv2.ImageData(_without_exif(data, format_name)) as image:
            image.modify_raw_xmp(text if text.startswith("<?xpacket") else _PACKET.format(text))
            changed = _spliced(data, bytes(image.get_bytes()), format_name)
    except Exception as error:  # it raises RuntimeError and others, with exiv2's own words
        why = " ".join(str(error).split())[:160]
        raise MetadataError(
            "damaged", f"{name}: words cannot be written into this photo ({why}); left as it is"
        ) from error
    written = embedded_in(io.BytesIO(changed)).xmp
    if written is None or provenance_of(Packet(written, name)) != provenance_of(packet):
        raise MetadataError("damaged", f"{name}: words do not come back from this photo as written; left as it is")
    if rest_of(changed, format_name) != rest_of(data, format_name):
        raise MetadataError(
            "altered", f"{name}: more than its words would change; left as it is, write a sidecar instead"
        )
    return changed


def rest_of(data: bytes, format_name: str) -> bytes:
    """A digest of what must stay the same to the byte: the compressed picture as it lies in the file and, but for TIFFs, all
    that others wrote beside it."""
    parts = {"JPEG": _jpeg_parts, "PNG": _png_parts, "WEBP": _webp_parts, "TIFF": _tiff_parts}[format_name](data)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _jpeg_parts(data: bytes) -> list[bytes]:
    """The tables and frame headers, all from the first scan to the end of the file, and the other segments in any order.

    Further pictures are found by their distance from the segment that lists them (CIPA DC-007, Multi-Picture Format).
    """
    tables: list[bytes] = []
    beside: list[bytes] = []
    segments, scan = _jpeg_segments(data)
    if scan is None:
        return [_decoded(data)]
    for at, segment in segments:
        marker, body = segment[1], segment[4:]
        if marker == 0xFE:  # its last byte may become a NUL
            beside.append(body.rstrip(b"\0"))
        elif 0xE0 <= marker <= 0xEF:
            if body.startswith(b"MPF\0"):
                beside.append((len(data) - at).to_bytes(8, "big"))
            if not _is_jpeg_packet(segment):
                beside.append(segment)
        else:
            tables.append(segment)
    return [*tables, *sorted(beside), data[scan:]]


def _jpeg_segments(data: bytes) -> tuple[list[tuple[int, bytes]], int | None]:
    """The segments of a JPEG before its first scan, each with its place in the file, and the scan's place, if there is one (ITU-T
    T.81, annex B.1)."""
    segments: list[tuple[int, bytes]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            return segments, at
        length = int.from_bytes(data[at + 2 : at + 4], "big") + 2
        segments.append((at, data[at : at + length]))
        at += length
    return segments, None


def _is_jpeg_packet(segment: bytes) -> bool:
    return segment[1] == 0xE1 and segment[4:].startswith(_JPEG_XMP)


def _without_exif(data: bytes, format_name: str) -> bytes:
    """What exiv2 is given: it refuses a JPEG for EXIF that is no TIFF, which the packet has nothing to do with."""
    segments, scan = _jpeg_segments(data) if format_name == "JPEG" else ([], None)
    if scan is None:
        return data
    kept = (segment for _, segment in segments if not (segment[1] == 0xE1 and segment[4:].startswith(b"Exif\0")))
    return b"".join([data[:2], *kept, data[scan:]])


def _png_parts(data: bytes) -> list[bytes]:
    """All chunks but the packet, and what follows them."""
    return [chunk for chunk in _png_chunks(data) if not _is_png_packet(chunk)]


def _png_chunks(data: bytes) -> list[bytes]:
    """The chunks of a PNG as they lie there (its standard, section 5.3), and what follows the last one."""
    chunks: list[bytes] = []
    at = len(PNG_SIGNATURE)
    while at < len(data) and not (chunks and chunks[-1][4:8] == b"IEND"):
        length = int.from_bytes(data[at : at + 4], "big") + 12
        chunks.append(data[at : at + length])
        at += length
    return [*chunks, data[at:]]


def _is_png_packet(chunk: bytes) -> bool:
    return chunk[4:].startswith(b"iTXt" + PNG_XMP)


def _webp_parts(data: bytes) -> list[bytes]:
    """All chunks but the packet and the header that tells of it (RFC 9649, section 2.7), and what follows them."""
    return [chunk for chunk in _webp_chunks(data) if chunk[:4] not in (b"XMP ", b"VP8X")]


def _webp_chunks(data: bytes) -> list[bytes]:
    """The chunks of a WebP file as they lie there, and what follows the last one."""
    chunks: list[bytes] = []
    at, end = 12, int.from_bytes(data[4:8], "little") + 8
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append(data[at : at + 8 + length + length % 2])
        at += 8 + length + length % 2
    return [*chunks, data[at:]]


def _spliced(original: bytes, written: bytes, format_name: str) -> bytes:
    """The original with the packet of what exiv2 wrote, which also writes EXIF anew, or drops it if it is empty."""
    if format_name == "JPEG":
        segments, scan = _jpeg_segments(original)
        if scan is None:
            return written
        packets = [segment for _, segment in _jpeg_segments(written)[0] if _is_jpeg_packet(segment)]
        # Behind JFIF and EXIF, which come first, and before what counts bytes from itself on.
        place = next((at for at, segment in segments if segment[1] not in (0xE0, 0xE1)), scan)
        old = [(at, at + len(segment)) for at, segment in segments if _is_jpeg_packet(segment)]
        parts, after = [], 0
        for start, end in sorted([*old, (place, place)]):
            parts += [original[after:start], *(packets if start == place else [])]
            after = end
        return b"".join([*parts, original[after:]])
    if format_name == "PNG":
        packets = [chunk for chunk in _png_chunks(written) if _is_png_packet(chunk)]
        header, *others = _png_parts(original)
        return b"".join([PNG_SIGNATURE, header, *packets, *others])
    if format_name == "WEBP":
        header, *packets = (chunk for chunk in _webp_chunks(written) if chunk[:4] in (b"VP8X", b"XMP "))
        *chunks, behind = _webp_parts(original)
        body = b"".join([b"WEBP", header, *chunks, *packets])
        return b"RIFF" + len(body).to_bytes(4, "little") + body + behind
    return written


def _tiff_parts(data: bytes) -> list[bytes]:
    """The strips or tiles of all pages."""
    from PIL import TiffImagePlugin

    kept: list[bytes] = []
    with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as image:
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            for offsets, counts in (_TIFF_PIXELS[:2], _TIFF_PIXELS[2:]):
                places = zip(image.tag_v2.get(offsets, ()), image.tag_v2.get(counts, ()), strict=False)
                kept += [data[at : at + length] for at, length in places]
    return kept or [_decoded(data)]


def _decoded(data: bytes) -> bytes:
    return open_photo(data).pixels.tobytes()
