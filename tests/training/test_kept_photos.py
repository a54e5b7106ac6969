"""Photos that are kept decoded are changed as those that are read anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pictell.data.augmentation import Augmentation, Change
from pictell.photos import Preprocessing
from pictell.training.kept_photos import KeptPhotos, apply_changes

_CPU = torch.device("cpu")


def told(change: Change) -> list[float]:
    return [*change.box, *(change.factors or (1, 1, 1)), float(change.mirrored)]


@pytest.mark.parametrize("seed", range(6))
def test_many_photos_change_as_pillow_changes_each(seed: int) -> None:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (5, 9, 9, 3), np.uint8)
    pixels = np.stack([np.array(Image.fromarray(one).resize((64, 64), Image.Resampling.BICUBIC)) for one in coarse])
    pixels[0] = generator.integers(0, 256, pixels[0].shape)  # noise, whose edges show any shift
    strength = Augmentation(crop=0.5, colour=0.4)
    changes = [strength.draw(generator) for _ in pixels]
    found = apply_changes(torch.from_numpy(pixels), torch.tensor([told(change) for change in changes])).numpy()
    expected = np.stack([change.apply(one) for change, one in zip(changes, pixels, strict=True)])
    difference = np.abs(found.astype(int) - expected)
    # Pillow rounds between the two directions of a crop, which the three factors may make more of in a few places.
    assert difference.max() <= 8
    assert np.quantile(difference, 0.99) <= 3
    assert difference.mean() < 0.6


def test_a_photo_that_nothing_is_done_to_stays_itself() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    nothing = told(Change((0.0, 0.0, 1.0, 1.0), None, False))
    mirrored = told(Change((0.0, 0.0, 1.0, 1.0), None, True))
    found = apply_changes(torch.from_numpy(pixels), torch.tensor([nothing, mirrored])).numpy()
    np.testing.assert_array_equal(found[0], pixels[0])
    np.testing.assert_array_equal(found[1], pixels[1][:, ::-1])


def test_photos_are_found_by_their_number(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (40, 30), (number * 80, 10, 20)).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    said: list[str] = []
    files = [tmp_path / f"{name}.png" for name in (2, "broken", 0, 1)]
    kept = KeptPhotos(files, Preprocessing(size=32), _CPU, said.append)
    assert kept.missing == {1}
    assert len(said) == 1
    assert "broken.png" in said[0]
    nothing = told(Change((0.0, 0.0, 1.0, 1.0), None, False))
    found = kept.changed(torch.tensor([3, 0]), torch.tensor([nothing, nothing]))
    assert found.shape == (2, 32, 32, 3)
    assert found[:, 0, 0].tolist() == [[80, 10, 20], [160, 10, 20]]
