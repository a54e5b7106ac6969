"""Visual Genome: a photo with its region phrases, in splits that depend on its number alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.data import load_dataset
from pictell.data.visual_genome import split_of
from pictell.errors import DataError

Refused = Callable[[str, str], DataError]
# Number, folder, COCO's number, Flickr's.
PHOTOS = [
    (2, "VG_100K", None, None),
    (1, "VG_100K_2", None, None),
    (20, "VG_100K", 391895, 123),
    (21, "VG_100K", None, 77),
]


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    folder = tmp_path / "visual-genome"
    for _, place, *_ in PHOTOS:
        (folder / place).mkdir(parents=True, exist_ok=True)
    for number, place, *_ in PHOTOS:
        (folder / place / f"{number}.jpg").touch()
    write(folder, "region_descriptions", [regions(number) for number, *_ in PHOTOS])
    images = [
        {
            "width": 800,
            "url": f"https://cs.stanford.edu/people/rak248/{place}/{number}.jpg",
            "height": 600,
            "image_id": number,
            "coco_id": coco,
            "flickr_id": flickr,
        }
        for number, place, coco, flickr in PHOTOS
    ]
    write(folder, "image_data", images)
    return folder


def regions(number: int) -> dict[str, Any]:
    phrases = [f"the clock of {number} is green", "shade is along the street ", "shade is along the street"]
    box = {"width": 82, "height": 139, "image_id": number, "y": 57, "x": 421}
    return {"regions": [{"region_id": k, "phrase": text, **box} for k, text in enumerate(phrases)], "id": number}


def write(folder: Path, name: str, content: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_phrases_are_captions(genome: Path) -> None:
    [photo] = load_dataset(f"visual-genome:{genome}", "train")
    assert (photo.id, photo.path) == ("2.jpg", genome / "VG_100K/2.jpg")
    assert photo.captions == ("the clock of 2 is green", "shade is along the street")
    photos = load_dataset(f"visual-genome:{genome}", "test")
    assert [photo.path for photo in photos] == [genome / "VG_100K_2/1.jpg", genome / "VG_100K/21.jpg"]
    assert [photo.key for photo in photos] == ["visual-genome/1", "flickr/77"]
    assert [photo.key for photo in load_dataset(f"visual-genome:{genome}", "val")] == ["coco/391895"]


def test_splits_cover_all_numbers() -> None:
    splits = [split_of(number) for number in range(1000)]
    assert {split: splits.count(split) for split in set(splits)} == {"train": 900, "val": 50, "test": 50}


def test_photos_without_regions_are_left_out(genome: Path) -> None:
    write(genome, "region_descriptions", [{"regions": [], "id": 1}, regions(21)])
    assert [photo.id for photo in load_dataset(f"visual-genome:{genome}", "test")] == ["21.jpg"]


def test_the_first_version_names_the_photo_otherwise(genome: Path) -> None:
    whole = load_dataset(f"visual-genome:{genome}", "test")
    entries = [regions(number) for number, *_ in PHOTOS]
    write(genome, "region_descriptions", [{"regions": e["regions"], "image_id": e["id"]} for e in entries])
    assert load_dataset(f"visual-genome:{genome}", "test") == whole


@pytest.mark.parametrize("part", ["region_descriptions.json", "image_data.json", "VG_100K", "VG_100K_2"])
def test_a_missing_part_is_named(genome: Path, part: str, refused: Refused) -> None:
    (genome / part).rename(genome / "elsewhere")
    error = refused(f"visual-genome:{genome}", "train")
    assert error.kind == "missing"
    assert f"{part} is missing (https://" in error.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("region_descriptions", [{"regions": [3], "id": 2}]),
        ("region_descriptions", [{"regions": [{"x": 1}], "id": 2}]),
        ("region_descriptions", [{"id": 2}]),
        ("region_descriptions", ["regions"]),
        ("image_data", {}),
        ("image_data", [{"image_id": 2}]),
        ("image_data", [{"image_id": 2, "url": "2.jpg"}]),
        ("image_data", [{"image_id": 1, "url": "https://x/VG_100K/1.jpg"}]),
    ],
)
def test_other_files_are_refused(genome: Path, name: str, content: Any, refused: Refused) -> None:
    write(genome, name, content)
    error = refused(f"visual-genome:{genome}", "train")
    assert error.kind == "layout"
    assert f"{name}.json" in error.message
