"""A folder with a file a photo, `ID.npz` or `ID.npy`.

So bottom-up-attention.pytorch writes them (github.com/MILVLG: `x`, `bbox` in pixels, `image_w`, `image_h`; beside these a pickle,
`info`, which is left alone), and self-critical.pytorch (github.com/ruotianluo: `feat` in NAME_att/ID.npz, boxes in pixels in
NAME_box/ID.npy, the mean of the regions in NAME_fc/ID.npy).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pictell.regions.arrays import read_arrays
from pictell.regions.store import RegionStore, Stored

SUFFIXES = (".npz", ".npy")


class RegionFolder(RegionStore):
    """Boxes that files of features lack are looked for in NAME_box beside a folder NAME_att."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        name = path.absolute().name
        self._boxes = path.absolute().with_name(f"{name.removesuffix('_att')}_box") if name.endswith("_att") else None

    def find(self, name: str) -> str | None:
        """The name of the file, its ending with it."""
        if Path(name).is_absolute() or ".." in Path(name).parts:  # which would be somewhere else
            return None
        # Not the method of paths, which raises for a strange name.
        files = (f"{name}{suffix}" for suffix in SUFFIXES)
        return next((file for file in files if os.path.isfile(self.path / file)), None)  # noqa: PTH113

    def load(self, key: str) -> Stored:
        """Its arrays, and the boxes beside it."""
        stored = read_arrays(self.path / key, str(self.path / key))
        if stored.boxes is None and self._boxes is not None:
            boxes = (self._boxes / key).with_suffix(".npy")
            if os.path.isfile(boxes):  # noqa: PTH113
                return replace(stored, boxes=read_arrays(boxes, str(boxes)).features)
        return stored
