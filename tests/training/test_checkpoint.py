"""Checkpoints: given back as they were, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pictell.errors import RecipeError
from pictell.training.checkpoint import load_checkpoint, save_checkpoint

TENSORS = {
    "whole": torch.randn(3, 4),
    "turned": torch.randn(3, 4).T,
    "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "number": torch.tensor(7.0),
    "halves": torch.randn(5).half(),
    "trained": torch.nn.Parameter(torch.randn(2)),
}
PROGRESS = {"epoch": 3, "best": 0.1 + 0.2, "history": [{"a": 1.5}], "name": "ü"}


def test_gives_back_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.safetensors"
    save_checkpoint(path, TENSORS, PROGRESS)
    tensors, progress = load_checkpoint(path)
    assert progress == PROGRESS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


@pytest.mark.parametrize("written", [0.0, 0.5, 1.0])
def test_a_kill_while_writing_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: float
) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, TENSORS, PROGRESS)
    save_file = safetensors.torch.save_file

    def save_part(tensors: Any, target: Path, metadata: Any = None) -> None:
        save_file(tensors, target, metadata=metadata)
        content = Path(target).read_bytes()
        Path(target).write_bytes(content[: int(len(content) * written)])
        raise KeyboardInterrupt

    monkeypatch.setattr(safetensors.torch, "save_file", save_part)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"other": torch.zeros(1)}, {"epoch": 4})
    assert load_checkpoint(path)[1] == PROGRESS
    monkeypatch.undo()
    save_checkpoint(path, {"other": torch.zeros(1)}, {"epoch": 4})
    assert load_checkpoint(path)[1] == {"epoch": 4}
    assert [file.name for file in tmp_path.iterdir()] == ["last.safetensors"]


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"

    def refused() -> None:
        with pytest.raises(RecipeError, match=r"last\.safetensors") as caught:
            load_checkpoint(path)
        assert caught.value.kind == "checkpoint"
        assert "\n" not in caught.value.message

    refused()
    save_checkpoint(path, TENSORS, PROGRESS)
    whole = path.read_bytes()
    for content in (b"", b"garbage", b"\x80\x04pickle", whole[:100], whole[:-1]):
        path.write_bytes(content)
        refused()
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    refused()
    safetensors.torch.save_file({"a": torch.zeros(1)}, path, metadata={"progress": "{"})
    refused()
    path.unlink()
    path.mkdir()
    refused()


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are Unix's")
def test_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "last.safetensors"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for old in (None, PROGRESS):
        if old is not None:
            save_checkpoint(path, TENSORS, old)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            with pytest.raises(RecipeError, match=r"cannot write.*last\.safetensors") as caught:
                save_checkpoint(path, {"large": torch.zeros(10_000)}, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert ("is kept" in caught.value.message) == (old is not None)
        assert list(tmp_path.iterdir()) == ([] if old is None else [path])
    assert load_checkpoint(path)[1] == PROGRESS
