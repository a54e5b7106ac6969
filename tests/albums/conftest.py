"""Photos of every kind, and the real exiftool that judges what is written into them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pictell.albums import GeneratedWords

sys.path.insert(0, str(Path(__file__).parent))  # for raw_samples.py

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}


def make_photo(path: Path) -> Path:
    """Noise: any change of a pixel shows."""
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(pixels).save(path, FORMATS[path.suffix[1:]], **options)
    return path


@pytest.fixture(params=FORMATS)
def photo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_photo(tmp_path / f"photo.{request.param}")


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    return make_photo(tmp_path / "photo.jpg")


@pytest.fixture
def exiftool() -> Callable[..., dict[str, Any]]:
    """Runs exiftool on a file: with tags to write (`-Tag=value`) or, without, returns what it reads, by group and tag."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not on this machine (Debian: libimage-exiftool-perl)")

    def run(path: Path, *tags: str) -> dict[str, Any]:
        if tags:
            subprocess.run([program, "-q", "-overwrite_original", *tags, str(path)], check=True)
            return {}
        done = subprocess.run([program, "-j", "-G1", "-struct", str(path)], check=True, capture_output=True)
        [found] = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    return run


@pytest.fixture(scope="session")
def words() -> GeneratedWords:
    return GeneratedWords(
        text='a dog runs & "jumps" <fast> größer 犬',
        alt="A dog runs.",
        extended="a dog runs on a beach, and much more is to be said of it",
        model="pictell-default@1",
        confidence=0.7123,
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
