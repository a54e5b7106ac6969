"""COCO captions in their official layout: read as they are, and what is wrong with them said in a line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pictell.data import load_dataset
from pictell.data.coco import load_coco
from pictell.errors import DataError

NAMES = {
    7: "COCO_train2014_000000000007.jpg",
    3: "COCO_train2014_000000000003.jpg",
    9: "COCO_train2014_000000000009.jpg",
}


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Three photos, the last of which has no captions."""
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2014").mkdir()
    for name in NAMES.values():
        (folder / "train2014" / name).write_bytes(b"")
    write(
        folder,
        {
            "info": {"year": 2014},
            "images": [{"id": number, "file_name": name, "width": 1} for number, name in NAMES.items()],
            "annotations": [
                {"id": 1, "image_id": 3, "caption": "A cat sleeps.\n"},
                {"id": 2, "image_id": 7, "caption": "A dog runs."},
                {"id": 3, "image_id": 3, "caption": "Two cats."},
            ],
        },
    )
    return folder


def write(folder: Path, content: Any) -> None:
    (folder / "annotations/captions_train2014.json").write_text(json.dumps(content), encoding="utf-8")


def refused(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load_dataset(f"coco:{folder}", "train2014")
    assert str(folder) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_photos_with_captions_in_the_order_of_the_file(coco: Path) -> None:
    photos = load_dataset(f"coco:{coco}", "train2014")
    assert [photo.id for photo in photos] == [NAMES[7], NAMES[3]]
    assert [photo.captions for photo in photos] == [("A dog runs.",), ("A cat sleeps.", "Two cats.")]
    assert all(photo.path.is_file() for photo in photos)


@pytest.mark.parametrize("part", ["annotations/captions_train2014.json", "train2014"])
def test_a_missing_part_is_named(coco: Path, part: str) -> None:
    path = coco / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    error = refused(coco)
    assert error.kind == "missing"
    assert part in error.message


def test_a_missing_photo_is_named(coco: Path) -> None:
    (coco / "train2014" / NAMES[3]).unlink()
    assert NAMES[3] in refused(coco).message


@pytest.mark.parametrize(
    "content",
    [
        [],
        3,
        {},
        {"images": []},
        {"annotations": None, "images": []},
        {"annotations": [{"image_id": 3}], "images": []},
        {"annotations": [{"image_id": "x", "caption": "A cat."}], "images": []},
        {"annotations": [{"image_id": float("inf"), "caption": "A cat."}], "images": []},
        {"annotations": [], "images": [{"id": 3}]},
    ],
)
def test_another_json_file_is_refused(coco: Path, content: Any) -> None:
    write(coco, content)
    error = refused(coco)
    assert error.kind == "layout"
    assert "captions_train2014.json" in error.message


def test_a_file_that_is_no_json_is_refused(coco: Path) -> None:
    path = coco / "annotations/captions_train2014.json"
    for content in (b"", path.read_bytes()[:50], b"\xff\xfe"):
        path.write_bytes(content)
        assert refused(coco).kind == "layout"
    path.unlink()
    path.mkdir()
    assert refused(coco).kind == "layout"


def test_an_unknown_split_is_refused(coco: Path) -> None:
    with pytest.raises(DataError, match="val2017") as caught:
        load_coco(coco, "test2014")
    assert caught.value.kind == "unknown-split"


def test_coco_2017_is_read_and_its_photos_are_those_of_2014(coco: Path) -> None:
    (coco / "val2017").mkdir()
    (coco / "val2017/000000000007.jpg").touch()
    content = {
        "images": [{"id": 7, "file_name": "000000000007.jpg", "coco_url": "", "date_captured": "2013-11-14 17:02:52"}],
        "annotations": [{"id": 9, "image_id": 7, "caption": "A dog runs."}],
    }
    (coco / "annotations/captions_val2017.json").write_text(json.dumps(content), encoding="utf-8")
    [photo] = load_dataset(f"coco:{coco}", "val2017")
    assert (photo.id, photo.path, photo.captions) == (
        "000000000007.jpg",
        coco / "val2017/000000000007.jpg",
        ("A dog runs.",),
    )
    same, other = load_dataset(f"coco:{coco}", "train2014")
    assert photo.key == same.key != other.key


@pytest.mark.shared
def test_the_real_data_set(shared_data: Path) -> None:
    assert len(load_coco(shared_data / "coco", "train2014")) == 5000
    photos = load_coco(shared_data / "coco", "val2014")
    assert len(photos) == 246
    assert all(len(photo.captions) >= 5 for photo in photos)
