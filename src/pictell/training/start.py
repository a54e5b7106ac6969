"""Going on from a trained model: the recipe's settings that make its network again and load its weights; on one's own photos."""

from __future__ import annotations

import json
from pathlib import Path

from pictell.bundle import find_bundle
from pictell.data.own_photos import splits_of
from pictell.errors import DataError, RecipeError
from pictell.training.checkpoint import load_checkpoint

OWN_PHOTOS = Path(__file__).with_name("own_photos.yaml")
"""The recipe for a folder of photos with a table of captions; see `settings_for_own_photos`."""

_DEV = ("dev", "val", "validation", "valid")  # what people call the photos that say when to stop


def settings_for_own_photos(folder: Path) -> list[str]:
    """`KEY=VALUE` settings that make `OWN_PHOTOS` a recipe for this folder and the splits that its table names.

    Raises `DataError` if the table cannot be read, or names splits but none to learn from or none to say when to stop.
    """
    splits = splits_of(folder)
    dev = next((name for name in _DEV if name in splits), _DEV[0])
    for name, purpose in (("train", "to learn from"), (dev, "which say when to stop")):
        if name not in splits:
            has = ", ".join(map(repr, splits))
            raise DataError(
                "unknown-split", f"the table in {folder} puts no photos into {name!r}, {purpose}, only into {has}"
            )
    held_out = [f"photos/{name}" for name in (dev, "test") if name == dev or name in splits]
    return [
        f"data.folders.photos={json.dumps(str(folder))}",
        f"data.dev=photos/{dev}",
        f"data.held_out={json.dumps(held_out)}",
    ]


def settings_to_go_on_from(model: str) -> list[str]:
    """`KEY=VALUE` settings for `load_recipe`, to be put before the user's own.

    `model` is a bundle, by name or directory, or the folder of a training run, whose best weights are taken. The network
    is that of the model whatever the recipe says, and so are its words.

    Raises:
        BundleError: there is no such bundle, or its weights are not there or altered.
        RecipeError: the directory is neither, or the run's checkpoint is not there yet or damaged.

    """
    weights = Path(model) / "best.safetensors"
    if (Path(model) / "recipe.json").is_file() and not weights.is_file():
        raise RecipeError("no-weights", f"{model} has no best.safetensors yet: let its first epoch end")
    if Path(model).is_dir() and not weights.is_file() and not (Path(model) / "config.json").is_file():
        raise RecipeError(
            "no-model", f"{model} is neither a model (config.json) nor the folder of a run (best.safetensors)"
        )
    if weights.is_file():
        _, about = load_checkpoint(weights)
        architecture = about.get("architecture")
        if not isinstance(architecture, dict):
            raise RecipeError("checkpoint", f"{weights} does not say of which network it is")
    else:
        bundle = find_bundle(model)
        bundle.read("model.safetensors")
        weights, architecture = bundle.directory / "model.safetensors", dict(bundle.architecture)
    # JSON is YAML too, so that any name is read back as it is.
    parts = [f"model.{part}={json.dumps(settings)}" for part, settings in architecture.items()]
    return [*parts, f"model.start_from={json.dumps(str(weights))}", "model.weights=null", "model.language_model=null"]
