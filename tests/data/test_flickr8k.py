"""Flickr8k in its official layout: read as it is, and what is wrong with it said in a line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pictell.data import load_dataset
from pictell.data.flickr8k import CAPTIONS, PHOTOS, SPLITS
from pictell.errors import DataError


def refused(folder: Path, split: str = "train") -> DataError:
    with pytest.raises(DataError) as caught:
        load_dataset(f"flickr8k:{folder}", split)
    assert str(folder) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_splits_come_in_the_order_of_their_lists(flickr8k: Path) -> None:
    photos = load_dataset(f"flickr8k:{flickr8k}", "train")
    assert [photo.id for photo in photos] == ["2_ab.jpg", "0_ab.jpg", "1_ab.jpg"]
    assert photos[0].captions == ("A dog number 2 runs , caption 0 .", "A dog number 2 runs , caption 1 .")
    assert all(photo.path.is_file() for photo in photos)
    assert [photo.id for photo in load_dataset(f"flickr8k:{flickr8k}", "dev")] == ["3_ab.jpg"]
    assert [photo.id for photo in load_dataset(f"flickr8k:{flickr8k}", "test")] == ["4_ab.jpg"]


@pytest.mark.parametrize("part", [PHOTOS, CAPTIONS, SPLITS["train"]])
def test_a_missing_part_is_named(flickr8k: Path, part: str) -> None:
    path = flickr8k / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    error = refused(flickr8k)
    assert error.kind == "missing"
    assert part in error.message


def test_a_part_that_is_something_else_is_named(flickr8k: Path) -> None:
    (flickr8k / CAPTIONS).write_bytes(b"0_ab.jpg#0\t\xff\xfe\n")
    assert CAPTIONS in refused(flickr8k).message
    (flickr8k / CAPTIONS).unlink()
    (flickr8k / CAPTIONS).mkdir()
    assert CAPTIONS in refused(flickr8k).message


@pytest.mark.parametrize("line", ["no tab at all", "0_ab.jpg\tno number", "0_ab.jpg#0 a space instead"])
def test_a_malformed_line_is_named_with_its_number(flickr8k: Path, line: str) -> None:
    lines = (flickr8k / CAPTIONS).read_text(encoding="utf-8").splitlines()
    (flickr8k / CAPTIONS).write_text("\n".join([*lines[:4], "", line, *lines[4:]]), encoding="utf-8")
    error = refused(flickr8k)
    assert error.kind == "layout"
    assert "line 6:" in error.message


def test_a_caption_may_hold_any_character(flickr8k: Path) -> None:
    with (flickr8k / CAPTIONS).open("a", encoding="utf-8") as file:
        file.write("0_ab.jpg#2\tA dog\u2028runs\x0b# on\x85 a\ttable #1 .\r\n")
    found = next(photo for photo in load_dataset(f"flickr8k:{flickr8k}", "train") if photo.id == "0_ab.jpg")
    assert found.captions[2] == "A dog\u2028runs\x0b# on\x85 a\ttable #1 ."


def test_a_missing_photo_and_missing_captions_are_named(flickr8k: Path) -> None:
    (flickr8k / PHOTOS / "0_ab.jpg").unlink()
    assert "1 photos of the train split" in refused(flickr8k).message
    assert "0_ab.jpg" in refused(flickr8k).message
    with (flickr8k / SPLITS["dev"]).open("a", encoding="utf-8") as file:
        file.write("unheard-of.jpg\n")
    assert "unheard-of.jpg" in refused(flickr8k, "dev").message


def test_unknown_names_are_refused(flickr8k: Path) -> None:
    with pytest.raises(DataError, match="train, dev, test") as caught:
        load_dataset(f"flickr8k:{flickr8k}", "validation")
    assert caught.value.kind == "unknown-split"
    for name in ("flickr8k", str(flickr8k), "flickr9k:there", ""):
        with pytest.raises(DataError, match="KIND:FOLDER") as caught:
            load_dataset(name, "train")
        assert caught.value.kind == "unknown-data"


@pytest.mark.shared
def test_the_real_data_set(shared_data: Path) -> None:
    name = f"flickr8k:{shared_data / 'flickr8k'}"
    splits = {split: load_dataset(name, split) for split in ("train", "dev", "test")}
    assert {split: len(photos) for split, photos in splits.items()} == {"train": 6000, "dev": 1000, "test": 1000}
    assert all(len(photo.captions) == 5 for photos in splits.values() for photo in photos)
    assert len({photo.id for photos in splits.values() for photo in photos}) == 8000
