"""What `pictell data check` finds: everything that was planted, and nothing where nothing was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pictell.data import DATASETS
from pictell.data.check import SPLITS as GROUPS
from pictell.data.check import DataReport, Pair, check, look_into, read_splits
from pictell.data.flickr8k import CAPTIONS, PHOTOS, SPLITS
from pictell.errors import DataError
from pictell.metrics.statistics import Range

Picture = Callable[..., NDArray[np.uint8]]


def report(folder: Path, *splits: str, photos: bool = False) -> DataReport:
    found = read_splits(f"flickr8k:{folder}", splits)
    return check(found, look_into(found) if photos else None)


def test_a_sound_data_set_has_no_problems(flickr8k: Path) -> None:
    found = report(flickr8k, photos=True)
    assert list(found.problems()) == []
    assert list(found.splits) == ["train", "dev", "test"]
    train = found.splits["train"]
    assert (train.photos, train.captions, train.each) == (3, 6, Range(2, 2.0, 2))
    # a, dog, number, 0, 1, 2, runs, caption; seven words each
    assert (train.words, train.length) == (8, Range(7, 7.0, 7))
    assert (found.absent, found.shared) == ({}, [])
    assert found.contents is not None
    assert report(flickr8k).contents is None


def test_each_problem_is_told_once(flickr8k: Path, picture: Picture) -> None:
    photos = flickr8k / PHOTOS
    (photos / "0_ab.jpg").unlink()  # told as missing, not as unreadable too
    (photos / "1_ab.jpg").write_bytes(b"no picture")
    Image.fromarray(picture(3)).resize((200, 150)).save(photos / "6_ab.jpg", quality=60)  # that of dev
    with (flickr8k / CAPTIONS).open("a", encoding="utf-8") as file:
        file.write("6_ab.jpg#0\tA dog runs .\n2_ab.jpg#2\t\n")
    with (flickr8k / SPLITS["test"]).open("a", encoding="utf-8") as file:
        file.write("2_ab.jpg\n6_ab.jpg\n6_ab.jpg\n")
    found = report(flickr8k, photos=True)
    assert found.splits["test"].photos == 4
    assert found.splits["train"].captions == 6, "the empty one does not count"
    problems = list(found.problems())
    for line in (
        "1 photos of the train split are not on disk, first 0_ab.jpg",
        "1 photos of the train split have an empty caption, first 2_ab.jpg",
        "1 photos of the test split have an empty caption, first 2_ab.jpg",
        "1 photos of the test split have the id of another one, first 6_ab.jpg",
        "1 photos of the train split are in the test split too, first 2_ab.jpg",
    ):
        assert problems.count(line) == 1
        problems.remove(line)
    [unreadable, *alike] = problems
    assert unreadable.startswith("1 photos of the train split cannot be opened, first ")
    assert "1_ab.jpg" in unreadable
    assert alike == ["1 photos of the dev split look like photos of the test split, first 3_ab.jpg and 6_ab.jpg"]
    assert found.shared == [Pair(("train", "test"), ("2_ab.jpg", "2_ab.jpg"))]


def test_without_looking_into_files_what_they_hold_is_not_told(flickr8k: Path) -> None:
    (flickr8k / PHOTOS / "1_ab.jpg").write_bytes(b"no picture")
    assert list(report(flickr8k).problems()) == []
    assert list(report(flickr8k, photos=True).problems()) != []


def test_only_the_named_splits(flickr8k: Path) -> None:
    (flickr8k / PHOTOS / "0_ab.jpg").unlink()
    assert list(report(flickr8k, "dev").splits) == ["dev"]
    assert list(report(flickr8k, "dev", "dev").problems()) == [], "a split has no photo in common with itself"
    with pytest.raises(DataError) as caught:
        report(flickr8k, "dev", "validation")
    assert caught.value.kind == "unknown-split"


def test_an_absent_split_is_no_problem_unless_it_was_named(flickr8k: Path) -> None:
    (flickr8k / SPLITS["test"]).unlink()
    found = report(flickr8k)
    assert (list(found.splits), list(found.problems())) == (["train", "dev"], [])
    assert SPLITS["test"] in found.absent["test"]
    with pytest.raises(DataError, match="testImages"):
        report(flickr8k, "test")
    shutil.rmtree(flickr8k / PHOTOS)
    with pytest.raises(DataError, match=PHOTOS):
        report(flickr8k)


def test_a_file_in_another_layout_is_no_absent_split(flickr8k: Path) -> None:
    (flickr8k / SPLITS["test"]).write_bytes(b"\xff\xfe")
    with pytest.raises(DataError) as caught:
        report(flickr8k)
    assert caught.value.kind == "layout"


def test_a_split_without_photos_is_a_problem(flickr8k: Path) -> None:
    (flickr8k / SPLITS["test"]).write_text("\n")
    found = report(flickr8k, photos=True)
    assert list(found.problems()) == ["the test split has no photos"]
    assert (found.splits["test"].each, found.splits["test"].length) == (None, None)


def test_every_photo_is_counted_while_looking(flickr8k: Path) -> None:
    (flickr8k / PHOTOS / "0_ab.jpg").unlink()
    ticks: list[None] = []
    look_into(read_splits(f"flickr8k:{flickr8k}"), lambda: ticks.append(None))
    assert len(ticks) == 5


def test_the_years_of_coco_share_photos_rightly(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    for split, name in (("val2014", "COCO_val2014_000000000042.jpg"), ("train2017", "000000000042.jpg")):
        (tmp_path / split).mkdir()
        (tmp_path / split / name).touch()
        content = {
            "images": [{"id": 42, "file_name": name}],
            "annotations": [{"id": 1, "image_id": 42, "caption": "A shoe rack."}],
        }
        (tmp_path / f"annotations/captions_{split}.json").write_text(json.dumps(content))
    found = check(read_splits(f"coco:{tmp_path}"))
    assert (list(found.splits), found.shared) == (["val2014", "train2017"], [])
    named = check(read_splits(f"coco:{tmp_path}", ["val2014", "train2017"]))
    assert named.shared == [Pair(("val2014", "train2017"), ("COCO_val2014_000000000042.jpg", "000000000042.jpg"))]


def test_all_kinds_but_unknown_ones_have_their_splits(tmp_path: Path) -> None:
    assert set(GROUPS) <= set(DATASETS)
    with pytest.raises(DataError, match="KIND:FOLDER"):
        read_splits(f"nope:{tmp_path}")


@pytest.mark.shared
def test_the_real_data_sets(shared_data: Path) -> None:
    for kind, counts in (("flickr8k", [6000, 1000, 1000]), ("coco", [5000, 246])):
        found = check(read_splits(f"{kind}:{shared_data / kind}"))
        assert [split.photos for split in found.splits.values()] == counts
        assert list(found.problems()) == []
