"""VizWiz-Captions: what the set itself withdrew is neither trained on nor scored against, and is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.data import load_dataset
from pictell.data.vizwiz import load_vizwiz
from pictell.errors import DataError

Refused = Callable[[str, str], DataError]
NAMES = [f"VizWiz_val_{number:08}.jpg" for number in range(3)]
POOR = "Quality issues are too severe to recognize visual content."
# Photo, caption, rejected, precanned.
CAPTIONS = [
    (0, "A computer screen shows a repair prompt.", False, False),
    (0, POOR, False, True),
    (0, "spam", True, False),
    (1, POOR, False, True),
    (1, POOR, True, True),
    (2, "A can of beans.", False, False),
]


@pytest.fixture
def vizwiz(tmp_path: Path) -> Path:
    folder = tmp_path / "vizwiz"
    for part in ("annotations", "val"):
        (folder / part).mkdir(parents=True)
    for name in NAMES:
        (folder / "val" / name).touch()
    write(
        folder,
        [
            {"caption": c, "image_id": i, "is_precanned": p, "is_rejected": r, "id": k, "text_detected": True}
            for k, (i, c, r, p) in enumerate(CAPTIONS)
        ],
    )
    return folder


def write(folder: Path, annotations: Any) -> None:
    images = [
        {"file_name": name, "vizwiz_url": f"https://ivc.ischool.utexas.edu/{name}", "id": k, "text_detected": True}
        for k, name in enumerate(NAMES)
    ]
    content = {"info": {}, "images": images, "annotations": annotations}
    (folder / "annotations/val.json").write_text(json.dumps(content))


def test_withdrawn_captions_are_left_out_and_counted(vizwiz: Path) -> None:
    said: list[str] = []
    photos = load_dataset(f"vizwiz:{vizwiz}", "val", say=said.append)
    assert [(photo.id, photo.captions) for photo in photos] == [
        (NAMES[0], (CAPTIONS[0][1],)),
        (NAMES[2], (CAPTIONS[5][1],)),
    ]
    assert [photo.rejected for photo in load_vizwiz(vizwiz, "val")] == [2, 2, 0]
    [line] = said
    assert "1 photos of the val split, whose captions the set itself withdrew" in line


@pytest.mark.parametrize("part", ["annotations/val.json", "val"])
def test_a_missing_part_is_named(vizwiz: Path, part: str, refused: Refused) -> None:
    (vizwiz / part).rename(vizwiz / "elsewhere")
    error = refused(f"vizwiz:{vizwiz}", "val")
    assert error.kind == "missing"
    assert f"{part} is missing (https://vizwiz.org" in error.message


def test_the_test_split_has_no_captions(vizwiz: Path) -> None:
    with pytest.raises(DataError, match="train, val") as caught:
        load_dataset(f"vizwiz:{vizwiz}", "test")
    assert caught.value.kind == "unknown-split"


def test_captions_of_another_set_are_refused(vizwiz: Path, refused: Refused) -> None:
    write(vizwiz, [{"caption": "A dog.", "image_id": 0, "id": 1}])
    error = refused(f"vizwiz:{vizwiz}", "val")
    assert (error.kind, "is_rejected" in error.message) == ("layout", True)
