"""Recipes: everything a run depends on, checked before it starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.data.augmentation import Augmentation
from pictell.errors import RecipeError
from pictell.training import Recipe, load_recipe

SMALL = """
name: small
data: {folders: {flickr8k: there}, train: [flickr8k/train], dev: flickr8k/dev}
model: {encoder: {name: e}, decoder: {name: d}}
phases:
  - {name: one, epochs: 1, lr: 5e-4}
  - {name: two, epochs: 2, lr: 1, encoder_lr: 1e-4}
"""
RECIPE_FOLDER = Path(__file__).resolve().parents[2] / "recipes"
RECIPES = sorted(RECIPE_FOLDER.glob("**/*.yaml"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def refused(path: Path, *overrides: str) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_of_the_project_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name
    assert recipe.data.dev in recipe.data.held_out, "dev photos are kept out of training"
    assert path.read_text(encoding="utf-8").startswith(f"# pictell train {path.relative_to(RECIPE_FOLDER.parent)} ")


def test_there_are_recipes() -> None:
    assert RECIPES


def test_what_is_not_said_has_its_default(small: Path) -> None:
    recipe = load_recipe(small)
    assert isinstance(recipe, Recipe)
    assert recipe.augmentation == Augmentation()
    assert recipe.data.folders == {"flickr8k": "there"}
    assert [(phase.lr, phase.encoder_lr) for phase in recipe.phases] == [(5e-4, None), (1.0, 1e-4)]
    assert isinstance(recipe.phases[1].lr, float)


def test_overrides_reach_everywhere(small: Path) -> None:
    recipe = load_recipe(
        small,
        [
            "seed=9",
            "phases.1.epochs=7",
            "phases.0.lr=2e-5",
            "phases.1.encoder_lr=null",
            "data.folders.coco=/some where/else=here",
            "data.train=[flickr8k/train, coco/train2014]",
            "data.train.0=flickr8k/dev",
            "augmentation.crop=0.9",
            "model.decoder={name: other, hidden: 3}",
            "model.encoder.size=64",
            "out=runs/x",
            "seed=10",
        ],
    )
    assert recipe.seed == 10
    assert (recipe.phases[1].epochs, recipe.phases[0].lr, recipe.phases[1].encoder_lr) == (7, 2e-5, None)
    assert recipe.data.folders == {"flickr8k": "there", "coco": "/some where/else=here"}
    assert recipe.data.train == ["flickr8k/dev", "coco/train2014"]
    assert recipe.augmentation == Augmentation(crop=0.9)
    assert recipe.model.decoder == {"name": "other", "hidden": 3}
    assert recipe.model.encoder == {"name": "e", "size": 64}
    assert recipe.out == "runs/x"


@settings(max_examples=25)
@given(st.floats(1e-9, 1e9))
def test_floats_are_read_however_they_are_written(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    path = tmp_path_factory.getbasetemp() / "floats.yaml"
    path.write_text(SMALL, encoding="utf-8")
    for text in (repr(value), f"{value:e}", f"{value:.17g}"):
        assert load_recipe(path, [f"clip={text}"]).clip == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("text", ["1e-6", "-2.5E+3", "1e3", "1.e2"])
def test_exponents_are_numbers_wherever_they_stand(small: Path, text: str) -> None:
    """Also where no field says what is wanted, as in the settings of a network."""
    small.write_text(SMALL.replace("name: d", f"name: d, epsilon: {text}, word: {text}x"), encoding="utf-8")
    model = load_recipe(small, [f"model.encoder.epsilon={text}"]).model
    assert model.decoder["epsilon"] == model.encoder["epsilon"] == float(text)
    assert model.decoder["word"] == f"{text}x"


@pytest.mark.parametrize(
    ("override", "kind", "named"),
    [
        ("sed=1", "unknown-key", "'sed'"),
        ("data.trian=[]", "unknown-key", "recipe.data .*'trian'; did you mean 'train'"),
        ("phases.1.speed=3", "unknown-key", "recipe.phases.1 .*'speed'"),
        ("augmentation.blur=1", "unknown-key", "'blur'"),
        ("seed=one", "type", "recipe.seed: expected int, got 'one'"),
        ("seed=1.5", "type", "recipe.seed"),
        ("seed=true", "type", "recipe.seed"),
        ("seed=null", "type", "recipe.seed"),
        ("clip=true", "type", "recipe.clip"),
        ("clip=much", "type", "recipe.clip: expected float, got 'much'"),
        ("name=3", "type", "recipe.name"),
        ("data.train=flickr8k/train", "type", "recipe.data.train: expected list"),
        ("data.train=[1]", "type", "recipe.data.train.0"),
        ("data.folders=[a]", "type", "recipe.data.folders"),
        ("data.folders.flickr8k=3", "type", "recipe.data.folders.flickr8k"),
        ("model=3", "type", "recipe.model"),
        ("model.weights=[a]", "type", "recipe.model.weights"),
        ("phases=3", "type", "recipe.phases"),
        ("phases=[3]", "type", "recipe.phases.0"),
        ("phases.0={name: x}", "missing-key", "recipe.phases.0 lacks epochs, lr"),
        ("data={}", "missing-key", "recipe.data lacks folders, train, dev"),
        ("phases.2.epochs=1", "override", "phases.2.epochs"),
        ("phases.one.epochs=1", "override", "phases.one.epochs"),
        ("name.deeper=1", "override", "name.deeper"),
        ("seed", "override", "'seed' is not KEY=VALUE"),
        ("seed={", "yaml", "YAML"),
        ("phases=[]", "range", "phases"),
        ("seed=-1", "range", "recipe.seed is -1"),
        ("batch_size=0", "range", "recipe.batch_size is 0"),
        ("label_smoothing=1.5", "range", "label_smoothing"),
        ("clip=.nan", "range", "recipe.clip"),
        ("phases.0.lr=.inf", "range", r"recipe\.phases\.0\.lr"),
        ("phases.0.lr=0", "range", r"recipe\.phases\.0\.lr"),
        ("phases.1.captions=0", "range", r"recipe\.phases\.1\.captions"),
        ("beam=0", "range", "recipe.beam"),
        ("data.max_words=0", "range", "max_words"),
        ("phases.0.views=0", "range", "phases.0.views"),
        ("phases.1.views=2", "range", "phases.1.views is 2; it must be 1 to 1"),
        ("pieces=0", "range", "pieces"),
        ("precision=fp8", "unknown-name", "fp8.*known: fp32, bf16"),
        ("phases.0.schedule=steps", "unknown-name", "steps.*known: cosine, linear, constant"),
        ("phases.0.self_critical={cider_d: 0}", "range", "cider_d . bleu_4"),
        ("phases.0.distillation={teachers: []}", "range", "teachers"),
        ("phases.0.distillation={teachers: [a], share: 2}", "range", "share"),
        ("augmentation.crop=0", "range", "crop"),
        ("augmentation.mirror=2", "range", "mirror"),
    ],
)
def test_what_does_not_fit_is_named(small: Path, override: str, kind: str, named: str) -> None:
    error = refused(small, override)
    assert error.kind == kind
    assert re.search(named, error.message)


@pytest.mark.parametrize("key", ["name", "data", "model", "phases"])
def test_a_missing_key_is_named(small: Path, key: str) -> None:
    lines = SMALL.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    small.write_text("\n".join(lines[:start] + lines[end:]), encoding="utf-8")
    error = refused(small)
    assert (error.kind, error.message) == ("missing-key", f"recipe lacks {key}")


@pytest.mark.parametrize(
    "content", [b"", b"- a\n- b\n", b"just words", b"name: [", b"\xff\xfe", b"a: !!python/object:os.x {}"]
)
def test_a_file_that_is_no_recipe_is_refused(small: Path, content: bytes) -> None:
    small.write_bytes(content)
    refused(small)
    refused(small, "seed=1")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere.yaml")
    assert error.kind == "missing"
    assert "nowhere.yaml" in error.message
    assert str(tmp_path) in refused(tmp_path).message
