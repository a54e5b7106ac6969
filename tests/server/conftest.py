from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")

from server_helpers import Served, picture, running


@pytest.fixture(scope="session")
def start() -> Callable[..., Any]:
    return running


@pytest.fixture(scope="session")
def served(tiny_bundle: Path, other_tiny_bundle: Path) -> Iterator[Served]:
    """The service that most tests ask: two models, limits that a test can reach."""
    with running(
        "--model", tiny_bundle, "--model", other_tiny_bundle, "--max-body-mb", "8", "--max-pictures", "64"
    ) as service:
        yield service
        assert service.process.poll() is None, service.events[-5:]


@pytest.fixture(scope="session")
def pictures() -> list[bytes]:
    """Different from each other, in different formats and sizes."""
    forms = ("JPEG", "PNG", "WEBP", "BMP")
    return [picture(seed, size=(48 + 8 * seed, 80), form=forms[seed % 4]) for seed in range(12)]
