from __future__ import annotations

import gc
import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from pictell.errors import PhotoError
from pictell.photos import open_photo, opening, printable

Encode = Callable[..., bytes]


def refusal(source: object, **options: int) -> PhotoError:
    with pytest.raises(PhotoError) as caught:
        open_photo(source, **options)  # type: ignore[arg-type]  # sources of the wrong type are tried too
    message = caught.value.message
    assert message.isprintable(), "one line, nothing in it that steers a terminal"
    return caught.value


# The file system


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    error = refusal(tmp_path / "gone.jpg")
    assert error.kind == "missing"
    assert "gone.jpg" in error.message


@pytest.mark.parametrize("name", ["nul\0.jpg", ""])
def test_names_that_no_file_can_have(name: str) -> None:
    error = refusal(name)
    assert error.kind == "missing"
    assert not error.message.startswith(":"), "it is named even where the name is empty"


def test_a_name_too_long() -> None:
    assert refusal("x" * 5000).kind == "unreadable"


def test_a_file_used_as_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert refusal(tmp_path / "a.jpg" / "b.jpg").kind == "missing"


def test_a_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path).kind == "is-a-directory"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")

    def refuse(*_: object) -> None:  # root may read everything, so the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "open", refuse, raising=False)
    error = refusal(path)
    assert error.kind == "unreadable"
    assert "secret.jpg" in error.message


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
def test_a_file_whose_reading_fails() -> None:
    assert refusal("/proc/self/mem").kind == "unreadable"


def test_names_are_printed_on_one_line(tmp_path: Path) -> None:
    error = refusal(tmp_path / "a\nb\x1b[31m\u202e\udcff.jpg")
    assert r"a\nb\x1b[31m\u202e\xff.jpg" in error.message


def test_printable_leaves_letters_alone() -> None:
    for name in ("two words.jpg", "写真.jpg", "می‌خواهم.jpg", "👩‍🚀.png", "naïve é.jpg"):
        assert printable(name) == name
    assert printable(Path("a\tb\u2028")) == r"a\tb\u2028"


# Contents


@pytest.mark.parametrize("source", [b"", io.BytesIO()])
def test_nothing(source: object) -> None:
    assert refusal(source).kind == "empty"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    error = refusal(tmp_path / "empty.jpg")
    assert error.kind == "empty"
    assert "empty.jpg" in error.message


@pytest.mark.parametrize(
    "text",
    [
        b"Not a photo at all.\n",
        "Ein Käse, zwei Käse, 三つ ".encode() * 40,
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"BM is how this note begins, and it goes on.",
        b"\xef\xbb\xbfwith a byte order mark",
    ],
)
def test_text_named_jpg(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "note.jpg"
    path.write_bytes(text)
    error = refusal(path)
    assert error.kind == "not-a-photo"
    assert "note.jpg" in error.message
    assert "text" in error.message


@pytest.mark.parametrize("noise", [b"\x00" * 400, bytes(range(256)), b"\x7fELF\x02\x01\x01", b"\xff\xd8"])
def test_bytes_of_no_picture(noise: bytes) -> None:
    assert refusal(noise).kind == "not-a-photo"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + b"\0" * 40, "PostScript"),
        (b"8BPS\0\1" + b"\0" * 40, "Photoshop"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\1\0\1\0" + b"\0" * 40, "ICO"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "MP4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw"),
    ],
)
def test_formats_outside_the_allow_list(head: bytes, what: str) -> None:
    error = refusal(head)
    assert error.kind == "unsupported-format"
    assert what in error.message


@pytest.mark.parametrize("image_format", ["EPS", "ICO", "PCX", "TGA", "SGI", "JPEG2000", "DDS", "PDF"])
def test_what_else_pillow_could_open_stays_shut(picture: Image.Image, encode: Encode, image_format: str) -> None:
    assert refusal(encode(picture, image_format)).kind in ("unsupported-format", "not-a-photo")


FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"]


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_truncated_file(tmp_path: Path, busy: Image.Image, encode: Encode, image_format: str, part: float) -> None:
    data = encode(busy.crop((0, 0, 120, 90)), image_format)
    path = tmp_path / "half a photo"
    path.write_bytes(data[: int(len(data) * part)])
    error = refusal(path)
    assert error.kind == "truncated"
    assert "half a photo" in error.message


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_truncated_compressed_tiff(busy: Image.Image, encode: Encode, compression: str) -> None:
    data = encode(busy.crop((0, 0, 120, 90)), "TIFF", compression=compression)
    for left in (9, len(data) // 2, len(data) - 1):
        assert refusal(data[:left]).kind == "truncated"


def test_a_truncated_jpeg_is_refused_at_reduced_scale_too(busy: Image.Image, encode: Encode) -> None:
    data = encode(busy, "JPEG")
    assert refusal(data[: len(data) // 2], smallest_side=64).kind == "truncated"


def test_damaged_bytes(picture: Image.Image, encode: Encode) -> None:
    data = bytearray(encode(picture, "PNG"))
    data[20] ^= 0xFF  # in the header, whose checksum then fails
    assert refusal(bytes(data)).kind == "damaged"


# Size


def declared(image_format: str, width: int, height: int, encode: Encode) -> bytes:
    """A small file that claims to be large."""
    data = bytearray(encode(Image.new("RGB", (16, 16)), image_format))
    if image_format == "PNG":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif image_format == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    elif image_format == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    elif image_format == "JPEG":
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    elif image_format == "PPM":
        data = bytearray(f"P6 {width} {height} 255\n".encode())
    elif image_format == "TIFF":
        for tag, value in ((256, width), (257, height)):
            at = data.index(struct.pack("<HHI", tag, 4, 1))
            data[at + 8 : at + 12] = struct.pack("<I", value)
    return bytes(data)


@pytest.mark.parametrize("image_format", ["PNG", "GIF", "BMP", "JPEG", "PPM", "TIFF"])
def test_a_declared_size_beyond_the_limit(encode: Encode, image_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(Image.core, "new", lambda *size: decoded.append(size))
    error = refusal(declared(image_format, 60_000, 60_001, encode))
    assert error.kind == "too-large"
    assert not decoded, "refused before there is room made for a single pixel"


def test_the_limit_is_the_callers(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "PNG")
    assert refusal(data, max_pixels=48 * 32 - 1).kind == "too-large"
    assert open_photo(data, max_pixels=48 * 32).width == 48
    error = refusal(data, max_pixels=100)
    assert "48 x 32" in error.message
    assert "100" in error.message


@pytest.mark.parametrize("image_format", FORMATS)
def test_pillows_own_limit_never_shows(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch, image_format: str
) -> None:
    data = encode(picture, image_format)
    for limit in (1500, 100):  # where Pillow warns, and where it raises an error of its own
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                open_photo(data)
            except PhotoError as error:
                assert error.kind == "too-large"  # noqa: PT017  (some formats open all the same)
                assert limit == 100


def test_no_memory(picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_: Image.Image) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(opening, "to_rgb", exhausted)
    assert refusal(encode(picture, "PNG")).kind == "too-large"


# Optional parts

HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 40
AVIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + b"\0" * 40


@pytest.mark.parametrize("data", [HEIC, HEIC.replace(b"ftypheic", b"ftypmif1"), HEIC.replace(b"ftypheic", b"ftyphevc")])
def test_heic_without_its_plug_in(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "IMG_1.HEIC").write_bytes(data)
    error = refusal(tmp_path / "IMG_1.HEIC")
    assert error.kind == "missing-extra"
    assert "IMG_1.HEIC" in error.message
    assert "pip install 'pictell[heif]'" in error.message


@pytest.mark.parametrize("data", [AVIF, AVIF.replace(b"ftypmif1", b"ftypavif"), AVIF.replace(b"ftypmif1", b"ftypavis")])
def test_avif_without_its_decoder(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    error = refusal(data)
    assert error.kind == "missing-extra"
    assert "AVIF" in error.message
    assert "pip install --upgrade pillow" in error.message


def test_damaged_heic() -> None:
    pytest.importorskip("pillow_heif")
    assert refusal(HEIC).kind in ("damaged", "truncated")


# Streams


def test_a_stream_without_end_is_left_after_its_first_bytes() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"\0" * size

    stream = Endless()
    assert refusal(stream).kind == "not-a-photo"
    assert stream.given <= 1 << 21


def test_a_picture_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_MAX_STREAM_BYTES", 1 << 21)
    assert refusal(io.BytesIO(b"\xff\xd8\xff" + b"\0" * (1 << 22))).kind == "too-large"


def test_a_stream_that_fails() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output\nerror")

    assert refusal(Broken()).kind == "unreadable"
    closed = io.BytesIO(b"x")
    closed.close()
    assert refusal(closed).kind == "unreadable"


@pytest.mark.parametrize("source", [io.StringIO("text"), 7, None, ["a.jpg"]])
def test_what_is_no_source_at_all(source: object) -> None:
    with pytest.raises(TypeError, match="a photo is"):
        open_photo(source)  # type: ignore[arg-type]  # the point of the test


# Manners


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_no_file_stays_open(tmp_path: Path, picture: Image.Image, encode: Encode) -> None:
    for name in FORMATS:
        data = encode(picture, name)
        (tmp_path / f"good.{name}").write_bytes(data)
        (tmp_path / f"cut.{name}").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.jpg").write_text("text")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gc.collect()
        gc.disable()  # so that nothing is closed by luck
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        try:
            for path in sorted(tmp_path.iterdir()):
                try:
                    open_photo(path)
                except PhotoError:
                    assert "good" not in path.name
            assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
        finally:
            gc.enable()


def warns(encode: Encode, picture: Image.Image) -> bytes:
    """A TIFF that Pillow warns about: a tag whose value is longer than the file."""
    exif = Image.Exif()
    exif[271] = "a maker with a long name"
    data = bytearray(encode(picture, "TIFF", exif=exif))
    at = data.index(struct.pack("<HH", 271, 2))
    data[at + 4 : at + 8] = struct.pack("<I", 1 << 20)
    return bytes(data)


def test_no_warning_of_pillows_gets_out(picture: Image.Image, encode: Encode) -> None:
    data = warns(encode, picture)
    with pytest.warns(UserWarning, match="Skipping tag"), Image.open(io.BytesIO(data)) as image:
        image.load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_photo(data).width == 48


def test_the_filters_of_warnings_stay_as_they_were(picture: Image.Image, encode: Encode) -> None:
    sources = [warns(encode, picture), encode(picture, "JPEG"), b"not a photo"] * 40

    def attempt(source: bytes) -> None:
        try:
            open_photo(source)
        except PhotoError:
            assert source == b"not a photo"

    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, sources))
    assert list(warnings.filters) == before
