"""Small raw files that are built as cameras build them: a DNG, and the TIFF-like files of Canon and Nikon.

Their sensors' pixels are noise; the picture to look at is a JPEG where each kind keeps it. As cameras leave it, the JPEG says
nothing of how it was held: the file around it does.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL = 1, 2, 3, 4, 5, 10
_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, SRATIONAL: 8}
_FORMS = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "I", SRATIONAL: "i"}

WIDTH, HEIGHT = 64, 48
"""The sensor's pixels."""


@dataclass
class Directory:
    """A TIFF directory: tags (kind, values); `data` are bytes to be kept in the file, by the tag that tells where; `inner` are
    directories, by the tag that tells of them."""

    tags: dict[int, tuple[int, Sequence[int] | bytes]]
    data: dict[int, bytes] = field(default_factory=dict)
    inner: dict[int, list[Directory]] = field(default_factory=dict)


def tiff(directories: Sequence[Directory], header: bytes = b"") -> bytes:
    """A little-endian TIFF file (TIFF 6.0, section 2); `header` stands behind its first eight bytes."""
    content = bytearray(b"II*\0" + struct.pack("<I", 0) + header)
    link = 4
    for directory in directories:
        struct.pack_into("<I", content, link, _put(content, directory))
        link = len(content) - 4
        # The link to the next directory is the last thing of a directory, and its values stand before it.
    return bytes(content)


def _put(content: bytearray, directory: Directory) -> int:
    tags = dict(directory.tags)
    for tag, data in directory.data.items():
        tags[tag] = (LONG, [_append(content, data)])
    for tag, inner in directory.inner.items():
        tags[tag] = (LONG, [_put(content, each) for each in inner])
    entries = []
    for tag, (kind, values) in sorted(tags.items()):
        packed = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_FORMS[kind]}", *values)
        count = len(packed) // _SIZES[kind]
        value = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", _append(content, packed))
        entries.append(struct.pack("<HHI", tag, kind, count) + value)
    return _append(content, struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 0))


def _append(content: bytearray, data: bytes) -> int:
    content += b"\0" * (len(content) % 2)  # on a word boundary
    content += data
    return len(content) - len(data)


def _text(text: str) -> tuple[int, bytes]:
    return ASCII, text.encode() + b"\0"


def _exif() -> dict[int, list[Directory]]:
    taken = _text("2024:05:06 07:08:09")
    return {0x8769: [Directory({0x9000: (7, b"0230"), 0x9003: taken, 0x9004: taken})]}


_SIZES[7] = 1  # UNDEFINED


def _thumbnail(maker: str, model: str, orientation: int) -> Directory:
    """The first directory: a small picture without compression, and what holds for the whole file."""
    pixels = np.full((12, 16, 3), 128, np.uint8).tobytes()
    tags = {
        0xFE: (LONG, [1]), 0x100: (LONG, [16]), 0x101: (LONG, [12]), 0x102: (SHORT, [8, 8, 8]), 0x103: (SHORT, [1]),
        0x106: (SHORT, [2]), 0x10F: _text(maker), 0x110: _text(model), 0x112: (SHORT, [orientation]), 0x115: (SHORT, [3]),
        0x116: (LONG, [12]), 0x117: (LONG, [len(pixels)]), 0x11C: (SHORT, [1]), 0x11A: (RATIONAL, [72, 1]),
        0x11B: (RATIONAL, [72, 1]), 0x128: (SHORT, [2]), 0x132: _text("2024:05:06 07:08:09"),
    }  # fmt: skip
    return Directory(dict(tags), {0x111: pixels}, _exif())


def _sensor() -> Directory:
    """The mosaic of the sensor (TIFF/EP, section 5): 16 bits, red and blue at opposite corners of each four."""
    mosaic = np.random.default_rng(0).integers(0, 4096, (HEIGHT, WIDTH), dtype=np.uint16).tobytes()
    tags = {
        0xFE: (LONG, [0]), 0x100: (LONG, [WIDTH]), 0x101: (LONG, [HEIGHT]), 0x102: (SHORT, [16]), 0x103: (SHORT, [1]),
        0x106: (SHORT, [32803]), 0x115: (SHORT, [1]), 0x116: (LONG, [HEIGHT]), 0x117: (LONG, [len(mosaic)]),
        0x11C: (SHORT, [1]), 0x828D: (SHORT, [2, 2]), 0x828E: (BYTE, [0, 1, 1, 2]),
    }  # fmt: skip
    return Directory(dict(tags), {0x111: mosaic})


def dng(preview: bytes, size: tuple[int, int], orientation: int = 1) -> bytes:
    """A DNG (Adobe's specification 1.4): a thumbnail, and below it the mosaic and the preview."""
    first = _thumbnail("Pictell", "Pictell One", orientation)
    first.tags |= {
        0xC612: (BYTE, [1, 4, 0, 0]), 0xC613: (BYTE, [1, 1, 0, 0]), 0xC614: _text("Pictell One"),
        0xC621: (SRATIONAL, [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),
        0xC628: (RATIONAL, [1, 2, 1, 1, 1, 2]), 0xC65A: (SHORT, [21]),
    }  # fmt: skip
    sensor = _sensor()
    sensor.tags |= {0xC61A: (SHORT, [0]), 0xC61D: (SHORT, [4095])}
    width, height = size
    shown = Directory(
        {
            0xFE: (LONG, [1]), 0x100: (LONG, [width]), 0x101: (LONG, [height]), 0x102: (SHORT, [8, 8, 8]),
            0x103: (SHORT, [7]), 0x106: (SHORT, [6]), 0x115: (SHORT, [3]), 0x116: (LONG, [height]),
            0x117: (LONG, [len(preview)]), 0x11C: (SHORT, [1]),
        },
        {0x111: preview},
    )  # fmt: skip
    first.inner[0x14A] = [sensor, shown]
    return tiff([first])


def nef(preview: bytes, size: tuple[int, int], orientation: int = 1) -> bytes:
    """As Nikon's: the large JPEG is in the first directory below the thumbnail."""
    first = _thumbnail("NIKON CORPORATION", "NIKON D70", orientation)
    shown = Directory(
        {0xFE: (LONG, [1]), 0x103: (SHORT, [6]), 0x11A: (RATIONAL, [300, 1]), 0x11B: (RATIONAL, [300, 1]),
         0x128: (SHORT, [2]), 0x202: (LONG, [len(preview)]), 0x213: (SHORT, [2])},
        {0x201: preview},
    )  # fmt: skip
    first.inner[0x14A] = [shown, _sensor()]
    return tiff([first])


def cr2(preview: bytes, size: tuple[int, int], orientation: int = 1) -> bytes:
    """As Canon's: the large JPEG is the first directory's strip, and the mosaic is in the last of four."""
    width, height = size
    first = Directory(
        {
            0x100: (SHORT, [width]), 0x101: (SHORT, [height]), 0x102: (SHORT, [8, 8, 8]), 0x103: (SHORT, [6]),
            0x10F: _text("Canon"), 0x110: _text("Canon EOS 40D"), 0x112: (SHORT, [orientation]),
            0x117: (LONG, [len(preview)]), 0x11A: (RATIONAL, [72, 1]), 0x11B: (RATIONAL, [72, 1]), 0x128: (SHORT, [2]),
            0x132: _text("2024:05:06 07:08:09"),
        },
        {0x111: preview},
        _exif(),
    )  # fmt: skip
    third = _thumbnail("Canon", "Canon EOS 40D", 1)
    return tiff(
        [first, Directory({0x103: (SHORT, [6])}), Directory(third.tags, third.data), _sensor()], b"CR\2\0\0\0\0\0"
    )


KINDS = {"dng": dng, "nef": nef, "cr2": cr2}
