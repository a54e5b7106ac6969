"""Faithfulness and how a decoder looks: on maps and on models of which it is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pictell.captioner import Captioner, load
from pictell.data import CaptionedPhoto, load_dataset
from pictell.errors import PictellError
from pictell.insight import looking, measure_faithfulness
from pictell.insight.faithfulness import HIDDEN
from pictell.insight.grid import hide
from pictell.insight.spoken import read, speak
from pictell.photos import prepare

Picture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def photos(tmp_path: Path, picture: Picture) -> list[CaptionedPhoto]:
    made = []
    for seed in range(6):
        path = tmp_path / f"{seed}.png"
        Image.fromarray(picture(seed=seed)).save(path)
        made.append(CaptionedPhoto(path.name, path, ("a thing",)))
    return made


def test_drops_are_those_of_hiding_by_hand(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    found = measure_faithfulness(captioner, photos)
    drops, others, words = [], [], 0
    for photo in photos:
        pixels = prepare(captioner.open(photo.path), captioner.bundle.preprocessing)
        spoken = speak(captioner, pixels)
        assert spoken.attention is not None
        words += len(spoken.words)  # the tiny model knows no function words
        for at, attention in enumerate(spoken.attention):
            places = attention >= np.sort(attention, axis=None)[-HIDDEN]
            drop = spoken.log_probs - read(captioner, hide(pixels, places)[None], spoken)[0]
            drops.append(drop[at])
            others.append(np.delete(drop, at).sum() / (len(drop) - 1))
    assert (found.photos, found.words, found.method, found.failed) == (6, words, "attention", {})
    assert found.drop == pytest.approx(np.mean(drops), abs=1e-4)
    assert found.other_drop == pytest.approx(np.mean(others), abs=1e-4)
    assert found.ratio == pytest.approx(found.drop / found.random_drop)


def test_the_same_seed_hides_the_same(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    one, same, other = (measure_faithfulness(captioner, photos, seed=seed).random_drop for seed in (0, 0, 1))
    assert one == same != other


def test_occlusion_finds_what_matters(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    found = measure_faithfulness(captioner, photos, method="occlusion")
    assert found.drop > max(found.other_drop, found.random_drop)


def test_a_decoder_without_attention(blind: Captioner, photos: list[CaptionedPhoto]) -> None:
    found = measure_faithfulness(blind, photos[:2])
    assert (found.method, found.looking) == ("occlusion", None)


def test_photos_that_fail_are_left_out(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    heard: list[PictellError | None] = []
    whole = measure_faithfulness(captioner, photos[:2])
    photos[2].path.write_bytes(b"")
    found = measure_faithfulness(captioner, photos[:3], on_result=heard.append)
    assert list(found.failed) == [photos[2].id]
    assert [error is None for error in heard] == [True, True, False]
    assert (found.words, found.drop) == (whole.words, whole.drop)
    with pytest.raises(PictellError, match="nothing to measure"):
        measure_faithfulness(captioner, photos[2:3])


def test_looking_of_known_maps() -> None:
    one_place = np.zeros((1, 4, 4), dtype=np.float32)
    one_place[0, 1, 2] = 1
    everywhere = np.full((1, 4, 4), 1 / 16, dtype=np.float32)
    found = looking([np.concatenate([one_place, everywhere]), np.concatenate([one_place, everywhere, everywhere])])
    assert found.uniform == pytest.approx(np.log(16))
    assert found.entropy == pytest.approx(np.log(16) * 3 / 5)
    assert found.entropy_by_word == pytest.approx((0, np.log(16)))
    assert found.moved == pytest.approx((15 / 16 + 15 / 16 + 0) / 3)
    assert looking([one_place]).moved == 0


@pytest.mark.shared
def test_the_shipped_model_is_faithful(shared_data: Path) -> None:
    """The aim for 200 photos of Flickr8k dev, on the first 60 of them."""
    photos = load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "dev")[:60]
    found = measure_faithfulness(load(threads=1), photos)
    assert found.ratio >= 1.5
    assert found.drop > found.other_drop
