"""Photos of which a model reads region features that were computed elsewhere, in the place of the photos themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.data import CaptionedPhoto
from pictell.errors import RecipeError, RegionError
from pictell.models import CaptioningModel
from pictell.models.encoders.regions import RegionFeatures
from pictell.regions import RegionSettings, RegionStore
from pictell.training.recipe import Recipe


@dataclass(frozen=True)
class RegionPhotos:
    """The regions of a data set's photos, as a model reads them."""

    store: RegionStore
    settings: RegionSettings

    def of(self, photo: CaptionedPhoto) -> NDArray[np.float32]:
        """A photo's `(R, D)`, zeros after its last region; `RegionError` where there are none or they do not fit."""
        return self.settings.fit(self.store.read(photo.id, photo.path), photo.id)


def check_recipe(recipe: Recipe) -> None:
    """Raises `RecipeError` where a model of region features and the rest of the recipe do not go together."""
    reads = recipe.model.encoder.get("name") == "regions"
    if reads and not recipe.data.regions:
        raise RecipeError("regions", "the encoder regions reads features: say where they are with data.regions=PATH")
    if recipe.data.regions and not reads:
        raise RecipeError(
            "regions", "data.regions is for model.encoder: {name: regions}; other encoders look at photos"
        )
    if not reads:
        return
    if recipe.keep_photos:
        raise RecipeError("regions", "keep_photos is for encoders that look at photos: leave it out with data.regions")
    for phase in recipe.phases:
        if phase.encoder_lr is not None or phase.views > 1:
            raise RecipeError(
                "regions",
                f"phase {phase.name!r}: the encoder regions has nothing to learn: leave encoder_lr and views out",
            )


def photos_of(store: RegionStore, model: CaptioningModel, photos: Sequence[CaptionedPhoto]) -> RegionPhotos:
    """The regions of `photos`; `RecipeError` where those of the first do not fit the model, as the others' will not."""
    assert isinstance(model.encoder, RegionFeatures)
    found = RegionPhotos(store, model.encoder.reads)
    try:
        found.of(photos[0])
    except RegionError as error:
        if error.kind in ("width", "regions", "boxes"):
            raise RecipeError("regions", f"{error.message}: change model.encoder or data.regions") from error
    return found
