"""Checkpoints on disk, and an encoder to look through."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for checkpoints.py

from checkpoints import COUNTS, WORDS, Arrays, as_state_dict, tensors_of

Write = Callable[..., tuple[Path, Path]]


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


def write_checkpoint(folder: Path, kind: str, changed: Arrays | None = None) -> tuple[Path, Path]:
    arrays = tensors_of(kind) if changed is None else changed
    if kind == "im2txt":
        path, words = folder / "variables.npz", folder / "word_counts.txt"
        np.savez(path, **{name: array.astype(np.float32) for name, array in arrays.items()})
        words.write_text("".join(f"{word} {100 - n}\n" for n, word in enumerate(COUNTS)), encoding="utf-8")
    else:
        path, words = folder / "model.pth", folder / "cocotalk.json"
        torch.save(as_state_dict(arrays), path)
        numbers = {str(number): word for number, word in enumerate(WORDS, start=1)}
        words.write_text(json.dumps({"ix_to_word": numbers, "images": []}), encoding="utf-8")
    return path, words
