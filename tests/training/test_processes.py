"""Several processes take the steps that one would take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint

FROZEN = "phases=[{name: one, epochs: 1, lr: 1e-3, captions: 2}]"
WHOLE = "phases=[{name: one, epochs: 1, lr: 1e-3, captions: 2, encoder_lr: 1e-4}]"
SELF_CRITICAL = "phases.0.self_critical={samples: 3, cross_entropy: 0.3}"
ONE_STEP = ["batch_size=8", "clip=1e9"]


def gradients(run: Path) -> dict[str, torch.Tensor]:
    """A tenth of those of a run's only step, which is what the optimiser remembers of them."""
    tensors, progress = load_checkpoint(run / "last.safetensors")
    assert progress["epochs_done"] == 1
    return {name: value for name, value in tensors.items() if name.endswith(".exp_avg")}


def assert_close(one: Path, other: Path) -> None:
    ours, theirs = gradients(one), gradients(other)
    assert ours.keys() == theirs.keys()
    assert max(float(value.abs().max()) for value in ours.values()) > 1e-5
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("phases", "pieces"), [(FROZEN, 2), (FROZEN, 8), (WHOLE, 3)])
def test_pieces_give_the_gradients_of_the_whole(recipe_file: Path, tmp_path: Path, phases: str, pieces: int) -> None:
    settings = [phases, *ONE_STEP, "model.decoder.dropout=0"]
    Trainer(load_recipe(recipe_file, settings), tmp_path / "whole").run()
    Trainer(load_recipe(recipe_file, [*settings, f"pieces={pieces}"]), tmp_path / "pieces").run()
    assert_close(tmp_path / "whole", tmp_path / "pieces")


def test_two_processes_give_the_gradients_of_one(recipe_file: Path, tmp_path: Path) -> None:
    """Dropout and drawn captions too: a piece draws the same wherever it is read. Only one process writes."""
    settings = [FROZEN, SELF_CRITICAL, *ONE_STEP]
    Trainer(load_recipe(recipe_file, [*settings, "pieces=2"]), tmp_path / "one").run()
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "pictell", "train", str(recipe_file), *settings, f"out={tmp_path / 'two'}"],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "two/best.safetensors"), "told once"
    assert_close(tmp_path / "one", tmp_path / "two")
    ours, theirs = (load_checkpoint(tmp_path / name / "last.safetensors")[1]["history"][0] for name in ("one", "two"))
    assert ours["loss"] == pytest.approx(theirs["loss"], abs=2e-4)
    assert ours["reward"] == pytest.approx(theirs["reward"], abs=2e-4)
    for name in sorted(path.name for path in (tmp_path / "one").iterdir()):
        assert (tmp_path / "two" / name).exists(), name
