"""Going on from a model: the network and the words are the model's, whatever the recipe says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from pictell.errors import BundleError, DataError, RecipeError
from pictell.language import Vocabulary
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint, save_checkpoint
from pictell.training.from_run import bundle_from_run
from pictell.training.start import settings_for_own_photos, settings_to_go_on_from


@pytest.fixture(scope="module")
def trained(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder that has two words less than the recipe would give. Do not change it."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    Trainer(load_recipe(recipe_file, ["data.min_count=4", "phases.0.epochs=1", "phases.1.epochs=0"]), out).run()
    return out


@pytest.fixture(scope="module")
def bundle(trained: Path) -> Path:
    return bundle_from_run(trained, trained.parent / "small bundle", name="small", version=1).directory


@pytest.mark.parametrize("kind", ["run", "bundle"])
def test_a_run_begins_with_the_models_weights_and_words(
    kind: str, trained: Path, bundle: Path, recipe_file: Path, tmp_path: Path
) -> None:
    begun = load_checkpoint(trained / "best.safetensors")[0]
    settings = settings_to_go_on_from(str(trained if kind == "run" else bundle))
    other = ["model.decoder={name: spatial_attention, embedding: 6}", "phases.0.epochs=0", "phases.1.epochs=0"]
    trainer = Trainer(load_recipe(recipe_file, [*other, *settings]), tmp_path / "more")
    trainer._begin()
    words = Vocabulary.load(trained / "vocabulary.json")
    assert trainer.vocabulary.tokens == words.tokens
    for name, value in trainer.model.state_dict().items():
        torch.testing.assert_close(value, begun[name], atol=0 if kind == "run" else 1e-3, rtol=0)


def test_the_users_settings_come_last(trained: Path, recipe_file: Path) -> None:
    settings = settings_to_go_on_from(str(trained))
    recipe = load_recipe(recipe_file, [*settings, "model.decoder.dropout=0.25"])
    assert recipe.model.decoder["dropout"] == 0.25
    assert recipe.model.decoder["hidden"] == 12


def test_what_is_no_model_is_refused(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(BundleError):
        settings_to_go_on_from("no-such-model")
    with pytest.raises(RecipeError, match=f"{tmp_path} is neither a model"):
        settings_to_go_on_from(str(tmp_path))
    (tmp_path / "recipe.json").touch()
    with pytest.raises(RecipeError, match=r"no best\.safetensors yet: let its first epoch end"):
        settings_to_go_on_from(str(tmp_path))
    (tmp_path / "best.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RecipeError, match="is not a checkpoint"):
        settings_to_go_on_from(str(tmp_path))
    save_checkpoint(tmp_path / "best.safetensors", {"one": torch.ones(1)}, {})
    with pytest.raises(RecipeError, match="of which network"):
        settings_to_go_on_from(str(tmp_path))


def test_a_bundle_of_it_tells_what_all_its_weights_were_trained_on(
    trained: Path, bundle: Path, recipe_file: Path, tmp_path: Path
) -> None:
    """Also what the model that it began with was trained on, however many runs ago."""
    phases = ["phases.0.epochs=1", "phases.1.epochs=0"]
    first = bundle_from_run(trained, tmp_path / "first", name="first", version=1, terms="Trained on gold.").directory
    last = first
    for name in ("second", "third"):
        recipe = load_recipe(recipe_file, [*settings_to_go_on_from(str(last)), *phases])
        last = Trainer(recipe, tmp_path / name).run().parent
    made = bundle_from_run(last, tmp_path / "made", name="made", version=1)
    assert made.terms.startswith("Trained on gold. Then trained on Flickr8k")
    assert made.terms in made.read("LICENSE").decode()
    shutil.rmtree(tmp_path / "first")
    with pytest.raises(RecipeError, match="trained on"):
        bundle_from_run(last, tmp_path / "orphan", name="orphan", version=1)


@pytest.mark.parametrize(
    ("splits", "lacks"), [(("train", "test"), "'dev', which say when"), (("val",), "'train', to learn")]
)
def test_a_table_that_names_splits_names_those_that_are_needed(
    splits: tuple[str, ...], lacks: str, tmp_path: Path
) -> None:
    rows = [f"{number}.jpg,A dog.,{split}\n" for number, split in enumerate(splits)]
    (tmp_path / "t.csv").write_text("file,caption,split\n" + "".join(rows))
    with pytest.raises(DataError, match=f"puts no photos into {lacks}.*, only into '{splits[0]}'"):
        settings_for_own_photos(tmp_path)
