"""Every command with a Hugging Face model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def model(hf_folders: dict[str, Path]) -> str:
    return f"hf:{hf_folders['git']}"


@pytest.fixture
def photos(photo: Any, tmp_path: Path) -> Path:
    """A data set of pictell's own kind: a folder of photos with a table."""
    names = [f"{number}.png" for number in range(3)]
    for number, name in enumerate(names):
        photo(f"photos/{name}", seed=number)
    rows = "".join(f"{name},a dog on the grass,test\n{name},the dog runs,test\n" for name in names)
    (tmp_path / "photos" / "captions.csv").write_text(f"file,caption,split\n{rows}", encoding="utf-8")
    return tmp_path / "photos"


def test_caption(run: Any, photos: Path, model: str) -> None:
    ran = run(
        "caption", photos, "--model", model, "--force", "--json", "--num", "2", "--start", "a dog", "--max-words", "6"
    )
    assert (ran.code, ran.err) == (0, "")
    found = [json.loads(line) for line in ran.lines]
    assert len(found) == 3
    for each in found:
        assert each["model"] == "hf:git"
        assert each["text"].startswith("a dog")
        assert [word["text"] for word in each["words"]] == each["text"].split()
        assert each["confidence"] is None
        assert each["log_prob"] < 0


def test_what_cannot_be_asked_is_one_line(run: Any, photos: Path, model: str) -> None:
    ran = run("caption", photos, "--model", model, "--must", "dog")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("pictell: must cannot be asked of hf:git")
    assert ran.err.count("\n") == 1


def test_evaluate(run: Any, photos: Path, model: str) -> None:
    ran = run("evaluate", "--data", f"photos:{photos}", "--split", "test", "--model", model, "--json", "--beam", "2")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["model"], found["photos"], found["beam"]) == ("hf:git", 3, 2)


def test_album(run: Any, photos: Path, model: str, tmp_path: Path) -> None:
    ran = run("album", "index", photos, "--model", model, "--db", tmp_path / "library.db")
    assert ran.code == 0, ran.err
    like = run("search", "--like", photos / "0.png", "--model", model, "--db", tmp_path / "library.db", "--json")
    assert like.code == 0, like.err
    assert json.loads(like.lines[0])["path"].endswith("0.png")


@pytest.mark.parametrize(
    "command",
    [
        ("calibrate", "MODEL", "--data", "photos:PHOTOS", "--split", "test"),
        ("explain", "PHOTOS/0.png", "--out", "PHOTOS/out.png", "--model", "MODEL", "--force"),
        ("evaluate", "--data", "photos:PHOTOS", "--model", "MODEL", "--attention"),
    ],
)
def test_what_looks_word_by_word_is_refused(run: Any, photos: Path, model: str, command: tuple[str, ...]) -> None:
    ran = run(*(part.replace("MODEL", model).replace("PHOTOS", str(photos)) for part in command))
    assert (ran.code, ran.out) == (2, "")
    assert "hf:git only gives whole sentences" in ran.err
    assert ran.err.count("\n") == 1


def test_doctor(run: Any, model: str) -> None:
    ran = run("doctor", "--model", model, "--json")
    assert ran.code == 0, ran.out + ran.err
    assert json.loads(ran.out)["engine"]["name"].startswith("transformers")


def test_a_folder_that_is_not_there(run: Any, photos: Path) -> None:
    ran = run("caption", photos, "--model", "hf:/no/such/folder")
    assert (ran.code, ran.out) == (1, "")
    assert "hf:/no/such/folder: neither a folder nor a name on the hub (owner/name)" in ran.err


def test_nothing_of_it_is_imported_without_need(process: Any, photo: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    """In a process of its own: the default engine's commands import neither PyTorch nor transformers."""
    import subprocess
    import sys

    script = (
        "import sys, pictell; c = pictell.load(sys.argv[1]); c.caption(sys.argv[2], force=True); "
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tiny_bundle, photo("a.png")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
