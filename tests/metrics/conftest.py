"""Captions that the package `pycocoevalcap` carries."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def coco_annotations() -> list[dict[str, Any]]:
    """The captions of COCO val2014 in the order of their file, each with its `image_id` and `caption`."""
    package = pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed")
    archive = Path(package.__path__[0]) / "spice" / "spice-1.0.jar"
    if not archive.is_file():
        pytest.skip("this pycocoevalcap has no COCO captions in it")
    with zipfile.ZipFile(archive) as opened:
        found: list[dict[str, Any]] = json.loads(opened.read("coco/annotations/captions_val2014.json"))["annotations"]
    return found


@pytest.fixture(scope="session")
def coco(coco_annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The captions of COCO val2014, by image."""
    said: dict[str, list[str]] = {}
    for annotation in coco_annotations:
        said.setdefault(str(annotation["image_id"]), []).append(annotation["caption"])
    return said
