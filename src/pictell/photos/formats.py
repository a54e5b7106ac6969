"""What a file is by its first bytes, which formats are opened, and with which decoder.

The allow-list is JPEG (MPO included: its first picture is a JPEG), PNG, GIF, WebP, BMP, TIFF and PPM/PGM/PBM, decoded
by Pillow; AVIF, where Pillow was built with it; HEIF/HEIC through the optional `pillow-heif`. Nothing is opened because
of its suffix, and no other of Pillow's decoders (EPS, which runs Ghostscript, PSD, FLI ...) is ever loaded.
"""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Callable
from typing import BinaryIO, Literal, cast

from PIL import ImageFile

HEAD_BYTES = 256  # enough for every signature below and for the brands of an ISO media file

Decoder = Callable[[BinaryIO], ImageFile.ImageFile]

# format -> (module, class); modules are imported when the first such file is met, which keeps start-up short.
_DECODERS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
}

_OPENED = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"BM.{4}\x00{4}", re.DOTALL), "BMP"),  # the four reserved bytes keep text that begins with BM out
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "TIFF"),
    (re.compile(rb"P[1-6][\s#]"), "PPM"),
)

_REFUSED = (
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "EPS or PostScript"),
    (re.compile(rb"8BPS"), "Photoshop (PSD)"),
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"\x00\x00\x01\x00[^\x00]"), "icon (ICO)"),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"\x00\x00\x00\x0cJXL |\xff\x0a"), "JPEG XL"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<svg", re.DOTALL), "SVG"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "AVI video"),
    (re.compile(rb"\x1aE\xdf\xa3"), "Matroska or WebM video"),
)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_CONTAINERS = {b"mif1", b"msf1", b"miaf"}


def sniff(head: bytes) -> tuple[str | None, str | None]:
    """Tell a file by its first `HEAD_BYTES` bytes: `(format, None)`, `(None, what it is instead)` or `(None, None)`."""
    if head[4:8] == b"ftyp":
        return _sniff_iso_media(head)
    for signature, name in _OPENED:
        if signature.match(head):
            return name, None
    for signature, name in _REFUSED:
        if signature.match(head):
            return None, name
    return None, None


def _sniff_iso_media(head: bytes) -> tuple[str | None, str | None]:
    """Tell HEIF, AVIF and video apart by the brands in the `ftyp` box (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, size - 3, 4)}
    if major in _AVIF_BRANDS or (major not in _HEIF_BRANDS and compatible & _AVIF_BRANDS):
        return "AVIF", None
    if ({major} | compatible) & (_HEIF_BRANDS | _HEIF_CONTAINERS):
        return "HEIF", None
    return None, "camera raw (CR3)" if major == b"crx " else "MP4 or QuickTime video"


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes are readable text: a web page or a note with the suffix of a photo."""
    try:
        text = head[:-4].decode() if len(head) == HEAD_BYTES else head.decode()  # the cut may split a character
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\n\r\f\ufeff" for character in text)


def decoder(name: str) -> Decoder | None:
    """Return the decoder of a format of the allow-list, or `None` where the optional part it needs is not installed."""
    module_name, class_name = _DECODERS[name]
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        return None
    if not getattr(module, "SUPPORTED", True):  # Pillow built without AVIF or WebP
        return None
    return cast(Decoder, getattr(module, class_name))


_CUT = re.compile(r"truncat|unexpected end|premature|not enough (image )?data|end of file|\beof\b", re.IGNORECASE)
_TIFF_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # all others: 1
_TAIL_BYTES = 1024  # some programs leave a few bytes after the end of a picture


def is_cut_short(stream: BinaryIO, name: str, error: BaseException) -> bool:
    """Tell whether a file that failed to decode ends too early, by the decoder's `error` and the file's own marks."""
    if isinstance(error, EOFError) or _CUT.search(str(error)):
        return True
    try:
        return _lacks_its_end(stream, name)
    except OSError:
        return False


def _lacks_its_end(stream: BinaryIO, name: str) -> bool:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read(_TAIL_BYTES)
    if name == "JPEG":
        return b"\xff\xd9" not in tail
    if name == "PNG":
        return b"IEND" not in tail
    if name == "GIF":
        return not tail.rstrip(b"\x00").endswith(b";")
    if name == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if name == "BMP":
        return int.from_bytes(head[2:6], "little") > size
    if name == "TIFF":
        return _tiff_passes_end(stream, head, size)
    return name in ("AVIF", "HEIF") and _box_passes_end(stream, size)


def _tiff_passes_end(stream: BinaryIO, head: bytes, size: int) -> bool:
    """Whether the first directory of a TIFF (TIFF 6.0, section 2), a value or the pixels of it lie beyond the end."""
    order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"
    if head[2:4] not in (b"*\x00", b"\x00*"):  # BigTIFF has wider fields
        return False
    start = int.from_bytes(head[4:8], order)
    stream.seek(start)
    count = int.from_bytes(stream.read(2), order)
    entries = stream.read(12 * count)
    if start + 2 + 12 * count > size:
        return True
    single: dict[int, int] = {}
    for at in range(0, len(entries), 12):
        tag, kind = (int.from_bytes(entries[at + i : at + i + 2], order) for i in (0, 2))
        values = int.from_bytes(entries[at + 4 : at + 8], order)
        length = values * _TIFF_TYPE_BYTES.get(kind, 1)
        value = int.from_bytes(entries[at + 8 : at + (10 if kind == 3 else 12)], order)
        if length > 4 and value + length > size:
            return True
        single[tag] = value if values == 1 else 0
    return single.get(273, 0) + single.get(279, 0) > size  # StripOffsets, StripByteCounts


def _box_passes_end(stream: BinaryIO, size: int) -> bool:
    """Walk the outermost boxes of an ISO media file; true when one claims more bytes than are there."""
    at = 0
    while at + 8 <= size:
        stream.seek(at)
        header = stream.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0 means "up to the end of the file"; anything else below 8 is damage, not a cut
            return False
        at += length
    return at != size
