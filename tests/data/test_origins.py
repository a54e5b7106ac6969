"""A photo is known again in another data set, and photos that merely have equal names are not taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pictell.data import CaptionedPhoto, load_dataset
from pictell.data.origins import coco_origin, flickr_origin


@pytest.mark.parametrize(
    ("name", "coco", "flickr"),
    [
        ("COCO_val2014_000000391895.jpg", "coco/391895", ""),
        ("1000268201_693b08cb0e.jpg", "", "flickr/1000268201"),
        ("1000092795.jpg", "", "flickr/1000092795"),
        ("photo.jpg", "", ""),
        ("1_ab.jpg", "", ""),
        ("", "", ""),
    ],
)
def test_names_of_photos(name: str, coco: str, flickr: str) -> None:
    assert (coco_origin(name), flickr_origin(name)) == (coco, flickr)


def test_the_photos_of_2014_and_2017_are_the_same() -> None:
    assert coco_origin("000000391895.jpg") == coco_origin("COCO_train2014_000000391895.jpg") == "coco/391895"


def test_without_an_origin_photos_are_the_same_if_their_paths_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = (CaptionedPhoto("1.jpg", tmp_path / place / "1.jpg", ()) for place in ("a", "b"))
    assert one.key != other.key
    assert one.key == CaptionedPhoto("again", tmp_path / "a/../a/1.jpg", ("A dog.",)).key


@pytest.mark.shared
def test_the_real_flickr8k_has_a_number_for_each_photo(shared_data: Path) -> None:
    photos = [
        p for split in ("train", "dev", "test") for p in load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", split)
    ]
    assert all(photo.origin.startswith("flickr/") for photo in photos)
    assert len({photo.key for photo in photos}) == 8000
