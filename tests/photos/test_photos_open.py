from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from pictell.photos import Preprocessing, open_photo, prepare

Encode = Callable[..., bytes]


def difference(pixels: NDArray[np.uint8], image: Image.Image) -> float:
    """The mean difference of levels; huge when the shapes differ."""
    expected = np.asarray(image.convert("RGB")).astype(int)
    if pixels.shape != expected.shape:
        return 1e9
    return float(np.abs(pixels.astype(int) - expected).mean())


# Ways in


def test_a_path_bytes_and_a_stream_give_the_same_photo(tmp_path: Path, picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    photos = [open_photo(path), open_photo(str(path)), open_photo(data), open_photo(bytearray(data))]
    with path.open("rb") as stream:
        photos.append(open_photo(stream))
        assert not stream.closed
    photos.append(open_photo(io.BytesIO(data)))
    for photo in photos:
        assert np.array_equal(photo.pixels, np.asarray(picture))
        assert (photo.width, photo.height, photo.format) == (48, 32, "PNG")
    assert [photo.path for photo in photos] == [str(path), str(path), None, None, None, None]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_to_its_end(tmp_path: Path, picture: Image.Image, encode: Encode) -> None:
    data = encode(picture.resize((480, 320)), "BMP")  # larger than what a pipe holds at once
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    photo = open_photo(pipe)
    writer.join()
    assert (photo.width, photo.height) == (480, 320)


@pytest.mark.parametrize(
    "name",
    ["two words.jpg", "line\nbreak.jpg", "写真.jpg", "صورة.jpg", "фото 🐕.jpg", b"byte\xff.jpg", "no suffix", "-.jpg"],
)
def test_any_file_name(tmp_path: Path, picture: Image.Image, encode: Encode, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    try:
        path.write_bytes(encode(picture, "JPEG"))
    except OSError:
        pytest.skip("this file system does not take such a name")
    assert open_photo(path).path == str(path)


# Formats and modes

LOSSLESS = ["PNG", "BMP", "TIFF", "PPM"]


@pytest.mark.parametrize("image_format", LOSSLESS)
def test_lossless_formats_come_out_exactly(picture: Image.Image, encode: Encode, image_format: str) -> None:
    photo = open_photo(encode(picture, image_format))
    assert photo.format == image_format
    assert photo.pixels.dtype == np.uint8
    assert np.array_equal(photo.pixels, np.asarray(picture))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(picture: Image.Image, encode: Encode, compression: str) -> None:
    assert difference(open_photo(encode(picture, "TIFF", compression=compression)).pixels, picture) == 0


@pytest.mark.parametrize(
    ("image_format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("MPO", {}), ("WEBP", {"quality": 90}), ("AVIF", {"quality": 90})],
)
def test_lossy_formats_come_out_nearly(
    picture: Image.Image, encode: Encode, image_format: str, options: dict[str, Any]
) -> None:
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    photo = open_photo(encode(picture, image_format, **options))
    assert photo.format == {"MPO": "JPEG"}.get(image_format, image_format)
    assert difference(photo.pixels, picture) < 4


def test_heic_through_its_plug_in(picture: Image.Image) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=95)
    photo = open_photo(buffer.getvalue())
    assert (photo.format, photo.width, photo.height) == ("HEIF", 48, 32)
    assert difference(photo.pixels, picture) < 4


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk(picture: Image.Image, encode: Encode, image_format: str) -> None:
    data = encode(picture.convert("CMYK"), image_format)
    photo = open_photo(data)
    assert photo.metadata["mode"] == "CMYK"
    assert difference(photo.pixels, picture) < 4


def test_cmyk_jpeg_decoded_at_reduced_scale(busy: Image.Image, encode: Encode) -> None:
    photo = open_photo(encode(busy.convert("CMYK"), "JPEG"), smallest_side=100)
    assert photo.metadata["reduction"] > 1
    assert difference(photo.pixels, busy.resize(photo.pixels.shape[1::-1], Image.Resampling.BOX)) < 4


@pytest.mark.parametrize("mode", ["L", "1", "P"])
@pytest.mark.parametrize("image_format", ["PNG", "GIF", "TIFF", "BMP"])
def test_grey_two_tone_and_palette(picture: Image.Image, encode: Encode, mode: str, image_format: str) -> None:
    plain = picture.quantize(16) if mode == "P" else picture.convert(mode)
    assert difference(open_photo(encode(plain, image_format)).pixels, plain) == 0


def test_ycbcr_and_lab_tiff(picture: Image.Image, encode: Encode) -> None:
    assert difference(open_photo(encode(picture.convert("YCbCr"), "TIFF")).pixels, picture) < 3
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    assert lab is not None
    photo = open_photo(encode(lab, "TIFF"))
    assert photo.metadata["mode"] == "LAB"
    assert difference(photo.pixels, picture) < 3


def deep(picture: Image.Image, dtype: str, scale: float) -> Image.Image:
    samples = (np.asarray(picture.convert("L")).astype(np.float64) * scale).astype(dtype)
    if dtype == ">u2":
        return Image.frombytes("I;16B", picture.size, samples.tobytes())
    return Image.fromarray(samples)


@pytest.mark.parametrize(
    ("dtype", "scale", "image_format"),
    [
        ("<u2", 257, "PNG"),
        ("<u2", 257, "TIFF"),
        (">u2", 257, "TIFF"),
        ("<i4", 257, "PPM"),
        ("<i4", 257, "TIFF"),
        ("<i4", 1, "TIFF"),
        ("<f4", 257, "TIFF"),
        ("<f4", 1, "TIFF"),
        ("<f4", 1 / 255, "TIFF"),
    ],
)
def test_deep_grey_is_scaled_not_clipped(
    picture: Image.Image, encode: Encode, dtype: str, scale: float, image_format: str
) -> None:
    photo = open_photo(encode(deep(picture, dtype, scale), image_format))
    assert difference(photo.pixels, picture.convert("L")) < 1


def test_samples_outside_every_customary_range_are_stretched(encode: Encode) -> None:
    samples = np.linspace(-3e5, 7e5, 64, dtype=np.float32).reshape(8, 8)
    pixels = open_photo(encode(Image.fromarray(samples), "TIFF")).pixels
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert (np.diff(pixels[..., 0].ravel().astype(int)) >= 0).all()


def test_floats_that_are_no_numbers_are_black(encode: Encode) -> None:
    samples = np.full((2, 2), 0.5, dtype=np.float32)
    samples[0, 0] = np.nan
    pixels = open_photo(encode(Image.fromarray(samples), "TIFF")).pixels
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[1, 1].tolist() == [128, 128, 128]


def png(samples: NDArray[Any], depth: int, colour: int, transparent: bytes | None = None) -> bytes:
    """A PNG of kinds that Pillow does not write (PNG specification, third edition, 11)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks if data is not None)


def test_16_bit_colour_png(picture: Image.Image) -> None:
    assert difference(open_photo(png(np.asarray(picture).astype(int) * 257, 16, 2)).pixels, picture) == 0


# Transparency


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_transparency_lies_on_white(picture: Image.Image, encode: Encode, image_format: str) -> None:
    alpha = Image.linear_gradient("L").resize(picture.size)
    transparent = picture.copy()
    transparent.putalpha(alpha)
    weight = np.asarray(alpha)[..., None] / 255.0
    expected = np.asarray(picture) * weight + 255.0 * (1.0 - weight)
    options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    pixels = open_photo(encode(transparent, image_format, **options)).pixels
    assert np.abs(pixels - expected).max() <= 1


def test_transparent_grey_lies_on_white(picture: Image.Image, encode: Encode) -> None:
    grey = picture.convert("L")
    clear, solid = Image.new("L", picture.size, 0), Image.new("L", picture.size, 255)
    assert open_photo(encode(Image.merge("LA", (grey, clear)), "PNG")).pixels.min() == 255
    assert difference(open_photo(encode(Image.merge("LA", (grey, solid)), "PNG")).pixels, grey) == 0


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_transparent_palette_entry_is_white(encode: Encode, image_format: str) -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.putpixel((0, 0), 0)
    pixels = open_photo(encode(image, image_format, transparency=0)).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 3].tolist() == [10, 200, 30]


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_grey_level_is_white(depth: int) -> None:
    scale = 257 if depth == 16 else 1
    pixels = open_photo(png(np.array([[7, 8]]) * scale, depth, 0, struct.pack(">H", 7 * scale))).pixels
    assert pixels[0, :, 0].tolist() == [255, 8]


def test_transparent_colour_is_white() -> None:
    pixels = open_photo(png(np.array([[[1, 2, 3], [4, 5, 6]]]), 8, 2, struct.pack(">3H", 1, 2, 3))).pixels
    assert pixels[0].tolist() == [[255, 255, 255], [4, 5, 6]]


# Animations and pages


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_the_first_frame_is_taken(encode: Encode, image_format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200))]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:])
    assert difference(open_photo(data).pixels, frames[0]) < 3


# Orientation

TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),  # a quarter turn clockwise, done by the viewer, brings it upright
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}
"""Orientation -> how the upright picture must be stored for a viewer to turn it back (EXIF 2.32, tag 274)."""


def stored(picture: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[274] = orientation
    return Image.fromarray(np.ascontiguousarray(TURNS[orientation](np.asarray(picture)))), exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_every_orientation_equals_the_upright_photo(
    picture: Image.Image, encode: Encode, orientation: int, image_format: str
) -> None:
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    image, exif = stored(picture, orientation)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}, "AVIF": {"quality": 95}}.get(image_format, {})
    photo = open_photo(encode(image, image_format, exif=exif, **options))
    assert (photo.width, photo.height) == (48, 32)
    assert difference(photo.pixels, picture) <= (3 if image_format in ("JPEG", "AVIF") else 0)


def test_orientation_of_a_compressed_tiff(picture: Image.Image, encode: Encode) -> None:
    image, exif = stored(picture, 6)
    photo = open_photo(encode(image, "TIFF", exif=exif, compression="tiff_lzw"))
    assert (photo.width, photo.height) == (48, 32)
    assert difference(photo.pixels, picture) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_at_reduced_scale(busy: Image.Image, encode: Encode, orientation: int) -> None:
    image, exif = stored(busy, orientation)
    photo = open_photo(encode(image, "JPEG", exif=exif, quality=95), smallest_side=150)
    assert (photo.width, photo.height) == busy.size
    assert photo.pixels.shape == (336, 448, 3)
    assert photo.metadata == {"mode": "RGB", "orientation": orientation, "reduction": 4}
    assert difference(photo.pixels, busy.resize((448, 336), Image.Resampling.BOX)) < 3


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_an_orientation_that_means_nothing_is_passed_over(picture: Image.Image, encode: Encode, value: int) -> None:
    exif = Image.Exif()
    exif[274] = value
    photo = open_photo(encode(picture, "PNG", exif=exif))
    assert photo.metadata["orientation"] == 1
    assert difference(photo.pixels, picture) == 0


# Size


@pytest.mark.parametrize("size", [(1, 1), (1, 60000), (60000, 1), (20000, 3), (3, 7)])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "TIFF"])
def test_single_pixels_and_long_strips(encode: Encode, size: tuple[int, int], image_format: str) -> None:
    photo = open_photo(encode(Image.new("RGB", size, (90, 120, 60)), image_format), smallest_side=224)
    assert (photo.width, photo.height) == size
    assert photo.pixels.shape == (size[1], size[0], 3)
    assert np.abs(prepare(photo, Preprocessing()).astype(int) - (90, 120, 60)).max() <= 2


@pytest.mark.parametrize("side", [1, 60, 100, 224, 300, 600, 5000])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_reduction_keeps_both_sides_twice_what_is_needed(
    busy: Image.Image, encode: Encode, side: int, image_format: str
) -> None:
    image = busy.crop((0, 0, 900, 700))
    photo = open_photo(encode(image, image_format), smallest_side=side)
    assert (photo.width, photo.height) == (900, 700)
    assert min(photo.pixels.shape[:2]) >= min(2 * side, 700)
    reduction = photo.metadata["reduction"]
    assert photo.pixels.shape[:2] == (-(-700 // reduction), -(-900 // reduction))


@pytest.mark.parametrize("resample", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("image_format", ["JPEG", "BMP"])
def test_the_model_sees_the_same_at_reduced_scale(
    busy: Image.Image, encode: Encode, resample: Any, image_format: str
) -> None:
    data = encode(busy, image_format)
    settings = Preprocessing(size=160, resample=resample)
    reduced = open_photo(data, smallest_side=160)
    assert reduced.metadata["reduction"] == 4
    there = np.abs(prepare(reduced, settings).astype(int) - prepare(open_photo(data), settings))
    assert there.mean() < 1
    assert there.max() <= 6


# Manners


def test_many_threads_get_what_one_gets(picture: Image.Image, encode: Encode) -> None:
    sources = [encode(picture.rotate(30 * turn), name) for turn in range(6) for name in ("JPEG", "PNG", "TIFF", "GIF")]
    alone = [open_photo(source).pixels for source in sources]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda source: open_photo(source).pixels, sources * 4))
    assert all(np.array_equal(pixels, alone[i % len(alone)]) for i, pixels in enumerate(together))
