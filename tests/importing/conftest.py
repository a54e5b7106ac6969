"""Checkpoints on disk, and an encoder to look through."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for checkpoints.py

from checkpoints import Arrays, Write, write_checkpoint


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Networks of this size are quickest so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a checkpoint of a kind, its tensors perhaps changed, and its words; gives both paths."""

    def written(kind: str, changed: Arrays | None = None) -> tuple[Path, Path]:
        return write_checkpoint(tmp_path, kind, changed)

    return written
