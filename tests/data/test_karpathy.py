"""Karpathy's splits: the file of each data set, its photos where that set has them, and splits put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.data import load_dataset
from pictell.errors import DataError

Refused = Callable[[str, str], DataError]

# As in dataset_coco.json: file name, folder, split.
COCO = [
    ("COCO_val2014_000000391895.jpg", "val2014", "test"),
    ("COCO_val2014_000000522418.jpg", "val2014", "restval"),
    ("COCO_train2014_000000057870.jpg", "train2014", "train"),
    ("COCO_val2014_000000184613.jpg", "val2014", "val"),
    ("COCO_val2014_000000060623.jpg", "val2014", "test"),
]


def entry(number: int, filename: str, split: str, **more: Any) -> dict[str, Any]:
    captions = [f"A man number {number} rides.", " Two  men ride "]
    sentences = [
        {"tokens": text.lower().split(), "raw": text, "imgid": number, "sentid": 2 * number + k}
        for k, text in enumerate(captions)
    ]
    sentids = [2 * number, 2 * number + 1]
    return {"sentids": sentids, "imgid": number, "sentences": sentences, "split": split, "filename": filename, **more}


def write(folder: Path, dataset: str, images: Any) -> None:
    (folder / f"dataset_{dataset}.json").write_text(json.dumps({"images": images, "dataset": dataset}))


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    folder = tmp_path / "coco"
    images = []
    for number, (filename, place, split) in enumerate(COCO):
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / filename).touch()
        images.append(entry(number, filename, split, filepath=place, cocoid=int(filename[-16:-4])))
    write(folder, "coco", images)
    return folder


def ids(folder: Path, split: str, kind: str = "coco-karpathy") -> list[str]:
    return [photo.id for photo in load_dataset(f"{kind}:{folder}", split)]


def test_splits_come_in_the_order_of_the_file(coco: Path) -> None:
    assert ids(coco, "test") == [COCO[0][0], COCO[4][0]]
    assert ids(coco, "val") == [COCO[3][0]]
    assert ids(coco, "train") == [COCO[2][0]]
    assert ids(coco, "restval") == [COCO[1][0]]
    assert ids(coco, "train+restval") == ids(coco, "restval+train") == [COCO[1][0], COCO[2][0]]
    photo = load_dataset(f"coco-karpathy:{coco}", "test")[1]
    assert photo.captions == ("A man number 4 rides.", "Two  men ride")
    assert (photo.path, photo.key) == (coco / "val2014" / photo.id, "coco/60623")


@pytest.mark.parametrize(
    ("dataset", "place", "name", "key"),
    [
        ("flickr8k", "Flicker8k_Dataset", "2513260012_03d33305cf.jpg", "flickr/2513260012"),
        ("flickr30k", "flickr30k-images", "1000092795.jpg", "flickr/1000092795"),
        ("flickr30k", "flickr30k_images", "1000092795.jpg", "flickr/1000092795"),
    ],
)
def test_the_flickr_sets(tmp_path: Path, dataset: str, place: str, name: str, key: str, refused: Refused) -> None:
    write(tmp_path, dataset, [entry(0, name, "train")])
    error = refused(f"{dataset}-karpathy:{tmp_path}", "train")
    assert error.kind == "missing"
    assert dataset.title()[:5] in error.message or "flickr30k" in error.message
    (tmp_path / place).mkdir()
    (tmp_path / place / name).touch()
    [photo] = load_dataset(f"{dataset}-karpathy:{tmp_path}", "train")
    assert (photo.id, photo.path, photo.key) == (name, tmp_path / place / name, key)
    with pytest.raises(DataError, match="it has train") as caught:
        load_dataset(f"{dataset}-karpathy:{tmp_path}", "train+restval")
    assert caught.value.kind == "unknown-split"


def test_the_same_photo_in_the_official_layout(coco: Path) -> None:
    (coco / "annotations").mkdir()
    content = {
        "images": [{"id": 57870, "file_name": COCO[2][0]}],
        "annotations": [{"id": 1, "image_id": 57870, "caption": "A table."}],
    }
    (coco / "annotations/captions_train2014.json").write_text(json.dumps(content))
    [official], [ours] = load_dataset(f"coco:{coco}", "train2014"), load_dataset(f"coco-karpathy:{coco}", "train")
    assert (official.id, official.path, official.key) == (ours.id, ours.path, ours.key)


def test_a_missing_part_is_named(coco: Path, refused: Refused) -> None:
    (coco / "val2014" / COCO[0][0]).unlink()
    assert COCO[0][0] in refused(f"coco-karpathy:{coco}", "test").message
    (coco / "dataset_coco.json").unlink()
    error = refused(f"coco-karpathy:{coco}", "test")
    assert error.kind == "missing"
    assert "dataset_coco.json is missing (https://" in error.message


@pytest.mark.parametrize("split", ["", "+", "train+", "dev", "train,val"])
def test_an_unknown_split_is_refused(coco: Path, split: str) -> None:
    with pytest.raises(DataError, match="train, restval, val, test") as caught:
        load_dataset(f"coco-karpathy:{coco}", split)
    assert caught.value.kind == "unknown-split"


@pytest.mark.parametrize(
    "images",
    [
        None,
        3,
        [3],
        [{}],
        [{"split": "train"}],
        [{"split": "train", "filename": "a.jpg", "filepath": "train2014"}],
        [{"split": "train", "filename": "a.jpg", "sentences": []}],
        [{"split": "train", "filename": "a.jpg", "filepath": 3, "sentences": [{"raw": "A dog."}]}],
        [{"split": "train", "filename": "a.jpg", "filepath": "train2014", "sentences": [{"tokens": []}]}],
    ],
)
def test_another_json_file_is_refused(coco: Path, images: Any, refused: Refused) -> None:
    write(coco, "coco", images)
    error = refused(f"coco-karpathy:{coco}", "train")
    assert error.kind == "layout"
    assert "dataset_coco.json" in error.message
