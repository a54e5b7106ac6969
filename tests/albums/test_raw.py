"""Cameras' raw files: seen by their previews, upright, with the words of their sidecars."""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from raw_samples import KINDS

import pictell
from pictell.albums import (
    AlbumEntry,
    Filters,
    GeneratedWords,
    Hit,
    IndexOptions,
    Library,
    draw_gallery,
    draw_sheet,
    index,
    picture_of,
    plan,
    read_words,
    search,
    write_words,
)
from pictell.errors import PhotoError
from pictell.photos import open_photo

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not on this machine (Debian: libimage-exiftool-perl)"
)

EXAMPLE = Path(__file__).parents[2] / "examples"
# What was done to the picture, by EXIF's orientation.
TURNED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.fixture(scope="module")
def upright() -> Image.Image:
    path = sorted(EXAMPLE.glob("*.jpg"))[0]
    return Image.open(path).convert("RGB").resize((320, 240))


def raw(folder: Path, kind: str, upright: Image.Image, orientation: int, *, own: int | None = None) -> Path:
    """A raw file whose camera was held so; `own` is the orientation that the preview itself tells."""
    turn = TURNED[orientation]
    shown = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    if own is not None:
        exif[0x0112] = own
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=95, **({} if own is None else {"exif": exif}))
    path = folder / f"photo.{kind}"
    path.write_bytes(KINDS[kind](file.getvalue(), shown.size, orientation if own is None else 1))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_are_what_they_say(tmp_path: Path, kind: str, upright: Image.Image) -> None:
    """exiftool is the judge."""
    path = raw(tmp_path, kind, upright, 6)
    told = ["-s3", "-FileType", "-Validate", "-IFD0:Orientation", "-PreviewImage", "-JpgFromRaw"]
    lines = subprocess.run(["exiftool", *told, path], capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[:3] == [kind.upper(), "OK", "Rotate 90 CW"]
    assert len(lines) == 4  # one preview


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", TURNED)
def test_previews_are_upright(tmp_path: Path, kind: str, orientation: int, upright: Image.Image) -> None:
    photo = open_photo(picture_of(raw(tmp_path, kind, upright, orientation)))
    assert photo.pixels.shape == (240, 320, 3)
    assert np.abs(photo.pixels.astype(int) - np.asarray(upright)).mean() < 4


def test_what_the_preview_itself_tells_goes_first(tmp_path: Path, upright: Image.Image) -> None:
    path = raw(tmp_path, "dng", upright, 8, own=8)
    assert open_photo(picture_of(path)).pixels.shape == (240, 320, 3)


@pytest.mark.parametrize("kind", ["dng", "nef"])
def test_a_thumbnail_is_never_taken_for_the_photo(tmp_path: Path, kind: str, upright: Image.Image) -> None:
    with pytest.raises(PhotoError, match="camera raw") as caught:
        open_photo(raw(tmp_path, kind, upright, 1))
    assert caught.value.kind == "unsupported-format"


def test_a_raw_file_without_a_preview_says_so(tmp_path: Path) -> None:
    without = tmp_path / "photo.dng"
    without.write_bytes(KINDS["dng"](b"no JPEG", (32, 24), 1))
    for path, kind in ((without, "no-preview"), (tmp_path / "none.dng", "missing")):
        with pytest.raises(PhotoError) as caught:
            picture_of(path)
        assert caught.value.kind == kind
        assert str(path) in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_raw_file_in_a_library(tmp_path: Path, kind: str, upright: Image.Image) -> None:
    """Captioned as its picture is, with its camera and time, shown on sheets and in galleries."""
    photos = tmp_path / "photos"
    photos.mkdir()
    path = raw(photos, kind, upright, 6)
    captioner = pictell.load()
    expected = captioner.caption(picture_of(path)).text
    assert (
        expected == captioner.caption(np.array(Image.open(picture_of(path)).transpose(Image.Transpose.ROTATE_270))).text
    )
    with Library(tmp_path / "l.db") as library:
        both = (
            "both" if importlib.util.find_spec("pyexiv2") else "sidecar"
        )  # nothing is embedded in it, nor is that told
        options = IndexOptions(write=both)  # type: ignore[arg-type]
        results = list(index(library, captioner, plan(library, photos, captioner.model, options), options))
        assert [(result.outcome, result.written, result.error) for result in results] == [
            ("captioned", "written", None)
        ]
        again = list(index(library, captioner, plan(library, photos, captioner.model, options), options))
        assert [result.outcome for result in again] == ["unchanged"]
        [entry] = library.entries()
        assert entry.text == expected
        camera = {"dng": "Pictell One", "nef": "NIKON D70", "cr2": "Canon EOS 40D"}[kind]
        [hit] = search(library, "", Filters(camera=camera, since="2024-05"))
        assert hit.taken == "2024-05-06T07:08:09"
    assert sorted(each.name for each in photos.iterdir()) == [path.name, f"{path.name}.xmp"]
    assert read_words(path).captions[0].text == expected
    draw_sheet([Hit(str(path), None, expected, None, None)], tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert np.unique(pixels.reshape(-1, 3), axis=0).shape[0] > 1000  # a photo, not an empty place
    assert '<img width="320" height="240"' in draw_gallery([AlbumEntry(str(path), expected)], tmp_path)


@pytest.mark.parametrize("name", ["photo.dng.xmp", "photo.xmp", "photo.XMP"])
def test_sidecars_beside_raw_files(
    tmp_path: Path, name: str, upright: Image.Image, words: GeneratedWords, exiftool: Callable[..., Any]
) -> None:
    """Both names are read and refreshed; beside a JPEG of that name, `photo.xmp` is the raw file's alone."""
    pytest.importorskip("lxml")
    path = raw(tmp_path, "dng", upright, 1)
    before = path.read_bytes()
    upright.save(jpeg := tmp_path / "photo.jpg")
    sidecar = tmp_path / name
    sidecar.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    )
    assert write_words(path, words, "sidecar").changed == (sidecar,)
    assert exiftool(sidecar)["XMP-dc:Description"] == words.text
    assert read_words(path).captions[0].generated
    assert read_words(jpeg).captions == ()
    exiftool(sidecar, "-XMP-dc:Description=mine")
    assert [found.text for found in read_words(path).captions if not found.generated] == ["mine"]
    assert write_words(path, words, "sidecar").status == "kept"
    assert path.read_bytes() == before
