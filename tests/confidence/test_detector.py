"""What is no photo is told from what is one, by statistics that any model's pictures have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pictell import Caption
from pictell.bundle import seal
from pictell.captioner import load
from pictell.confidence import REASONS
from pictell.confidence import why_no_photo as judge
from pictell.confidence.detector import SMALLEST, _installed
from pictell.confidence.picture_statistics import SIDE, picture_statistics
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.types import Photo

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.jpg"))


def page_of_text() -> Image.Image:
    page = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(page)
    for y in range(40, 760, 18):
        draw.text((40, y), "the quick brown fox jumps over the lazy dog and runs away " * 2, fill=0)
    return page


def drawing() -> Image.Image:
    sheet = Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(sheet)
    for radius in range(20, 190, 24):
        draw.ellipse((200 - radius, 200 - radius, 200 + radius, 200 + radius), outline=0, width=3)
    return sheet


def not_photos() -> dict[str, Image.Image]:
    random = np.random.default_rng(0)
    photo = Image.open(EXAMPLES[0]).convert("RGB")
    return {
        "blank": Image.new("RGB", (300, 200), (90, 120, 200)),
        "white": Image.new("RGB", (300, 200), "white"),
        "noise": Image.fromarray(random.integers(0, 256, (300, 300, 3), dtype=np.uint8)),
        "dark": photo.point(lambda level: level * 0.02),
        "blur": photo.resize((224, 224)).filter(ImageFilter.GaussianBlur(16)),
        "text": page_of_text(),
        "drawing": drawing(),
    }


def why_no_photo(pixels: NDArray[np.uint8]) -> str | None:
    return judge(pixels[None])[0]


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))


def prepared(image: Image.Image, side: int = SIDE) -> NDArray[np.uint8]:
    pixels = as_array(image)
    return prepare(Photo(pixels, pixels.shape[1], pixels.shape[0], "array"), Preprocessing(size=side))


@pytest.fixture(scope="module")
def large_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle, whose photos are prepared large enough to be judged."""
    onnx = pytest.importorskip("onnx")
    directory = tmp_path_factory.mktemp("large") / "tiny"
    shutil.copytree(tiny_bundle, directory)
    (directory / "preprocessing.json").write_text(json.dumps({"size": SIDE}), encoding="utf-8")
    # The encoder still sees 32 pixels: every seventh.
    encoder = onnx.load(directory / "encoder.onnx")
    for axis in (1, 2):
        encoder.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = SIDE
    for node in encoder.graph.node:
        node.input[:] = ["few_pixels" if name == "pixels" else name for name in node.input]
    for name, values in {"starts": [0, 0], "ends": [SIDE, SIDE], "axes": [1, 2], "steps": [7, 7]}.items():
        encoder.graph.initializer.append(onnx.numpy_helper.from_array(np.array(values), name))
    pick = onnx.helper.make_node("Slice", ["pixels", "starts", "ends", "axes", "steps"], ["few_pixels"])
    encoder.graph.node.insert(0, pick)
    onnx.checker.check_model(encoder)
    onnx.save(encoder, directory / "encoder.onnx")
    seal(directory, name="tiny", version=7, architecture={}, terms="Random weights, for tests.")
    return directory


@pytest.mark.parametrize("kind", not_photos())
def test_pictures_of_nothing_and_of_lines_are_recognised(kind: str) -> None:
    expected = REASONS["blank" if kind == "white" else kind]
    assert why_no_photo(prepared(not_photos()[kind])) == expected


@pytest.mark.parametrize("side", [SMALLEST, SIDE, 256, 384])
def test_other_sizes_are_judged_alike(side: int) -> None:
    for path in EXAMPLES:
        assert why_no_photo(prepare(open_photo(path), Preprocessing(size=side))) is None
    for image in not_photos().values():
        assert why_no_photo(prepared(image, side)) is not None


def test_photos_pass_in_grey_and_dim_and_pale() -> None:
    for path in EXAMPLES:
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        for changed in (
            photo,
            photo.convert("L"),
            photo.point(lambda level: level * 0.4),
            photo.point(lambda level: 120 + level * 0.5),
            photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        ):
            assert why_no_photo(prepared(changed)) is None


def test_too_few_pixels_are_not_judged() -> None:
    assert why_no_photo(np.zeros((SMALLEST - 1, SMALLEST - 1, 3), dtype=np.uint8)) is None


def test_statistics_are_finite_for_any_picture() -> None:
    random = np.random.default_rng(1)
    pictures = [np.full((SIDE, SIDE, 3), level, dtype=np.uint8) for level in (0, 1, 255)]
    pictures += [random.integers(0, 2, (SIDE, SIDE, 3), dtype=np.uint8) * 255]
    for picture in pictures:
        before = picture.copy()
        statistics = picture_statistics(picture[None])[0]
        assert statistics.shape == _installed().mean.shape
        assert np.isfinite(statistics).all()
        assert (picture == before).all()
        assert why_no_photo(picture) is not None


def test_many_are_judged_as_one_by_one() -> None:
    pictures = [prepared(image) for image in not_photos().values()]
    pictures += [prepare(open_photo(path), Preprocessing()) for path in EXAMPLES]
    many = np.stack(pictures * 2)
    assert judge(many) == [why_no_photo(picture) for picture in many]
    alone = np.concatenate([picture_statistics(picture[None]) for picture in many])
    np.testing.assert_allclose(picture_statistics(many), alone, rtol=1e-4, atol=1e-4)
    assert judge(many[:0]) == []


def test_what_is_written_is_read() -> None:
    detector = _installed()
    again = type(detector).from_json(detector.to_json())
    assert again.to_json() == detector.to_json()
    assert set(detector.kinds) == {"photo", *REASONS}


@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_captioner_withholds_unless_forced(large_bundle: Path, batch_size: int) -> None:
    captioner = load(large_bundle, threads=1)
    pictures = [
        picture for pair in zip(EXAMPLES, map(as_array, not_photos().values()), strict=False) for picture in pair
    ]
    results = captioner.caption_many(pictures, batch_size=batch_size)
    forced = captioner.caption_many(pictures, batch_size=batch_size, force=True)
    for number, (result, described) in enumerate(zip(results, forced, strict=True)):
        assert isinstance(result, Caption)
        assert isinstance(described, Caption)
        assert described.text is not None
        assert described.reason is None
        if number % 2:
            assert (result.text, result.words, result.alternatives, result.confidence) == (None, (), (), None)
            assert result.reason in REASONS.values()
        else:
            assert (result.text, result.reason) == (described.text, None)
    assert captioner.caption(pictures[1]).reason == results[1].reason  # type: ignore[union-attr]
    assert captioner.caption(pictures[1], force=True).text == forced[1].text  # type: ignore[union-attr]
