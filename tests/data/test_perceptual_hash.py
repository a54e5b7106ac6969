"""The same photo is found again whatever was done to the file; other photos are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pictell.data import load_dataset
from pictell.data.perceptual_hash import hash_files, near_duplicates, perceptual_hash

Picture = Callable[..., NDArray[np.uint8]]


def recompressed(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC),
    "larger": lambda image: image.resize((image.width * 2, image.height * 2), Image.Resampling.BILINEAR),
    "squashed": lambda image: image.resize((224, 224), Image.Resampling.BICUBIC),
    "recompressed": recompressed,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "all": lambda image: recompressed(ImageEnhance.Brightness(image.resize((80, 60))).enhance(0.9)),
}


def hashes(images: list[NDArray[np.uint8]]) -> NDArray[np.uint64]:
    return np.array([perceptual_hash(image) for image in images], np.uint64)


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_photo_is_found_and_no_other(picture: Picture, change: str) -> None:
    originals = [picture(seed) for seed in range(40)]
    changed = [np.asarray(CHANGES[change](Image.fromarray(image))) for image in originals]
    assert near_duplicates(hashes(changed), hashes(originals)) == [(number, number) for number in range(40)]


def test_a_mirrored_photo_is_another(picture: Picture) -> None:
    assert near_duplicates(hashes([picture(0)[:, ::-1]]), hashes([picture(0)])) == []


def test_pairs_are_those_within_the_distance() -> None:
    values = np.array([0, 0b111, 0xFFFFFFFFFFFFFFFF, 0b1111111], np.uint64)
    for distance in range(9):
        expected = [
            (i, j) for i in range(4) for j in range(4) if (int(values[i]) ^ int(values[j])).bit_count() <= distance
        ]
        assert near_duplicates(values, values, distance=distance) == expected
    none = np.zeros(0, np.uint64)
    assert near_duplicates(none, values) == near_duplicates(values, none) == []


def test_files_are_hashed_as_their_pixels(picture: Picture, tmp_path: Path) -> None:
    for seed in range(2):
        Image.fromarray(picture(seed)).save(tmp_path / f"{seed}.png")
    found = hash_files([tmp_path / "1.png", tmp_path / "0.png"])
    assert found.dtype == np.uint64
    assert found.tolist() == [perceptual_hash(picture(1)), perceptual_hash(picture(0))]
    assert len(hash_files([])) == 0


@pytest.mark.shared
def test_real_photos(shared_data: Path) -> None:
    photos = load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "dev")[:60]
    images = [Image.open(photo.path).convert("RGB") for photo in photos]
    own = hashes([np.asarray(image) for image in images])
    assert not [pair for pair in combinations(range(60), 2) if near_duplicates(own[[pair[0]]], own[[pair[1]]])]
    for change in CHANGES.values():
        found = near_duplicates(hashes([np.asarray(change(image)) for image in images]), own)
        assert len(set(found) & {(number, number) for number in range(60)}) >= 59
