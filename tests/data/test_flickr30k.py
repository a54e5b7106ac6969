"""Flickr30k as published and as Kaggle has it, with either list of splits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pictell.data import CaptionedPhoto, load_dataset
from pictell.errors import DataError

Refused = Callable[[str, str], DataError]
NAMES = ["1000092795.jpg", "10002456.jpg", "2199200615.jpg"]
CAPTIONS = {name: [f'Two "young" guys , {k} | of them , by {name} .' for k in range(5)] for name in NAMES}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """As published, with the lists of Flickr30k Entities."""
    folder = tmp_path / "flickr30k"
    make_photos(folder / "flickr30k-images")
    lines = [f"{name}#{k}\t{text}\n" for name in NAMES for k, text in enumerate(CAPTIONS[name])]
    (folder / "results_20130124.token").write_text("".join(lines), encoding="utf-8")
    for split, name in zip(("train", "val", "test"), NAMES, strict=True):
        (folder / f"{split}.txt").write_text(f"{name.removesuffix('.jpg')}\n")
    return folder


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """As Kaggle has it, the broken row included, with Karpathy's splits."""
    folder = tmp_path / "flickr30k_images"
    make_photos(folder / "flickr30k_images")
    rows = [f"{name}| {k}| {text}\n" for name in NAMES for k, text in enumerate(CAPTIONS[name])]
    rows[-1] = f"{NAMES[2]}| 4   A dog runs across the grass .\n"
    (folder / "results.csv").write_text("image_name| comment_number| comment\n" + "".join(rows), encoding="utf-8")
    images = [
        {"filename": name, "split": split, "imgid": number, "sentids": [], "sentences": []}
        for number, (name, split) in enumerate(zip(NAMES, ("val", "train", "train"), strict=True))
    ]
    (folder / "dataset_flickr30k.json").write_text(json.dumps({"images": images, "dataset": "flickr30k"}))
    return folder


def make_photos(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).touch()


def load(folder: Path, split: str) -> list[CaptionedPhoto]:
    return load_dataset(f"flickr30k:{folder}", split)


def test_as_published(published: Path) -> None:
    for split, name in zip(("train", "val", "test"), NAMES, strict=True):
        [photo] = load(published, split)
        assert (photo.id, photo.path) == (name, published / "flickr30k-images" / name)
        assert photo.captions == tuple(CAPTIONS[name])
        assert photo.key == f"flickr/{name.removesuffix('.jpg')}"


def test_as_kaggle_has_it(kaggle: Path) -> None:
    first, second = load(kaggle, "train")
    assert (first.id, first.captions) == (NAMES[1], tuple(CAPTIONS[NAMES[1]]))
    assert second.captions == (*CAPTIONS[NAMES[2]][:4], "A dog runs across the grass .")
    assert [photo.id for photo in load(kaggle, "val")] == NAMES[:1]
    assert load(kaggle, "test") == []


def test_karpathys_splits_come_first(published: Path, kaggle: Path) -> None:
    (published / "dataset_flickr30k.json").write_bytes((kaggle / "dataset_flickr30k.json").read_bytes())
    assert [photo.id for photo in load(published, "train")] == NAMES[1:]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("flickr30k-images", "flickr30k-images or flickr30k_images"),
        ("results_20130124.token", "results_20130124.token or results.csv"),
        ("train.txt", "dataset_flickr30k.json or train.txt"),
    ],
)
def test_a_missing_part_is_named(published: Path, part: str, named: str, refused: Refused) -> None:
    (published / part).rename(published / "elsewhere")
    error = refused(f"flickr30k:{published}", "train")
    assert error.kind == "missing"
    assert f"{named} is missing (" in error.message


def test_a_photo_without_captions_is_named(published: Path, refused: Refused) -> None:
    (published / "results_20130124.token").write_text(f"{NAMES[1]}#0\tA dog .\n")
    error = refused(f"flickr30k:{published}", "train")
    assert error.kind == "uncaptioned"
    assert NAMES[0] in error.message


@pytest.mark.parametrize("row", ["no bar at all", f"{NAMES[0]}| no number", f"{NAMES[0]}|"])
def test_a_malformed_row_is_named_with_its_number(kaggle: Path, row: str, refused: Refused) -> None:
    path = kaggle / "results.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:2], "", row, *rows[2:]]))
    error = refused(f"flickr30k:{kaggle}", "train")
    assert error.kind == "layout"
    assert "results.csv, line 4:" in error.message


def test_an_unknown_split_is_refused(published: Path) -> None:
    with pytest.raises(DataError, match="train, val, test") as caught:
        load(published, "dev")
    assert caught.value.kind == "unknown-split"
