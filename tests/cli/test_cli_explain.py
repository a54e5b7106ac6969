"""`pictell explain`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.captioner import load
from pictell.engines.onnx import OnnxEngine


@pytest.mark.parametrize("method", ["attention", "occlusion"])
@pytest.mark.parametrize("name", ["out.png", "out.gif", "out.html"])
def test_explains_the_caption(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path, name: str, method: str
) -> None:
    path = photo("photo.png")
    ran = run("explain", path, "--out", tmp_path / name, "--model", tiny_bundle, "--method", method)
    assert (ran.code, ran.err, ran.lines) == (0, "", [load(tiny_bundle).caption(path).text])
    assert (tmp_path / name).stat().st_size > 1000


def test_says_when_it_explains_otherwise(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = OnnxEngine.step
    monkeypatch.setattr(OnnxEngine, "step", lambda self, tokens, state: (*step(self, tokens, state)[:2], None))
    ran = run("explain", photo("photo.png"), "--out", tmp_path / "out.html", "--model", tiny_bundle)
    assert ran.code == 0
    assert ran.err == "pictell: tiny@7 attends to no grid: explained by occlusion instead\n"
    assert "(occlusion)" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such.jpg", "--out", "out.png"], 1, "no such file"),
        (["photo.png", "--out", "out.jpg"], 2, "ends in .png, .gif, .html"),
        (["photo.png", "--out", "none/out.png"], 1, "there is no directory none"),
        (["no-such.jpg", "--out", "folder.png"], 1, "folder.png: it is a directory"),
        (["photo.png", "--out", "photo.png"], 2, "photo.png is the photo itself"),
        (["photo.png", "--out", "link.png"], 2, "link.png is the photo itself"),
        (["photo.png", "--out", "out.png", "--method", "magic"], 2, "attention, occlusion, gradient"),
        (["photo.png", "--out", "out.png", "--method", "gradient"], 1, "model.safetensors"),
        (["black.png", "--out", "out.png", "--model", "default"], 1, "no caption to explain"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    from PIL import Image

    from pictell.bundle import installed_bundles

    if "gradient" in arguments:
        pytest.importorskip("torch")
    if "default" in arguments and not installed_bundles():
        pytest.skip("no model is installed with the package")
    original = photo("photo.png").read_bytes()
    (tmp_path / "link.png").hardlink_to(tmp_path / "photo.png")
    (tmp_path / "folder.png").mkdir()
    Image.new("RGB", (300, 200)).save(tmp_path / "black.png")
    monkeypatch.chdir(tmp_path)
    ran = run("explain", *arguments, *([] if "--model" in arguments else ["--model", tiny_bundle]))
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert message in ran.err
    assert not (tmp_path / "out.png").exists()
    assert (tmp_path / "photo.png").read_bytes() == original


def test_where_nothing_may_be_written_is_told_first(
    run: Any, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write everywhere
    ran = run("explain", tmp_path / "no-such.jpg", "--out", tmp_path / "out.png", "--model", tiny_bundle)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "nothing may be written in" in ran.err
