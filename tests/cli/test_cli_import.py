"""`pictell import` as a person runs it: a checkpoint becomes a model that captions photos."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an optional part")

sys.path.insert(0, str(Path(__file__).parents[1] / "importing"))  # for checkpoints.py

import torch
from checkpoints import WORDS, as_state_dict, tensors_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def theirs(tmp_path: Path) -> tuple[Path, Path]:
    path, words = tmp_path / "model-best.pth", tmp_path / "cocotalk.json"
    torch.save(as_state_dict(tensors_of("updown-bn2")), path)
    words.write_text(json.dumps({"ix_to_word": dict(enumerate(WORDS, start=1))}), encoding="utf-8")
    return path, words


def test_an_imported_model_captions_photos(run: Any, theirs: tuple[Path, Path], tmp_path: Path) -> None:
    path, words = theirs
    arguments = [path, "--words", words, "--encoder", "default", "--size", "64", "--to", tmp_path / "model"]
    ran = run("import", *arguments, "--name", "luo", "--terms", "Random weights.", "--beam", "2")
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{tmp_path / 'model'}: luo@1, ")
    assert "Up-Down" in ran.out
    ran = run("caption", ROOT / "examples", "--model", tmp_path / "model", "--json")
    captions = [json.loads(line) for line in ran.lines]
    assert len(captions) == len(list((ROOT / "examples").glob("*.jpg")))
    said = {word["text"] for caption in captions for word in caption["words"]}
    assert said
    assert said <= {*WORDS} - {"UNK"}
    assert captions[0]["model"] == "luo@1"
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Random weights." in card
    assert "model-best.pth" in card
    assert str(tmp_path) not in card, "where it lay is nobody's business"


def test_one_of_bottom_up_features_captions_these(run: Any, theirs: tuple[Path, Path], tmp_path: Path) -> None:
    path, words = theirs
    ran = run("import", path, "--words", words, "--regions", "9", "--boxes", "--to", tmp_path / "model")
    assert ran.code == 0, ran.err
    features = tmp_path / "cocobu_att"
    boxes = tmp_path / "cocobu_box"
    for folder in (features, boxes):
        folder.mkdir()
    generator = np.random.default_rng(0)
    for number, count in ((391895, 3), (42, 9), (7, 10)):
        np.savez(features / str(number), feat=generator.uniform(0, 2, (count, 1275)).astype(np.float32))
        np.save(boxes / str(number), np.sort(generator.uniform(0, 1, (count, 2, 2)), axis=1).reshape(count, 4))
    ran = run(
        "caption", "391895", "COCO_val2014_000000000042.jpg", "7", "--model", tmp_path / "model", "--regions", features
    )
    assert ran.code == 1
    assert [line.partition("\t")[0] for line in ran.lines] == ["391895", "COCO_val2014_000000000042.jpg"]
    assert ran.err == "pictell: 7: it has 10 regions, and the model reads up to 9\n"


def test_what_is_wrong_is_one_line(run: Any, theirs: tuple[Path, Path], tmp_path: Path) -> None:
    path, words = theirs
    ran = run("import", path, "--words", words, "--encoder", "default", "--to", tmp_path / "model", "--beam", "0")
    assert ran.code == 2
    ran = run("import", words, "--words", words, "--encoder", "default", "--to", tmp_path / "model")
    assert (ran.code, ran.err.count("\n"), ran.out) == (1, 1, "")
    assert "cocotalk.json is no checkpoint" in ran.err
    assert not (tmp_path / "model").exists()
