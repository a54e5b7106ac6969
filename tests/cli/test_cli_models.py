"""`pictell models`, `--version` and help."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pictell import __version__, bundle
from pictell.cli.app import app


@pytest.fixture
def installed(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny bundle as if it had come with the package."""
    monkeypatch.setattr(bundle, "_INSTALLED", tmp_path / "bundles")
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundles" / "tiny"))


def test_models_are_listed_with_their_terms(run: Any, installed: Path) -> None:
    ran = run("models")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith("tiny@7, 0.0 MB")
    assert [line.strip() for line in ran.lines[1:]] == ["Random weights, for tests.", str(installed)]


def test_models_as_json(run: Any, installed: Path) -> None:
    [line] = run("models", "--json").lines
    assert json.loads(line) == {
        "model": "tiny@7",
        "default": False,
        "bytes": sum(path.stat().st_size for path in installed.iterdir() if path.name != "config.json"),
        "words": 34,
        "terms": "Random weights, for tests.",
        "path": str(installed),
    }


def test_a_damaged_or_absent_model_is_named(run: Any, installed: Path) -> None:
    (installed / "LICENSE").unlink()
    ran = run("models")
    assert (ran.code, ran.out) == (1, "")
    assert "LICENSE is missing" in ran.err
    shutil.rmtree(installed)
    ran = run("models")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "install" in ran.err


def test_what_is_installed_can_be_listed(run: Any) -> None:
    if not bundle.installed_bundles():
        pytest.skip("no model has been put into the package yet")
    assert "pictell-default@" in run("models").out


def test_version(run: Any) -> None:
    ran = run("--version")
    assert (ran.code, ran.out) == (0, f"pictell {__version__}\n")


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_has_help_that_fits(run: Any, command: str) -> None:
    listed = [line for line in run("--help").lines if line.split()[:1] == [command]]
    assert len(listed) == 1
    assert listed[0].endswith(".")
    assert not listed[0].endswith("...")
    ran = run(command, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: pictell {command}")


def test_no_command_at_all_is_a_wrong_command_line(run: Any) -> None:
    ran = run()
    assert ran.code == 2
    assert "Usage: pictell" in ran.out + ran.err
