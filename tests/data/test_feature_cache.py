"""Features are computed once, and what was cut short is never taken for whole."""

from __future__ import annotations

import os
from collections import namedtuple
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pictell.data import feature_cache
from pictell.data.feature_cache import cached_features
from pictell.errors import DataError

PATHS = [Path(f"{number}.jpg") for number in range(10)]
SHAPE = (2, 3)


class Encoder:
    """Gives each path's number, counts what it is asked for, and may fail at a call."""

    def __init__(self, fail_at: int | None = None, shape: tuple[int, int] = SHAPE) -> None:
        self.batches: list[int] = []
        self.fail_at = fail_at
        self.shape = shape

    def __call__(self, rows: range) -> NDArray[np.float32]:
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(len(rows))
        return np.stack([np.full(self.shape, float(row), np.float32) for row in rows])


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


def test_what_was_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_BATCHES_BETWEEN_NOTES", 2)
    with pytest.raises(KeyboardInterrupt):
        cached_features(tmp_path, "key", PATHS, SHAPE, Encoder(fail_at=3), batch_size=2)
    encoder, heard = Encoder(), list[str]()
    check(cached_features(tmp_path, "key", PATHS, SHAPE, encoder, batch_size=2, say=heard.append))
    assert encoder.batches == [2, 2, 2], "four were noted as done, a fifth and sixth perhaps not whole"
    assert "4 of them there already" in heard[0]


@pytest.mark.parametrize("note", ["", "11", "-1", "four", "\0"])
def test_a_note_that_makes_no_sense_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str) -> None:
    monkeypatch.setattr(feature_cache, "_BATCHES_BETWEEN_NOTES", 1)
    with pytest.raises(KeyboardInterrupt):
        cached_features(tmp_path, "key", PATHS, SHAPE, Encoder(fail_at=2), batch_size=2)
    next(tmp_path.glob("*.txt")).write_text(note, encoding="utf-8")
    encoder = Encoder()
    check(cached_features(tmp_path, "key", PATHS, SHAPE, encoder, batch_size=2))
    assert sum(encoder.batches) == 10


def test_the_size_is_told_before_anything_is_written(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []

    def say(text: str) -> None:
        heard.append((text, len(list(tmp_path.iterdir()))))

    check(cached_features(tmp_path, "key", PATHS, (500, 300), Encoder(shape=(500, 300)), say=say), (500, 300))
    assert heard == [(f"10 x 500 x 300 features take 3 MB in {tmp_path}", 0)]
    check(cached_features(tmp_path, "key", PATHS, (500, 300), Encoder(), say=say), (500, 300))
    assert len(heard) == 1, "what is there needs no room"


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda _: usage(1, 1, 119))
    with pytest.raises(DataError, match="make room"):
        cached_features(tmp_path, "key", PATHS, SHAPE, Encoder())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda _: usage(1, 1, 120))
    check(cached_features(tmp_path, "key", PATHS, SHAPE, Encoder()))


def test_a_photo_that_changed_is_computed_anew(tmp_path: Path) -> None:
    paths = [tmp_path / "photos" / path for path in PATHS]
    paths[0].parent.mkdir()
    paths[3].write_bytes(b"one")
    encoder = Encoder()
    cached_features(tmp_path, "key", paths, SHAPE, encoder)
    cached_features(tmp_path, "key", paths, SHAPE, encoder)
    assert len(encoder.batches) == 1
    paths[3].write_bytes(b"another")
    cached_features(tmp_path, "key", paths, SHAPE, encoder)
    assert len(encoder.batches) == 2


def test_other_encoders_and_other_photos_have_their_own(tmp_path: Path) -> None:
    encoder = Encoder()
    check(cached_features(tmp_path, "one", PATHS, SHAPE, encoder))
    check(cached_features(tmp_path, "two", PATHS, SHAPE, encoder))
    check(cached_features(tmp_path, "one", PATHS[::-1], SHAPE, encoder))
    cached_features(tmp_path, "one", PATHS[:5], SHAPE, encoder)
    assert encoder.batches == [10, 10, 10, 5]
    check(cached_features(tmp_path, "one", PATHS, SHAPE, encoder))
    assert len(encoder.batches) == 4


def test_names_need_not_be_text(tmp_path: Path) -> None:
    paths = [*PATHS[:9], Path(os.fsdecode(b"\xff.jpg"))]
    check(cached_features(tmp_path, "key", paths, SHAPE, Encoder()))


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
