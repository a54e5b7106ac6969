"""The mean of runs: its weights, its words, what it may be used for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from pictell.errors import RecipeError
from pictell.training import Trainer, load_recipe
from pictell.training.average import average_runs
from pictell.training.checkpoint import load_checkpoint
from pictell.training.from_run import bundle_from_run
from pictell.training.start import settings_to_go_on_from

PHASE = "phases=[{name: one, epochs: 1, lr: 1e-3}]"


@pytest.fixture(scope="module")
def runs(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs from the same weights. Do not change them."""
    folder = tmp_path_factory.mktemp("runs")
    Trainer(load_recipe(recipe_file, [PHASE]), folder / "first").run()
    start = [*settings_to_go_on_from(str(folder / "first")), PHASE]
    with pytest.MonkeyPatch.context() as patch:  # every epoch is better than what it began with
        patch.setattr(Trainer, "validate", lambda self, frozen: ({"CIDEr-D": float(self.at.epoch)}, []))
        for seed in (1, 2):
            Trainer(load_recipe(recipe_file, [*start, f"seed={seed}"]), folder / f"seed {seed}").run()
    return [folder / "seed 1", folder / "seed 2"]


def test_the_mean_is_between(runs: list[Path], tmp_path: Path) -> None:
    one, other = (load_checkpoint(run / "best.safetensors")[0] for run in runs)
    mean, about = load_checkpoint(average_runs(runs, tmp_path / "mean"))
    tilted, _ = load_checkpoint(average_runs(runs, tmp_path / "tilted", [3, 1]))
    assert any(not torch.equal(one[name], other[name]) for name in one)
    for name, value in mean.items():
        torch.testing.assert_close(value, (one[name] + other[name]) / 2)
        torch.testing.assert_close(tilted[name], (3 * one[name] + other[name]) / 4)
        assert value.dtype == one[name].dtype
    assert "dev" not in about, "the mean has no scores yet"


def test_a_mean_of_the_same_is_the_same(runs: list[Path], tmp_path: Path) -> None:
    mean, _ = load_checkpoint(average_runs([runs[0], runs[0]], tmp_path / "mean"))
    assert all(
        torch.equal(value, mean[name]) for name, value in load_checkpoint(runs[0] / "best.safetensors")[0].items()
    )


def test_one_may_go_on_from_it_and_export_it(runs: list[Path], recipe_file: Path, tmp_path: Path) -> None:
    average_runs(runs, tmp_path / "mean")
    Trainer(load_recipe(recipe_file, [*settings_to_go_on_from(str(tmp_path / "mean")), PHASE]), tmp_path / "more").run()
    bundle = bundle_from_run(tmp_path / "more", tmp_path / "bundle", name="more", version=1)
    assert bundle.terms.startswith("Trained on Flickr8k")
    recorded = json.loads((tmp_path / "mean/recipe.json").read_text(encoding="utf-8"))
    recorded["mean_of"][1] = "gone"
    (tmp_path / "mean/recipe.json").write_text(json.dumps(recorded), encoding="utf-8")
    with pytest.raises(RecipeError, match="what was gone trained on"):
        bundle_from_run(tmp_path / "more", tmp_path / "other bundle", name="more", version=1)


def test_its_terms_are_those_of_all(runs: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs[1], tmp_path / "other"))
    recipe = json.loads((other / "recipe.json").read_text(encoding="utf-8"))
    recipe["data"]["train"] = ["coco/train2014"]
    (other / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    average_runs([runs[0], other], tmp_path / "mean")
    terms = bundle_from_run(tmp_path / "mean", tmp_path / "bundle", name="mean", version=1).terms
    assert "Flickr8k" in terms
    assert "COCO" in terms


def test_what_has_no_mean_is_refused(runs: list[Path], recipe_file: Path, tmp_path: Path) -> None:
    for given, weights, named in (
        (runs[:1], None, "two runs or more"),
        (runs, [1.0], "a weight for each"),
        (runs, [0.0, 0.0], "not all of them 0"),
        (runs, [1.0, -1.0], "from 0 up"),
        (runs, [1.0, float("nan")], "from 0 up"),
        ([runs[0], tmp_path / "nowhere"], None, "nowhere"),
    ):
        with pytest.raises(RecipeError, match=named):
            average_runs(given, tmp_path / "mean", weights)
    Trainer(load_recipe(recipe_file, [PHASE, "model.decoder.hidden=16"]), tmp_path / "wide").run()
    Trainer(load_recipe(recipe_file, [PHASE, "data.min_count=6"]), tmp_path / "few words").run()
    for name in ("wide", "few words"):
        with pytest.raises(RecipeError, match="another network or other words"):
            average_runs([runs[0], tmp_path / name], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
    with pytest.raises(RecipeError, match="name another folder"):
        average_runs(runs, runs[0])
