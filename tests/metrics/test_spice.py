"""SPICE is the reference's own program: what it lacks is told, and what it gives is handed on."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pictell.errors import PictellError
from pictell.metrics import score, spice

REFERENCES = {"dog": ["A dog runs.", "a brown dog"], "cat": ["a cat"]}
CANDIDATES = {"dog": "A dog!", "cat": "a car"}
JARS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pycocoevalcap` with a place for the jars but without them, and a `java` on the path."""
    spec = ModuleSpec("pycocoevalcap", None, is_package=True)
    assert spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "spice" / "lib").mkdir(parents=True)
    return tmp_path


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    [lack] = spice.missing()
    assert "pictell[metrics]" in lack


def test_all_that_is_missing_is_told_at_once(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    (package / "spice" / "lib" / JARS[0]).touch()
    with pytest.raises(PictellError) as raised:
        score(REFERENCES, CANDIDATES, ["SPICE"])
    assert raised.value.kind == "missing"
    assert "\n" not in raised.value.message
    assert "Java" in raised.value.message
    assert JARS[1] in raised.value.message
    assert JARS[0] not in raised.value.message
    assert str(package / "spice" / "lib") in raised.value.message


def test_the_program_gets_tokens_and_gives_scores(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Mapping[int, list[str]]] = []

    class Spice:
        def compute_score(self, references: Any, candidates: Any) -> tuple[float, list[dict[str, Any]]]:
            given.extend([references, candidates])
            return 0.25, [{"All": {"f": 0.5}}, {"All": {"f": 0.0}}]

    for jar in JARS:
        (package / "spice" / "lib" / jar).touch()
    module = ModuleType("pycocoevalcap.spice.spice")
    module.Spice = Spice  # type: ignore[attr-defined]
    for name in ("pycocoevalcap", "pycocoevalcap.spice"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "pycocoevalcap.spice.spice", module)
    scores = score(REFERENCES, CANDIDATES, ["SPICE"])
    assert given == [{0: ["a dog runs", "a brown dog"], 1: ["a cat"]}, {0: ["a dog"], 1: ["a car"]}]
    assert scores.corpus == {"SPICE": 0.25}
    assert {key: image["SPICE"] for key, image in scores.per_image.items()} == {"dog": 0.5, "cat": 0.0}
