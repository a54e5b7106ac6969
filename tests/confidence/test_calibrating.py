"""A bundle gets its confidence: the same captions as before, batched or alone, and a file more in the bundle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictell import Caption
from pictell.bundle import CALIBRATION, Bundle, put_file
from pictell.calibrating import calibrate
from pictell.captioner import load
from pictell.data import CaptionedPhoto
from pictell.errors import BundleError, OptionError, PictellError


@pytest.fixture(scope="module")
def photos(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> list[CaptionedPhoto]:
    """Forty photos; every third is described as the model does, more or less."""
    folder = tmp_path_factory.mktemp("photos")
    captioner = load(tiny_bundle, threads=1)
    made = []
    for number in range(40):
        random = np.random.default_rng(number)
        path = folder / f"{number}.png"
        image = Image.fromarray(random.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
        image.resize((48, 40), Image.Resampling.NEAREST).save(path)
        text = captioner.caption(path).text or ""
        made.append(
            CaptionedPhoto(path.name, path, (text if number % 3 == 0 else "something else", f"a thing {number}"))
        )
    return made


@pytest.fixture(scope="module")
def calibrated(tiny_bundle: Path, photos: list[CaptionedPhoto], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("calibrated") / "tiny"
    shutil.copytree(tiny_bundle, directory)
    done: list[int] = []
    found = calibrate(load(directory, threads=2), photos, data="made", split="dev", on_photos=done.append)
    assert done[-1] == len(photos)
    assert (found.acceptable.photos, found.acceptable.data) == (40, "made")
    assert 0 <= found.calibration_error <= 1
    return directory


def test_captions_stay_and_get_a_confidence(tiny_bundle: Path, calibrated: Path, photos: list[CaptionedPhoto]) -> None:
    before, after = load(tiny_bundle, threads=1), load(calibrated, threads=1)
    paths = [photo.path for photo in photos]
    for options in ({}, {"beam": 1}, {"num": 4}):
        for one, other in zip(before.caption_many(paths, **options), after.caption_many(paths, **options), strict=True):
            assert isinstance(one, Caption)
            assert isinstance(other, Caption)
            assert one.confidence is None
            assert other.confidence is not None
            assert 0 < other.confidence < 1
            assert (one.text, one.words) == (other.text, other.words)
            assert one.alternatives == other.alternatives
    confidences = {caption.confidence for caption in after.caption_many(paths) if isinstance(caption, Caption)}
    assert len(confidences) > 30


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 3), (2, 16)])
def test_confidence_is_the_same_batched_or_alone(
    calibrated: Path, photos: list[CaptionedPhoto], threads: int, batch_size: int
) -> None:
    captioner = load(calibrated, threads=threads)
    paths = [photo.path for photo in photos]
    for path, caption in zip(paths, captioner.caption_many(paths, batch_size=batch_size), strict=True):
        assert isinstance(caption, Caption)
        assert caption.confidence == pytest.approx(captioner.caption(path).confidence, abs=1e-4)


def test_calibrating_again_gives_the_same(calibrated: Path, photos: list[CaptionedPhoto], tmp_path: Path) -> None:
    directory = tmp_path / "again"
    shutil.copytree(calibrated, directory)
    calibrate(load(directory, threads=1), photos, data="made", split="dev")
    assert (directory / CALIBRATION).read_bytes() == (calibrated / CALIBRATION).read_bytes()
    assert (directory / "config.json").read_bytes() == (calibrated / "config.json").read_bytes()


def test_the_other_files_stay_sealed(tiny_bundle: Path, calibrated: Path) -> None:
    before, after = Bundle.open(tiny_bundle), Bundle.open(calibrated)
    after.check()
    assert {name: file for name, file in after.files.items() if name != CALIBRATION} == dict(before.files)
    assert (after.label, after.terms, after.architecture) == (before.label, before.terms, before.architecture)


def test_a_damaged_file_is_not_sealed_as_it_is(tiny_bundle: Path, tmp_path: Path) -> None:
    directory = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, directory)
    bundle = Bundle.open(directory)
    content = bytearray((directory / "step.onnx").read_bytes())
    content[100] ^= 1
    (directory / "step.onnx").write_bytes(content)
    with pytest.raises(BundleError, match="checksum"):
        put_file(bundle, CALIBRATION, b"{}").check()


def test_a_calibration_that_is_none_is_told_when_opening(tiny_bundle: Path, tmp_path: Path) -> None:
    directory = tmp_path / "odd"
    shutil.copytree(tiny_bundle, directory)
    put_file(Bundle.open(directory), CALIBRATION, b"[]")
    with pytest.raises(BundleError, match=r"calibration\.json"):
        load(directory, threads=1)


def test_exporting_replaces_a_calibrated_bundle(calibrated: Path) -> None:
    export = pytest.importorskip("pictell.training.export")
    export.check_replaceable(calibrated)


def test_an_ensemble_has_no_confidence_of_its_own(
    tiny_bundle: Path, other_tiny_bundle: Path, photos: list[CaptionedPhoto]
) -> None:
    with pytest.raises(OptionError, match="one by one"):
        calibrate(load([tiny_bundle, other_tiny_bundle], threads=1), photos, data="made", split="dev")
    assert CALIBRATION not in Bundle.open(tiny_bundle).files


def test_a_bundle_that_cannot_be_written_is_told_before_the_work(
    tiny_bundle: Path, photos: list[CaptionedPhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = load(tiny_bundle, threads=1)
    done: list[int] = []
    monkeypatch.setattr(os, "access", lambda path, mode: path != tiny_bundle)
    with pytest.raises(PictellError, match="nothing may be written in"):
        calibrate(captioner, photos, data="made", split="dev", on_photos=done.append)
    assert done == []


def test_too_few_photos(tiny_bundle: Path, photos: list[CaptionedPhoto]) -> None:
    with pytest.raises(PictellError, match="at least 20"):
        calibrate(load(tiny_bundle, threads=1), photos[:10], data="made", split="dev")
    assert CALIBRATION not in Bundle.open(tiny_bundle).files
