"""Small data sets in the official layouts, and pictures with something in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pictell.data import load_dataset
from pictell.errors import DataError

Picture = Callable[..., NDArray[np.uint8]]
Refused = Callable[[str, str], DataError]


@pytest.fixture(scope="session")
def picture() -> Picture:
    """`picture(seed, height, width)`: smooth random colours, `(H, W, 3)`, as different as photos are."""

    def make(seed: int, height: int = 96, width: int = 128) -> NDArray[np.uint8]:
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))

    return make


@pytest.fixture
def flickr8k(tmp_path: Path, picture: Picture) -> Path:
    """Six photos: three to train on, one for dev, one for test and one in no list, two captions each."""
    folder = tmp_path / "flickr8k"
    (folder / "Flicker8k_Dataset").mkdir(parents=True)
    (folder / "Flickr8k_text").mkdir()
    lines = []
    for number in range(6):
        Image.fromarray(picture(number)).save(folder / f"Flicker8k_Dataset/{number}_ab.jpg", quality=90)
        lines += [f"{number}_ab.jpg#{k}\tA dog number {number} runs , caption {k} ." for k in range(2)]
    (folder / "Flickr8k_text/Flickr8k.token.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for split, names in (("train", [2, 0, 1]), ("dev", [3]), ("test", [4])):
        text = "".join(f"{number}_ab.jpg\n" for number in names)
        (folder / f"Flickr8k_text/Flickr_8k.{split}Images.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def refused() -> Refused:
    """`refused("KIND:FOLDER", split)`: the error that loading it ends in, one line that names the folder."""

    def load(name: str, split: str) -> DataError:
        with pytest.raises(DataError) as caught:
            load_dataset(name, split)
        assert name.partition(":")[2] in caught.value.message
        assert "\n" not in caught.value.message
        return caught.value

    return load
