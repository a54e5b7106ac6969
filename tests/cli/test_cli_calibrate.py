"""`pictell calibrate`: from a data set in Flickr8k's layout to a confidence in JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pictell.captioner import load


def test_a_calibrated_model_tells_its_confidence(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    folder, directory = tmp_path / "flickr8k", tmp_path / "model"
    shutil.copytree(tiny_bundle, directory)
    captioner = load(tiny_bundle, threads=1)
    names = [f"{number}.png" for number in range(30)]
    lines = []
    for seed, name in enumerate(names):
        path = photo(f"flickr8k/Flicker8k_Dataset/{name}", seed)
        text = captioner.caption(path).text if seed % 2 else "Something else entirely ."
        lines += [f"{name}#0\t{text}", f"{name}#1\tThing number {seed} ."]
    (folder / "Flickr8k_text").mkdir()
    (folder / "Flickr8k_text" / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for split in ("train", "dev", "test"):
        (folder / "Flickr8k_text" / f"Flickr_8k.{split}Images.txt").write_text("\n".join(names) + "\n")

    ran = run("calibrate", directory, "--data", f"flickr8k:{folder}")
    assert (ran.code, ran.err) == (0, "")
    assert "median of 30 dev photos" in ran.out
    found = json.loads(run("caption", folder / "Flicker8k_Dataset" / "0.png", "--model", directory, "--json").out)
    assert 0 < found["confidence"] < 1
    assert found["band"] in ("low", "medium", "high")
    found = json.loads(run("caption", folder / "Flicker8k_Dataset" / "0.png", "--model", tiny_bundle, "--json").out)
    assert found["confidence"] is found["band"] is None


def test_data_that_is_not_there(run: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    ran = run("calibrate", tiny_bundle, "--data", f"flickr8k:{tmp_path}")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "official layout" in ran.err
