"""Training with an encoder of transformers: frozen, fine-tuned layer by layer, exported, gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import pictell
from pictell.errors import OptionError
from pictell.training.checkpoint import load_checkpoint
from pictell.training.from_run import bundle_from_run, choose_calibration
from pictell.training.recipe import load_recipe
from pictell.training.start import settings_to_go_on_from
from pictell.training.trainer import Trainer

hf = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hf") / "vit"
    config = hf.ViTConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=8,
        hidden_dropout_prob=0.1,
    )  # fmt: skip
    hf.ViTModel(config).save_pretrained(folder)
    hf.BitImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def settings(vit: Path) -> list[str]:
    return [
        f"model.encoder={{name: vit, from: {vit}}}", "phases.1.round_weights=false", "phases.1.layer_decay=0.5",
        "phases.0.epochs=1",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(recipe_file: Path, settings: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "vit"
    Trainer(load_recipe(recipe_file, settings), folder).run()
    return folder


def test_every_part_is_fine_tuned_at_a_rate_of_its_own(
    run: Path, recipe_file: Path, settings: list[str], vit: Path
) -> None:
    tensors, _ = load_checkpoint(run / "last.safetensors")
    fresh = Trainer(load_recipe(recipe_file, settings), run.parent / "fresh")
    first = fresh.model.state_dict()
    changed = {
        name: (tensors[f"model.{name}"] - value).abs().max().item()
        for name, value in first.items()
        if "encoder." in name
    }
    assert all(change > 0 for change in changed.values())
    # AdamW's first steps are as long as the rate, whatever the gradient.
    weights = [max(change for name, change in changed.items() if f".{layer}." in name) for layer in range(3)]
    assert weights[0] < weights[1] < weights[2]


def test_a_run_goes_on_to_the_bit(run: Path, recipe_file: Path, settings: list[str], tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    broken = tmp_path / "broken"
    trainer = Trainer(load_recipe(recipe_file, settings), broken)
    save, left = trainer._save, 4

    def save_and_die() -> None:
        nonlocal left
        save()
        left -= 1
        if not left:
            raise Killed

    trainer._save = save_and_die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        trainer.run()
    Trainer(load_recipe(recipe_file, settings), broken).run()
    ours, _ = load_checkpoint(broken / "last.safetensors")
    theirs, _ = load_checkpoint(run / "last.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_bundle_of_it_runs_and_is_gone_on_with_without_the_folder(
    run: Path, recipe_file: Path, flickr8k: Path, vit: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="leave --calibration out"):
        bundle_from_run(
            run, tmp_path / "b", name="b", version=1, calibration_photos=choose_calibration(run, f"flickr8k:{flickr8k}")
        )
    bundle = bundle_from_run(run, tmp_path / "b", name="b", version=1)
    assert bundle.preprocessing.to_json() == {"size": 32, "fit": "crop", "resample": "bicubic", "short_side": 40}
    assert "the weights of vit" in bundle.read("LICENSE").decode()
    captioner = pictell.load(tmp_path / "b")
    assert captioner.smallest_side == 40
    photo = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    assert captioner.caption(photo, force=True).text is not None

    hidden = vit.with_name("gone")
    shutil.move(vit, hidden)
    try:
        more = settings_to_go_on_from(str(tmp_path / "b"))
        trainer = Trainer(
            load_recipe(recipe_file, ["phases.0.epochs=1", "phases.1.epochs=0", "phases.1.round_weights=false", *more]),
            tmp_path / "more",
        )
        best = trainer.run()
    finally:
        shutil.move(hidden, vit)
    tensors, about = load_checkpoint(best)
    assert about["architecture"]["encoder"]["source"] == "vit"
    assert any("encoder.net" in name for name in tensors)


def test_an_explanation_shows_what_the_model_sees(run: Path, tmp_path: Path) -> None:
    from pictell.insight import explain

    bundle_from_run(run, tmp_path / "b", name="b", version=1)
    photo = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    found = explain(pictell.load(tmp_path / "b"), photo, force=True)
    assert found.photo.pixels.shape[:2] == (40, 40)
