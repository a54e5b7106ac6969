"""`pictell caption` of what is no photo, with the model that comes with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pictell.bundle import DEFAULT, installed_bundles

pytestmark = pytest.mark.skipif(
    DEFAULT not in [bundle.name for bundle in installed_bundles()], reason="no model is installed with the package"
)


@pytest.fixture
def black(tmp_path: Path) -> Path:
    path = tmp_path / "black.png"
    Image.new("RGB", (300, 200), (2, 2, 2)).save(path)
    return path


def test_a_withheld_caption_is_no_failure(run: Any, black: Path) -> None:
    ran = run("caption", black)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("[")
    ran = run("caption", black, "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["text"] is None
    assert ran.out.find(found["reason"]) > 0
    assert (found["words"], found["alternatives"], found["confidence"]) == ([], [], None)


def test_force_describes_it(run: Any, black: Path) -> None:
    found = json.loads(run("caption", black, "--json", "--force").out)
    assert found["text"]
    assert "reason" not in found
