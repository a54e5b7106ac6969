"""What people wrote is found wherever programs put it, and told from what pictell wrote."""

from __future__ import annotations

import io
import os
import shutil
import sys
import warnings
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pictell.albums import GeneratedWords, read_words, write_words
from pictell.albums.embedded import embedded_in
from pictell.albums.words import is_by_camera
from pictell.albums.xmp import MAX_BYTES
from pictell.errors import MetadataError, MissingExtraError

from .conftest import FORMATS, make_photo

TAGS = {
    "dc:description": "XMP-dc:Description",
    "tiff:ImageDescription": "XMP-tiff:ImageDescription",
    "Iptc4xmpCore:AltTextAccessibility": "XMP-iptcCore:AltTextAccessibility",
    "Iptc4xmpCore:ExtDescrAccessibility": "XMP-iptcCore:ExtDescrAccessibility",
    "IPTC:Caption-Abstract": "IPTC:Caption-Abstract",
    "EXIF:ImageDescription": "IFD0:ImageDescription",
    "EXIF:UserComment": "ExifIFD:UserComment",
}
WHERE_IPTC_IS_KEPT = (".jpg", ".tif")


@pytest.mark.parametrize("field", TAGS)
def test_every_field_in_every_format(photo: Path, exiftool: Callable[..., Any], field: str) -> None:
    text = "Größe: 犬 & <b>"
    if field.startswith("IPTC") and photo.suffix not in WHERE_IPTC_IS_KEPT:
        pytest.skip("this format has no place for IPTC-IIM")
    exiftool(photo, "-codedcharacterset=utf8", f"-{TAGS[field]}={text}")
    found = read_words(photo)
    assert [(each.field, each.text, each.generated) for each in found.captions] == [(field, text, False)]
    assert found.own == text
    assert found.generated is None
    assert found.problems == ()


def test_keywords_of_xmp_and_iptc(jpeg: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(
        jpeg, "-codedcharacterset=utf8", "-XMP-dc:Subject=holiday", "-XMP-dc:Subject=Jörg", "-IPTC:Keywords=holiday"
    )
    assert read_words(jpeg).own_keywords == ("holiday", "Jörg")


def test_latin_1_where_no_character_set_is_named(jpeg: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(jpeg, "-charset", "iptc=latin1", "-IPTC:Caption-Abstract=Größe")
    assert read_words(jpeg).own == "Größe"


def test_camera_and_time(photo: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(photo, "-Make=Canon", "-Model=Canon EOS 5D", "-ExifIFD:DateTimeOriginal=2020:01:02 03:04:05")
    found = read_words(photo)
    assert (found.camera, found.taken) == ("Canon EOS 5D", datetime(2020, 1, 2, 3, 4, 5))


def test_a_maker_that_the_model_does_not_name(jpeg: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(jpeg, "-Make=NIKON", "-Model=D850", "-ExifIFD:DateTimeOriginal=0000:00:00 00:00:00")
    found = read_words(jpeg)
    assert (found.camera, found.taken) == ("NIKON D850", None)


def test_camera_and_time_from_a_sidecar(jpeg: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(jpeg.with_suffix(".xmp"), "-XMP-tiff:Model=X100", "-XMP-exif:DateTimeOriginal=2020:01:02 03:04:05+02:00")
    found = read_words(jpeg)
    assert (found.camera, found.taken) == ("X100", datetime(2020, 1, 2, 3, 4, 5))


@pytest.mark.parametrize("field", ["IFD0:ImageDescription", "XMP-dc:Description", "ExifIFD:UserComment"])
@pytest.mark.parametrize(
    "text", ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "DCIM\\100MEDIA\\1.JPG", "   ", '{"a":\n1}']
)
def test_what_cameras_write_is_nobodys_caption(jpeg: Path, exiftool: Callable[..., Any], text: str, field: str) -> None:
    exiftool(jpeg, f"-{field}={text}")
    assert read_words(jpeg).captions == ()


@pytest.mark.parametrize("text", ["a digital camera on a desk", "the default view", "dscover"])
def test_words_of_cameras_in_a_sentence_are_a_persons(text: str) -> None:
    assert not is_by_camera(text)


def test_languages_with_the_default_first(jpeg: Path, exiftool: Callable[..., Any]) -> None:
    exiftool(jpeg, "-XMP-dc:Description-de=ein Hund", "-XMP-dc:Description=a dog")
    assert [each.text for each in read_words(jpeg).captions] == ["a dog", "ein Hund"]


def test_a_persons_words_come_first(jpeg: Path, exiftool: Callable[..., Any], words: GeneratedWords) -> None:
    write_words(jpeg, words)
    exiftool(jpeg, "-ExifIFD:UserComment=mine")
    found = read_words(jpeg)
    assert found.captions[0].text == found.own == "mine"
    assert found.generated == words.text


def test_pictells_words_that_another_program_copied_elsewhere(
    jpeg: Path, exiftool: Callable[..., Any], words: GeneratedWords
) -> None:
    write_words(jpeg, words)
    exiftool(jpeg, "-codedcharacterset=utf8", f"-IPTC:Caption-Abstract= {words.text}")
    found = read_words(jpeg)
    assert found.own is None
    assert {each.field for each in found.captions} >= {"IPTC:Caption-Abstract", "dc:description"}


def test_heic(tmp_path: Path, exiftool: Callable[..., Any]) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red")).save(path)
    exiftool(path, "-XMP-dc:Description=mine", "-Model=iPhone 15")
    found = read_words(path)
    assert (found.own, found.camera) == ("mine", "iPhone 15")


@pytest.mark.parametrize(("name", "kind"), [("none.jpg", "missing"), ("folder", "not-a-file"), ("pipe", "not-a-file")])
def test_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MetadataError, match=name) as error:
        read_words(tmp_path / name)
    assert error.value.kind == kind


def test_damaged_photos_have_the_words_that_can_be_read(photo: Path, words: GeneratedWords) -> None:
    write_words(photo, words)
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert read_words(photo).generated == words.text
    photo.write_bytes(b"")
    assert read_words(photo).generated == words.text


@given(data=st.data())
def test_hostile_bytes_neither_raise_nor_warn(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    suffix = data.draw(st.sampled_from(sorted(FORMATS)))
    content = bytearray(make_photo(tmp_path_factory.getbasetemp() / f"hostile.{suffix}").read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, min(len(content) - 1, 400)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with warnings.catch_warnings(record=True, action="always") as caught:
        embedded_in(io.BytesIO(bytes(content[:cut])))
    assert caught == []


def test_damaged_exif_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (4, 4)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x0e\x01")
    with warnings.catch_warnings(record=True, action="always") as caught:
        assert read_words(path).captions == ()
    assert caught == []


def test_a_bomb_in_a_png_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(b" " * (3 * MAX_BYTES))
    body = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + bomb
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    plain = io.BytesIO()
    Image.new("RGB", (4, 4)).save(plain, "PNG")
    path = tmp_path / "bomb.png"
    path.write_bytes(plain.getvalue()[:33] + chunk + plain.getvalue()[33:])
    assert [problem.kind for problem in read_words(path).problems] == ["too-large"]


def test_without_lxml_one_line_names_the_extra(
    jpeg: Path, words: GeneratedWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_words(jpeg, words)
    monkeypatch.setitem(sys.modules, "lxml", None)
    with pytest.raises(MissingExtraError, match=r"pictell\[albums\]"):
        read_words(jpeg)
    shutil.copy(jpeg, jpeg.with_name("other.jpg"))
    assert read_words(jpeg.with_name("other.jpg")).captions == ()
