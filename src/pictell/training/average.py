"""The mean of several runs' weights, which often captions better than any of them (Wortsman et al. 2022, arXiv 2203.05482)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from pictell.errors import RecipeError
from pictell.files import write_atomically
from pictell.language import Vocabulary
from pictell.training.checkpoint import load_checkpoint, save_checkpoint
from pictell.training.lineage import read_recipe


def average_runs(runs: Sequence[Path], out: Path, weights: Sequence[float] | None = None) -> Path:
    """Writes the mean of the best weights of `runs`, each with its of the `weights` (equal ones by default), as a run in
    `out` from which an export or another run may go on; gives the path of its `best.safetensors`.

    The runs should have begun with the same weights: between others the mean lies in no valley of the loss.

    Raises:
        RecipeError: fewer than two runs, one that is not there, networks or words that differ, weights that do not fit or
            come to nothing, or an `out` that holds another run.

    """
    shares = [1.0] * len(runs) if weights is None else list(weights)
    if len(runs) < 2 or len(shares) != len(runs):
        raise RecipeError("mean", f"a mean needs two runs or more and a weight for each: {len(runs)} and {len(shares)}")
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise RecipeError("mean", "the weights of a mean are numbers from 0 up, not all of them 0")
    if (out / "recipe.json").exists() and "mean_of" not in read_recipe(out):
        raise RecipeError("other-recipe", f"{out} holds a training run: name another folder")
    recipe = read_recipe(runs[0])
    vocabulary = Vocabulary.load(runs[0] / "vocabulary.json")
    mean: dict[str, Tensor] = {}
    about: dict[str, Any] = {}
    for run, share in zip(runs, shares, strict=True):
        read_recipe(run)
        tensors, its = load_checkpoint(run / "best.safetensors")
        about = about or its
        words = Vocabulary.load(run / "vocabulary.json").tokens
        if words != vocabulary.tokens or its.get("architecture") != about.get("architecture"):
            raise RecipeError("mean", f"{run} has another network or other words than {runs[0]}")
        if its.get("round_weights") != about.get("round_weights"):
            raise RecipeError("mean", f"only one of {run} and {runs[0]} learnt to work with rounded weights")
        for name, tensor in tensors.items():
            part = tensor.double() * (share / sum(shares))
            mean[name] = mean[name] + part if name in mean else part
    # What the first run began with is found by way of that run, see `lineage`.
    recipe["model"] = recipe.get("model", {}) | {"start_from": None}
    recipe |= {"name": out.name, "mean_of": [str(run) for run in runs], "mean_weights": shares}
    about = {key: value for key, value in about.items() if key != "dev"}  # nobody has scored the mean yet
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "vocabulary.json", vocabulary.to_json())
    write_atomically(out / "recipe.json", json.dumps(recipe, indent=1))
    rounded = {name: tensor.to(tensors[name].dtype) for name, tensor in mean.items()}
    save_checkpoint(out / "best.safetensors", rounded, about)
    return out / "best.safetensors"
