"""Region features that a program has at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pictell.regions.found import Regions
from pictell.regions.store import RegionStore, Stored


class GivenRegions(RegionStore):
    """Regions by photo, as `Regions` or as features (R, D) alone; boxes are shares of the photo."""

    def __init__(self, given: Mapping[str, Regions | NDArray[np.floating]]) -> None:
        super().__init__(Path("memory"))
        self._given = given

    def find(self, name: str) -> str | None:
        """The id itself."""
        return name if name in self._given else None

    def load(self, key: str) -> Stored:
        """What was given."""
        found = self._given[key]
        return Stored(found.features, found.boxes) if isinstance(found, Regions) else Stored(np.asarray(found))
