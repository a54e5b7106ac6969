"""Features are computed once, and what was cut short is never taken for whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pictell.data.feature_cache import cached_features

PATHS = [Path(f"{number}.jpg") for number in range(10)]
SHAPE = (2, 3)


class Encoder:
    """Gives each path's number, counts what it is asked for, and may fail at a call."""

    def __init__(self, fail_at: int | None = None, shape: tuple[int, int] = SHAPE) -> None:
        self.batches: list[int] = []
        self.fail_at = fail_at
        self.shape = shape

    def __call__(self, paths: Sequence[Path]) -> NDArray[np.float32]:
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(len(paths))
        return np.stack([np.full(self.shape, float(path.stem), np.float32) for path in paths])


def check(features: NDArray[np.float16], shape: tuple[int, int] = SHAPE) -> None:
    assert features.shape == (10, *shape)
    assert features.dtype == np.float16
    np.testing.assert_array_equal(features[:, 0, 0], np.arange(10))


def test_computed_once_in_batches(tmp_path: Path) -> None:
    encoder = Encoder()
    check(cached_features(tmp_path / "new", "key", PATHS, SHAPE, encoder, batch_size=4))
    assert encoder.batches == [4, 4, 2]
    check(cached_features(tmp_path / "new", "key", PATHS, SHAPE, encoder, batch_size=4))
    assert encoder.batches == [4, 4, 2]


def test_what_is_read_cannot_be_changed(tmp_path: Path) -> None:
    features = cached_features(tmp_path, "key", PATHS, SHAPE, Encoder())
    with pytest.raises(ValueError, match="read-only"):
        features[0] = 1


@pytest.mark.parametrize("fail_at", [0, 1, 2])
def test_half_a_file_is_never_used(tmp_path: Path, fail_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        cached_features(tmp_path, "key", PATHS, SHAPE, Encoder(fail_at), batch_size=4)
    encoder = Encoder()
    check(cached_features(tmp_path, "key", PATHS, SHAPE, encoder, batch_size=4))
    assert sum(encoder.batches) == 10
    assert len(list(tmp_path.iterdir())) == 1, "nothing is left of the first attempt"


def test_other_encoders_and_other_photos_have_their_own(tmp_path: Path) -> None:
    encoder = Encoder()
    check(cached_features(tmp_path, "one", PATHS, SHAPE, encoder))
    check(cached_features(tmp_path, "two", PATHS, SHAPE, encoder))
    turned = cached_features(tmp_path, "one", PATHS[::-1], SHAPE, encoder)
    np.testing.assert_array_equal(turned[:, 0, 0], np.arange(10)[::-1])
    cached_features(tmp_path, "one", PATHS[:5], SHAPE, encoder)
    assert encoder.batches == [10, 10, 10, 5]
    check(cached_features(tmp_path, "one", PATHS, SHAPE, encoder))
    assert len(encoder.batches) == 4


def test_another_shape_is_computed_anew(tmp_path: Path) -> None:
    """The same weights may look at photos of another size."""
    check(cached_features(tmp_path, "key", PATHS, SHAPE, Encoder()))
    check(cached_features(tmp_path, "key", PATHS, (4, 3), Encoder(shape=(4, 3))), (4, 3))


def test_the_batches_may_be_watched(tmp_path: Path) -> None:
    seen: list[range] = []

    def watch(batches: Sequence[range]) -> Iterator[range]:
        for batch in batches:
            seen.append(batch)
            yield batch

    check(cached_features(tmp_path, "key", PATHS, SHAPE, Encoder(), batch_size=7, watch=watch))
    assert seen == [range(7), range(7, 10)]
