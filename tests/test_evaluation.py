"""Evaluation of a captioner: what is counted, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictell import Caption, PictellError
from pictell.captioner import Captioner, load
from pictell.data import CaptionedPhoto
from pictell.errors import PhotoError
from pictell.evaluation import Evaluation, evaluate


@pytest.fixture
def captioner(tiny_bundle: Path) -> Captioner:
    return load(tiny_bundle, threads=1)


@pytest.fixture
def photos(tmp_path: Path) -> list[CaptionedPhoto]:
    found = []
    for seed in range(8):
        path = tmp_path / f"{seed}.png"
        small = np.random.default_rng(seed).integers(0, 256, size=(4, 4, 3), dtype=np.uint8)
        Image.fromarray(small).resize((40, 40), Image.Resampling.NEAREST).save(path)
        found.append(CaptionedPhoto(f"id{seed}", path, ("a dog runs", "two people sit")))
    return found


def with_captions(photos: Iterable[CaptionedPhoto], captions: Iterable[str]) -> list[CaptionedPhoto]:
    return [CaptionedPhoto(photo.id, photo.path, (text, "else")) for photo, text in zip(photos, captions, strict=True)]


def evaluated(
    monkeypatch: pytest.MonkeyPatch, captioner: Captioner, texts: list[str | PictellError | None]
) -> Evaluation:
    """The evaluation of a captioner that says `texts`."""

    def stream(photos: Iterable[Path], **options: object) -> Iterator[Caption | PictellError]:
        for _, text in zip(photos, texts, strict=True):
            yield text if isinstance(text, PictellError) else Caption(text, -1.0, "tiny@7")

    monkeypatch.setattr(captioner, "stream", stream)
    photos = [CaptionedPhoto(f"{i}", Path(f"{i}.jpg"), ("a dog runs on grass",)) for i in range(len(texts))]
    return evaluate(captioner, photos)


def test_captions_are_the_captioners_own(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    heard: list[tuple[str, str | None]] = []

    def hear(photo: CaptionedPhoto, result: Caption | PictellError) -> None:
        assert isinstance(result, Caption)
        heard.append((photo.id, result.text))

    found = evaluate(captioner, photos, on_result=hear)
    assert list(found.captions.items()) == heard == [(photo.id, captioner.caption(photo.path).text) for photo in photos]
    assert (found.model, found.photos, found.beam, found.failed) == ("tiny@7", 8, 3, {})
    assert found.photos_per_second > 0
    assert set(found.scores) == set(found.versions)


def test_saying_what_people_said_scores_best(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    said = evaluate(captioner, photos, beam=2).captions.values()
    found = evaluate(captioner, with_captions(photos, said), beam=2)
    assert found.beam == 2
    assert found.scores["BLEU-1"] == pytest.approx(1.0)
    assert found.scores["CIDEr-D"] > 1


def test_a_photo_that_fails_counts_as_nothing_said(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    own = with_captions(photos, evaluate(captioner, photos).captions.values())
    own[2].path.write_bytes(b"")
    found = evaluate(captioner, own)
    assert found.captions["id2"] == ""
    assert list(found.failed) == ["id2"]
    assert str(own[2].path) in found.failed["id2"]
    assert found.photos == 8
    assert 0 < found.scores["BLEU-1"] < 1


def test_shares(monkeypatch: pytest.MonkeyPatch, captioner: Captioner) -> None:
    texts: list[str | PictellError | None] = ["a dog", "A dog.", "a man with a", "the woman is", "two men on"]
    found = evaluated(monkeypatch, captioner, [*texts, "grass", None, PhotoError("empty", "x: empty")])
    assert found.distinct == pytest.approx(6 / 8)  # the first two read the same, and so do two that say nothing
    assert found.function_word_endings == pytest.approx(3 / 8)
    assert found.mean_words == pytest.approx((2 + 2 + 4 + 3 + 3 + 1) / 8)
    assert found.failed == {"7": "x: empty"}
    assert found.words == 11  # a dog man with the woman is two men on grass
    assert found.hallucinated == pytest.approx(3 / 5)  # a man, a woman and men; the dogs are in the references
    assert found.gendered == pytest.approx(3 / 8)  # theirs too


def test_what_cannot_be_evaluated(captioner: Captioner, photos: list[CaptionedPhoto]) -> None:
    with pytest.raises(PictellError, match="nothing to score"):
        evaluate(captioner, [])
    with pytest.raises(PictellError, match="id of another"):
        evaluate(captioner, [photos[0], photos[0]])
    with pytest.raises(PictellError, match="beam"):
        evaluate(captioner, photos, beam=0)
