"""`pictell data check`, on a small data set in Flickr8k's layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def flickr8k(photo: Callable[..., Path], tmp_path: Path) -> Path:
    """A photo in each of train and dev; there is no list of test photos."""
    folder = tmp_path / "flickr8k/Flickr8k_text"
    folder.mkdir(parents=True)
    lines = []
    for seed, split in enumerate(("train", "dev")):
        photo(f"flickr8k/Flicker8k_Dataset/{seed}.png", seed)
        lines += [f"{seed}.png#{k}\tA dog runs{' fast' * k} .\n" for k in range(2)]
        (folder / f"Flickr_8k.{split}Images.txt").write_text(f"{seed}.png\n")
    (folder / "Flickr8k.token.txt").write_text("".join(lines))
    return folder.parent


def test_a_sound_data_set(run: Any, flickr8k: Path) -> None:
    name = f"flickr8k:{flickr8k}"
    ran = run("data", "check", name, "--photos")
    assert (ran.code, ran.err) == (0, "")
    for text in (name, "train", "dev", "3..4 (3.50)", "not there: test"):
        assert text in ran.out
    ran = run("data", "check", name, "--photos", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["data"], found["problems"], list(found["absent"])) == (name, [], ["test"])
    assert found["splits"]["dev"]["captions"] == 2
    assert found["contents"] == {"unreadable": {"train": {}, "dev": {}}, "alike": []}
    assert json.loads(run("data", "check", name, "--json").out)["contents"] is None


def test_what_is_wrong_is_named_and_the_code_is_1(run: Any, flickr8k: Path) -> None:
    (flickr8k / "Flicker8k_Dataset/0.png").write_bytes(b"")
    name = f"flickr8k:{flickr8k}"
    assert run("data", "check", name).code == 0
    for arguments in ((), ("--json",), ("--split", "train")):
        ran = run("data", "check", name, "--photos", *arguments)
        assert (ran.code, ran.err.count("\n")) == (1, 1)
        assert "1 photos of the train split cannot be opened" in ran.err
    assert run("data", "check", name, "--photos", "--split", "dev").code == 0
    (flickr8k / "Flicker8k_Dataset/0.png").unlink()
    ran = run("data", "check", name, "--json")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert found["splits"]["train"]["faults"]["missing"] == ["0.png"]
    assert [f"pictell: {problem}" for problem in found["problems"]] == ran.err.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "KIND:FOLDER"),
        (["flickr8k:/nowhere"], "/nowhere is not Flickr8k"),
        (["{}", "--split", "test"], "testImages.txt is missing"),
        (["{}", "--split", "nope"], "no split 'nope'"),
    ],
)
def test_what_cannot_be_read_is_one_line(run: Any, flickr8k: Path, arguments: list[str], message: str) -> None:
    ran = run("data", "check", *[part.format(f"flickr8k:{flickr8k}") for part in arguments])
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert message in ran.err


def test_withdrawn_captions_are_told(run: Any, tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val").mkdir()
    (tmp_path / "val/VizWiz_val_00000000.jpg").touch()
    annotation = {"image_id": 0, "caption": "Too poor.", "is_rejected": False, "is_precanned": True, "id": 0}
    images = [{"id": 0, "file_name": "VizWiz_val_00000000.jpg"}]
    (tmp_path / "annotations/val.json").write_text(json.dumps({"images": images, "annotations": [annotation]}))
    ran = run("data", "check", f"vizwiz:{tmp_path}")
    assert (ran.code, ran.err) == (0, "")
    assert "val: the set itself withdrew 1 captions, all those of 1 photos" in ran.out


def test_the_command_alone_shows_its_help(run: Any) -> None:
    ran = run("data")
    assert "check" in ran.out + ran.err
