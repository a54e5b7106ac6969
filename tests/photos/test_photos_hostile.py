"""Small valid files of every format, cut and altered: always a photo or one clear refusal, never a warning."""

from __future__ import annotations

import io
import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from pictell.errors import PhotoError
from pictell.photos import open_photo

KINDS = {
    "missing-extra",
    "empty",
    "not-a-photo",
    "unsupported-format",
    "truncated",
    "damaged",
    "too-large",
}


def samples() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (9, 13, 3), dtype=np.uint8))
    frames = [noise.rotate(90 * turn) for turn in (1, 2)]
    deep = Image.fromarray(np.asarray(noise.convert("L")).astype(np.uint16) * 200)
    exif = Image.Exif()
    exif[274] = 6
    exif[271] = "maker"
    written = [
        (noise, "JPEG", {"exif": exif}),
        (noise, "JPEG", {"progressive": True}),
        (noise.convert("CMYK"), "JPEG", {}),
        (noise, "PNG", {"exif": exif}),
        (noise.quantize(8), "PNG", {"transparency": 3}),
        (noise, "PNG", {"save_all": True, "append_images": frames}),
        (deep, "PNG", {}),
        (noise, "GIF", {"save_all": True, "append_images": frames}),
        (noise, "WEBP", {"exif": exif}),
        (noise, "WEBP", {"save_all": True, "append_images": frames, "lossless": True}),
        (noise, "BMP", {}),
        (noise.quantize(9), "BMP", {}),
        (noise, "TIFF", {"exif": exif}),
        (noise.convert("F"), "TIFF", {}),
        (noise, "TIFF", {"compression": "tiff_lzw"}),
        (noise, "PPM", {}),
        (noise.convert("1"), "PPM", {}),
    ]
    if features.check("avif"):
        written.append((noise, "AVIF", {}))
    files = []
    for image, image_format, options in written:
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        files.append(buffer.getvalue())
    return files


SAMPLES = samples()

# Half of the changes fall in the first bytes, where sizes and kinds are written.
places = st.one_of(st.integers(0, 80), st.integers(0, 2000))
changes = st.lists(
    st.tuples(
        places, st.sampled_from(["set", "insert", "delete"]), st.sampled_from([0, 1, 127, 255]) | st.integers(0, 255)
    ),
    max_size=6,
)


def altered(data: bytes, edits: list[tuple[int, str, int]], kept: float) -> bytes:
    changed = bytearray(data)
    for place, edit, value in edits:
        at = place % max(1, len(changed))
        if edit == "set" and changed:
            changed[at] = value
        elif edit == "insert":
            changed[at:at] = bytes([value]) * (1 + value % 5)
        elif edit == "delete":
            del changed[at : at + 1 + value % 5]
    return bytes(changed[: round(len(changed) * kept)])


def holds(data: bytes, side: int | None = None) -> None:
    """A photo or a refusal: either outcome is right, each with its own promise."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            photo = open_photo(data, max_pixels=1_000_000, smallest_side=side)
        except PhotoError as error:
            refusal = error
        else:
            assert photo.pixels.dtype == np.uint8
            assert photo.pixels.ndim == 3
            assert photo.pixels.shape[2] == 3
            assert 0 < photo.pixels.size <= 3 * photo.width * photo.height <= 3_000_000
            return
    assert refusal.kind in KINDS
    assert refusal.message.isprintable()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.sampled_from(SAMPLES),
    edits=changes,
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
    side=st.sampled_from([None, 1, 224]),
)
def test_altered_files(data: bytes, edits: list[tuple[int, str, int]], kept: float, side: int | None) -> None:
    holds(altered(data, edits, kept), side)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", *(data[:12] for data in SAMPLES)]))
def test_noise_after_a_signature(noise: bytes, signature: bytes) -> None:
    holds(signature + noise)


def test_damaged_exif_does_not_cost_the_photo() -> None:
    rng = np.random.default_rng(5)
    exif = Image.Exif()
    exif[274] = 6
    exif[271] = "maker"
    exif[282] = 72.0
    sound = exif.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(60):
            damaged = bytearray(sound)
            for at in rng.integers(6, len(sound), 4):
                damaged[at] = rng.integers(256)
            buffer = io.BytesIO()
            Image.new("RGB", (6, 4)).save(buffer, "JPEG", exif=bytes(damaged[: rng.integers(8, len(sound) + 1)]))
            assert sorted(open_photo(buffer.getvalue()).pixels.shape) == [3, 4, 6]
