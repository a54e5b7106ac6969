"""Augmentation changes a photo a little, repeatably, and keeps its captions true."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pictell.data.augmentation import Augmentation, mirror_words

Picture = Callable[..., NDArray[np.uint8]]
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

augmentations = st.builds(
    Augmentation, crop=st.floats(0.3, 1.0), colour=st.floats(0, 0.9), mirror=st.sampled_from([0.0, 0.5, 1.0])
)


@relaxed
@given(augmentation=augmentations, seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 32]))
def test_the_same_generator_gives_the_same_picture(
    picture: Picture, augmentation: Augmentation, seed: int, size: int
) -> None:
    pixels = picture(0, size, size)
    before = pixels.copy()
    change = augmentation.draw(np.random.default_rng(seed))
    assert change == augmentation.draw(np.random.default_rng(seed))
    first, again = change.apply(pixels), change.apply(pixels)
    assert first.shape == pixels.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(pixels, before, "the photo itself is not changed")


@pytest.mark.parametrize("seed", range(5))
def test_without_any_change_it_is_the_photo(picture: Picture, seed: int) -> None:
    pixels = picture(seed, 32, 32)
    change = Augmentation(crop=1, colour=0, mirror=0).draw(np.random.default_rng(seed))
    assert not change.mirrored
    np.testing.assert_array_equal(change.apply(pixels), pixels)


def test_mirroring_alone_swaps_left_and_right(picture: Picture) -> None:
    pixels = picture(0, 32, 32)
    change = Augmentation(crop=1, colour=0, mirror=1).draw(np.random.default_rng(0))
    assert change.mirrored
    np.testing.assert_array_equal(change.apply(pixels), pixels[:, ::-1])


def test_it_mirrors_as_often_as_asked() -> None:
    generator = np.random.default_rng(0)
    augmentation = Augmentation(crop=1, colour=0, mirror=0.3)
    count = sum(augmentation.draw(generator).mirrored for _ in range(1000))
    assert 230 < count < 370


def test_a_crop_keeps_the_share_asked_for() -> None:
    """A slope from left to right and one from top to bottom: their ends tell where the crop was."""
    slope = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack([*np.meshgrid(slope, slope), np.zeros((64, 64), np.uint8)], axis=2)
    shares = []
    for seed in range(50):
        changed = Augmentation(crop=0.6, colour=0, mirror=0).draw(np.random.default_rng(seed)).apply(pixels)
        shares += [np.ptp(changed[32, :, 0].astype(int)) / 255, np.ptp(changed[:, 32, 1].astype(int)) / 255]
    assert min(shares) > 0.57
    assert min(shares) < 0.7
    assert max(shares) > 0.9
    assert max(shares) <= 1


@relaxed
@given(colour=st.floats(0.05, 0.5), seed=st.integers(0, 1000))
def test_colours_change_within_their_bounds(colour: float, seed: int) -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    changed = Augmentation(crop=1, colour=colour, mirror=0).draw(np.random.default_rng(seed)).apply(grey)
    assert np.abs(changed.astype(float) - 100).max() <= 100 * colour + 2


@given(st.lists(st.sampled_from(["left", "right", "dog", "the", "leftover"]), max_size=8))
def test_left_and_right_change_places_in_words(words: list[str]) -> None:
    mirrored = mirror_words(words)
    assert mirror_words(mirrored) == words
    for word, other in zip(words, mirrored, strict=True):
        assert other == {"left": "right", "right": "left"}.get(word, word)
