"""Where a model's weights come from: the runs and bundles that it began with, learnt from or is the mean of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pictell.bundle import Bundle
from pictell.errors import RecipeError

_FLICKR8K = "Flickr8k (Hodosh, Young and Hockenmaier 2013; for research, not for commerce)"
_FLICKR30K = "Flickr30k (Young et al. 2014; for research and education, not for commerce)"
_COCO = "COCO (Chen et al. 2015; captions CC BY 4.0, photos on their Flickr owners' terms)"
_TERMS = {
    "flickr8k": _FLICKR8K,
    "flickr8k-karpathy": _FLICKR8K,
    "flickr30k": _FLICKR30K,
    "flickr30k-karpathy": _FLICKR30K,
    "flickr30k-entities": _FLICKR30K,
    "coco": _COCO,
    "coco-karpathy": _COCO,
    "vizwiz": "VizWiz-Captions (Gurari et al. 2020; CC BY 4.0)",
    "visual-genome": "Visual Genome (Krishna et al. 2017; phrases CC BY 4.0, photos on their Flickr owners' terms)",
    "photos": "pictures and captions of the person who trained it",
    "datasets": "a collection of the person who trained it",
    "webdataset": "shards of the person who trained it",
}


def read_recipe(run: Path) -> dict[str, Any]:
    """The recipe that a run's folder keeps; `RecipeError` for a folder that is no run's."""
    path = run / "recipe.json"
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
        _ = recipe["seed"], recipe["beam"], recipe["length_penalty"]
        _ = recipe["data"]["train"], recipe["data"]["max_words"]
    except OSError as error:
        raise RecipeError("no-run", f"{run} is not the folder of a training run: {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecipeError("no-run", f"{path} is not the recipe of a run") from error
    assert isinstance(recipe, dict)
    return recipe


def lineage(run: Path) -> tuple[list[Mapping[str, Any]], list[Bundle]]:
    """The recipes of `run` and of all runs whose weights or words reached it, the oldest first, and the bundles likewise.

    Raises:
        RecipeError: `run` or one of those is not there any more, so that nobody can say what the weights were learnt from.

    """
    recipes: dict[Path, Mapping[str, Any]] = {}
    bundles: dict[Path, Bundle] = {}
    begun: set[Path] = set()

    def visit(folder: Path) -> None:
        folder = folder.resolve()
        if folder in begun:
            return
        begun.add(folder)
        if (folder / "config.json").is_file():
            bundles[folder] = Bundle.open(folder)
            return
        recipe = read_recipe(folder)
        for name, parent in _parents(recipe):
            if not any((parent / file).is_file() for file in ("recipe.json", "config.json")):
                raise RecipeError(
                    "no-run", f"what was {name} trained on? The model's terms depend on it: put the run or bundle back"
                )
            visit(parent)
        recipes[folder] = recipe

    visit(run)
    return list(recipes.values()), list(bundles.values())


def terms_of(recipes: Sequence[Mapping[str, Any]], bundles: Sequence[Bundle]) -> str:
    """A line or two on the data that such a model was learnt from."""
    kinds = dict.fromkeys(name.partition("/")[0] for recipe in recipes for name in recipe["data"]["train"])
    own = " and ".join(dict.fromkeys(_TERMS.get(kind, kind) for kind in kinds))
    before = " ".join(dict.fromkeys(bundle.terms for bundle in bundles))
    return f"{before} Then trained on {own}." if before else f"Trained on {own}."


def _parents(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """What a run was made of: each as the recipe names it, and its folder."""
    if start := recipe.get("model", {}).get("start_from"):
        yield start, Path(start).parent
    for phase in recipe.get("phases", []):
        for teacher in (phase.get("distillation") or {}).get("teachers", []):
            yield teacher, Path(teacher)
    for run in recipe.get("mean_of", []):
        yield run, Path(run)
