"""From the folder of a training run to a bundle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pictell.bundle import Bundle
from pictell.data import load_dataset
from pictell.errors import OptionError, RecipeError
from pictell.language import Vocabulary
from pictell.models import build_model
from pictell.models.encoders.regions import RegionFeatures
from pictell.photos import open_photo, prepare
from pictell.training.checkpoint import load_checkpoint
from pictell.training.export import check_replaceable, export_bundle
from pictell.training.lineage import lineage, read_recipe, terms_of

CALIBRATION_PHOTOS = 256
"""As many give activation ranges that no longer change from one choice of photos to another."""


def choose_calibration(run: Path, data: str, count: int = CALIBRATION_PHOTOS) -> list[Path]:
    """Photos of the split of `data` (`KIND:FOLDER`) that the run was trained on, chosen by the run's seed.

    Raises:
        RecipeError: the run was not trained on this kind of data, or is no run.
        DataError: the data are not there.

    """
    recipe = read_recipe(run)
    kind = data.partition(":")[0]
    split = next((name.partition("/")[2] for name in recipe["data"]["train"] if name.partition("/")[0] == kind), None)
    if split is None:
        trained_on = ", ".join(recipe["data"]["train"])
        raise RecipeError("calibration", f"calibrate with what {run} was trained on ({trained_on}), not {kind!r}")
    photos = load_dataset(data, split, skip_missing=recipe["data"].get("skip_missing", False))
    chosen = np.random.default_rng(recipe["seed"]).permutation(len(photos))[:count]
    return [photos[number].path for number in sorted(chosen)]


def bundle_from_run(
    run: Path,
    directory: Path,
    *,
    name: str,
    version: int,
    beam: int | None = None,
    length_penalty: float | None = None,
    terms: str | None = None,
    licence: str | None = None,
    card: str | None = None,
    calibration_photos: Sequence[Path] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Bundle:
    """Makes a bundle of the best weights of `run` (`recipe.json`, `vocabulary.json`, `best.safetensors`).

    What is `None` follows from the run: `beam` and `length_penalty` are those of the recipe's validation, `terms` (a line
    or two) and `licence` (the bundle's `LICENSE`) say what the data allow, `card` (its `README.md`) what was trained and
    its score. With `calibration_photos` the bundle is quantised, otherwise it stays in full precision; `say` hears what 8 bits
    change. A bundle that is in `directory` is replaced.

    Raises:
        RecipeError: `run` is not the folder of a run, or has no best weights yet.
        OptionError: nothing can be searched with this `beam` or `length_penalty`.
        BundleError: there is something other than a bundle's files in `directory`, or the bundle does not say what the run's
            network says.
        PhotoError: a calibration photo cannot be opened.

    """
    recipe = read_recipe(run)
    check_replaceable(directory)
    beam = recipe["beam"] if beam is None else beam
    length_penalty = recipe["length_penalty"] if length_penalty is None else length_penalty
    if beam < 1 or not math.isfinite(length_penalty):
        raise OptionError(
            f"a search has a beam of 1 or more and a finite length penalty, not {beam} and {length_penalty}"
        )
    weights = run / "best.safetensors"
    if not weights.is_file():
        raise RecipeError("no-weights", f"{run} has no best.safetensors yet: let its first epoch end")
    tensors, about = load_checkpoint(weights)
    vocabulary = Vocabulary.load(run / "vocabulary.json")
    try:
        model = build_model(about["architecture"], len(vocabulary))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise RecipeError("checkpoint", f"{weights} does not fit {run / 'vocabulary.json'}") from error
    if about.get("round_weights"):
        model.encoder.round_weights(True)
        model.encoder.bake_rounding()
    calibration = None
    if calibration_photos is not None and model.architecture["encoder"]["name"] != "mobilenet_v2":
        raise OptionError("8-bit weights are for the encoder mobilenet_v2: leave --calibration out")
    preprocessing = None if isinstance(model.encoder, RegionFeatures) else model.encoder.preprocessing
    if calibration_photos is not None and preprocessing is not None:
        photos = (open_photo(path, smallest_side=preprocessing.smallest_side) for path in calibration_photos)
        calibration = np.stack([prepare(photo, preprocessing) for photo in photos])  # (B, S, S, 3)
    recipes, bundles = lineage(run)
    terms = terms_of(recipes, bundles) if terms is None else terms
    pretrained = any(recipe.get("model", {}).get("weights") for recipe in recipes) or bool(bundles)
    export_bundle(
        model,
        vocabulary,
        directory,
        name=name,
        version=version,
        terms=terms,
        licence=_licence(terms, pretrained, model.architecture["encoder"].get("source"))
        if licence is None
        else licence,
        card=_card(f"{name}@{version}", recipe, about, terms) if card is None else card,
        preprocessing=preprocessing,
        generation={
            "beam": beam,
            "max_words": recipe["data"]["max_words"],
            "length_penalty": length_penalty,
        },
        calibration=calibration,
        say=say,
    )
    return Bundle.open(directory)


def _licence(terms: str, pretrained: bool, source: str | None) -> str:
    return "\n".join(
        [
            "Notice on the model in this directory",
            "",
            f"{terms} The weights were learnt from these data, whose terms therefore bear on",
            "what they may be used for: research and education, for what was learnt from Flickr8k.",
            "The photos themselves belong to their owners and are not in here.",
            *(
                [f"The encoder began from the weights of {source}, whose own licence and terms bear on these, too."]
                if source
                else ["The encoder began from MobileNetV2 weights pretrained on ImageNet (Google, Apache-2.0)."]
                if pretrained
                else []
            ),
            "",
            "The program that runs the model is a work of its own with a licence of its own (Apache-2.0).",
            "The model is given as it is, without warranty of any kind.",
            "",
        ]
    )


def _card(label: str, recipe: Mapping[str, Any], about: Mapping[str, Any], terms: str) -> str:
    scores = [f"- {name}: {value}" for name, value in about.get("dev", {}).items() if value != ""]
    return "\n".join(
        [
            f"# {label}",
            "",
            f"An image captioning model for pictell. {terms}",
            "",
            f"Recipe `{recipe['name']}`, seed {recipe['seed']}. Validation ({recipe['data']['dev']}) at its best epoch:",
            "",
            *scores,
            "",
            *(
                [
                    "Trained on its own captions' scores too (self-critical), with the end of a caption in the reward.",
                    "",
                ]
                if any(phase.get("self_critical") for phase in recipe.get("phases", []))
                else []
            ),
        ]
    )
