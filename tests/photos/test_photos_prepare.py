from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pictell.errors import BundleError
from pictell.photos import Preprocessing, open_photo, open_prepared, prepare
from pictell.types import Photo


def photo_of(pixels: Any) -> Photo:
    return Photo(np.asarray(pixels, dtype=np.uint8), pixels.shape[1], pixels.shape[0], "PNG")


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    size=st.integers(1, 60),
    resample=st.sampled_from(["bilinear", "bicubic", "lanczos"]),
    level=st.integers(0, 255),
)
def test_an_even_photo_stays_even_at_any_size(width: int, height: int, size: int, resample: Any, level: int) -> None:
    pixels = prepare(photo_of(np.full((height, width, 3), level)), Preprocessing(size, "squash", resample))
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == level).all()


def test_a_square_of_the_right_size_is_not_resampled() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for resample in ("bilinear", "bicubic", "lanczos"):
        assert np.array_equal(prepare(photo_of(noise), Preprocessing(64, "squash", resample)), noise)


def test_the_result_is_the_callers_to_change() -> None:
    for side in (8, 16):
        photo = photo_of(np.zeros((8, 8, 3), dtype=np.uint8))
        pixels = prepare(photo, Preprocessing(side))
        pixels[:] = 9
        assert photo.pixels.max() == 0


def test_squash_keeps_every_corner() -> None:
    corners = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], dtype=np.uint8)
    wide = np.asarray(Image.fromarray(corners).resize((400, 100), Image.Resampling.NEAREST))
    pixels = prepare(photo_of(wide), Preprocessing(50))
    for row in (0, 1):
        for column in (0, 1):
            assert np.array_equal(pixels[-row, -column], corners[row, column])


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    for resample in ("bilinear", "bicubic", "lanczos"):
        inner = prepare(photo_of(stripes), Preprocessing(40, "squash", resample))[:, 2:-2].astype(int)
        assert np.abs(inner - 128).max() <= 4


def test_settings_survive_json() -> None:
    settings = Preprocessing(192, "squash", "bilinear")
    assert Preprocessing.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert Preprocessing.from_json({}) == Preprocessing()
    assert Preprocessing.from_json({"size": 99, "of a newer version": [1]}) == Preprocessing(99)


@pytest.mark.parametrize(
    "bad",
    [{"size": 0}, {"size": -1}, {"size": 2.5}, {"size": "224"}, {"size": True}, {"fit": "stretch"}, {"resample": []}],
)
def test_settings_that_cannot_be(bad: dict[str, Any]) -> None:
    with pytest.raises(BundleError) as caught:
        Preprocessing.from_json(bad)
    assert caught.value.kind == "bad-preprocessing"
    assert next(iter(bad)) in caught.value.message
    with pytest.raises(ValueError, match=next(iter(bad))):
        Preprocessing(**bad)


def test_a_crop_keeps_the_middle() -> None:
    """The shorter side becomes `short_side` pixels, and the square in the middle is what is seen."""
    for width, height in ((120, 80), (80, 120), (80, 80), (41, 300)):
        across, down = np.meshgrid(np.arange(width), np.arange(height))
        pixels = np.stack([across * 255 // width, down * 255 // height, np.zeros_like(down)], axis=2).astype(np.uint8)
        photo = Photo(pixels, width, height, "array")
        wanted = Preprocessing(size=32, fit="crop", resample="bilinear", short_side=40)
        seen = prepare(photo, wanted)
        assert seen.shape == (32, 32, 3)
        scale = 40 / min(width, height)
        whole = Image.fromarray(pixels).resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)
        left, top = (whole.width - 32) // 2, (whole.height - 32) // 2
        expected = np.asarray(whole.crop((left, top, left + 32, top + 32)), np.int64)
        assert np.abs(seen - expected).max() <= 6
        assert Preprocessing.from_json(wanted.to_json()) == wanted
        assert wanted.smallest_side == 40


def test_a_long_strip_is_no_burden() -> None:
    strip = np.zeros((4, 100_000, 3), np.uint8)
    assert prepare(Photo(strip, 100_000, 4, "array"), Preprocessing(size=224, fit="crop", short_side=256)).shape == (
        224,
        224,
        3,
    )


@pytest.mark.parametrize(
    "settings", [{"short_side": 300}, {"fit": "crop", "short_side": 100}, {"fit": "crop", "short_side": 300.0}]
)
def test_a_short_side_is_for_a_crop_and_no_less_than_it(settings: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="short_side"):
        Preprocessing.from_json(settings)


def test_what_was_written_before_is_written_still() -> None:
    assert Preprocessing(size=96).to_json() == {"size": 96, "fit": "squash", "resample": "bicubic"}


@pytest.mark.parametrize("fit", ["squash", "crop"])
@pytest.mark.parametrize(
    ("image_format", "options"),
    [("JPEG", {}), ("JPEG", {"exif": True}), ("PNG", {}), ("WEBP", {}), ("TIFF", {"exif": True}), ("GIF", {})],
)
def test_what_is_opened_and_prepared_at_once_is_the_same_to_the_byte(
    busy: Image.Image, encode: Callable[..., bytes], image_format: str, options: dict[str, Any], fit: Any
) -> None:
    """Large enough for reduced decoding, turned by EXIF, with a palette, and already of the size."""
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {**options, "exif": exif} if options else options
    for size in ((1792, 1344), (200, 90), (96, 96)):
        data = encode(busy.resize(size), image_format, **options)
        wanted = Preprocessing(96, fit)
        apart = prepare(open_photo(data, smallest_side=96), wanted)
        at_once = open_prepared(io.BytesIO(data), wanted)
        assert np.array_equal(at_once, apart)
        assert at_once.flags.writeable
