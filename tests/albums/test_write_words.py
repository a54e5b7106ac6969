"""Pictell's words go where other programs look for them, a person's stay, and the picture is the same to the byte."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pictell.albums import HOW, GeneratedWords, How, read_words, storable, write_words
from pictell.albums.embedding import rest_of
from pictell.errors import MetadataError, MissingExtraError, OptionError
from pictell.types import Caption

from .conftest import FORMATS, make_photo

pytest.importorskip("pyexiv2")

OURS = {"XMP-pictell", "XMP-dc", "XMP-tiff", "XMP-iptcCore", "XMP-photoshop", "XMP-x"}
# How PNG, WebP and the file system tell of the packet.
BESIDE = {"System", "ExifTool", "SourceFile", "File", "RIFF", "XMP-rdf"}


def target(photo: Path, how: How) -> Path:
    return photo if how == "embed" else photo.with_name(f"{photo.name}.xmp")


def group(key: str) -> str:
    return key.partition(":")[0]


@pytest.mark.parametrize("how", HOW)
def test_exiftool_reads_every_field(photo: Path, how: How, exiftool: Callable[..., Any], words: GeneratedWords) -> None:
    outcome = write_words(photo, words, how, keywords=["dog", "größer"])
    assert outcome.status == "written"
    assert list(outcome.changed) == ([target(photo, "sidecar"), photo] if how == "both" else [target(photo, how)])
    for path in outcome.changed:
        found = exiftool(path)
        assert found["XMP-dc:Description"] == words.text
        assert found["XMP-tiff:ImageDescription"] == words.text
        assert found["XMP-iptcCore:AltTextAccessibility"] == words.alt
        assert found["XMP-iptcCore:ExtDescrAccessibility"] == words.extended
        assert found["XMP-dc:Subject"] == ["dog", "größer"]
        assert found["XMP-photoshop:CaptionWriter"] == "pictell"
        assert found["XMP-pictell:Model"] == "pictell-default"
        assert found["XMP-pictell:ModelVersion"] == 1
        assert found["XMP-pictell:Confidence"] == 0.7123
        assert found["XMP-pictell:CaptionedAt"] == "2026:01:02 03:04:05+00:00"
        assert found["XMP-pictell:Program"].startswith("pictell ")
        # No date of the photo's, and nothing that calls the photo generated.
        assert {group(key) for key in found if key.startswith("XMP")} <= OURS
        assert "ExifTool:Warning" not in found


@pytest.mark.parametrize("how", HOW)
def test_read_back_is_what_was_written(photo: Path, how: How, words: GeneratedWords) -> None:
    write_words(photo, words, how, keywords=["dog"])
    found = read_words(photo)
    assert found.generated == words.text
    assert found.own is None
    assert found.own_keywords == ()
    assert {each.text for each in found.captions} == {words.text, words.alt, words.extended}
    assert found.provenance is not None
    assert (found.provenance.model, found.provenance.confidence, found.provenance.at) == (
        words.model,
        words.confidence,
        words.at,
    )


@pytest.mark.parametrize("how", HOW)
def test_twice_is_once(photo: Path, how: How, words: GeneratedWords) -> None:
    changed = write_words(photo, words, how, keywords=["dog"]).changed
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in changed]
    later = replace(words, at=words.at + timedelta(days=1))
    assert write_words(photo, later, how, keywords=["dog"]).status == "same"
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in changed] == before


@pytest.mark.parametrize("how", HOW)
def test_pictells_own_words_are_refreshed(photo: Path, how: How, words: GeneratedWords, exiftool: Any) -> None:
    write_words(photo, words, how)
    other = replace(words, text="a cat", alt="A cat.", extended=None, model="better@2", confidence=None)
    assert write_words(photo, other, how).status == "refreshed"
    assert {each.text for each in read_words(photo).captions} == {"a cat", "A cat."}
    found = exiftool(target(photo, how))
    assert "XMP-pictell:Confidence" not in found
    assert "XMP-iptcCore:ExtDescrAccessibility" not in found
    assert found["XMP-pictell:Model"] == "better"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("tag", ["XMP-dc:Description", "XMP-iptcCore:AltTextAccessibility", "XMP-dc:Description-de"])
def test_what_a_person_edits_is_theirs(jpeg: Path, how: How, tag: str, words: GeneratedWords, exiftool: Any) -> None:
    changed = write_words(jpeg, words, how).changed
    exiftool(changed[0], f"-{tag}=my own words")
    before = [path.read_bytes() for path in changed]
    outcome = write_words(jpeg, replace(words, text="a cat"), how)
    assert outcome.status == "kept"
    assert "person" in str(outcome.reason)
    assert [path.read_bytes() for path in changed] == before
    assert read_words(jpeg).own == "my own words"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("where", ["photo", "sidecar"])
def test_a_persons_words_stay_wherever_they_are(
    photo: Path, how: How, where: str, words: GeneratedWords, exiftool: Any
) -> None:
    path = photo if where == "photo" else photo.with_suffix(".xmp")
    exiftool(path, "-XMP-dc:Description=mine" if where == "sidecar" else "-ExifIFD:UserComment=mine")
    content = path.read_bytes()
    assert write_words(photo, words, how).status == "kept"
    assert path.read_bytes() == content
    assert not target(photo, "sidecar").exists()


def test_another_programs_copy_of_an_earlier_caption_is_no_persons(
    jpeg: Path, words: GeneratedWords, exiftool: Any
) -> None:
    write_words(jpeg, words)
    exiftool(jpeg, "-charset", "exif=utf8", f"-IFD0:ImageDescription={words.text}")
    for text in ("a cat", "two cats", "a cat"):
        assert write_words(jpeg, replace(words, text=text)).status == "refreshed"
    assert read_words(jpeg).own is None
    exiftool(jpeg.with_name("photo.jpg.xmp"), "-XMP-dc:Description=two cats")
    assert read_words(jpeg).own == "two cats"  # a person wanted it back


def test_force_overwrites(jpeg: Path, words: GeneratedWords, exiftool: Any) -> None:
    exiftool(jpeg, "-XMP-dc:Description=mine", "-XMP-dc:Description-de=meins", "-ExifIFD:UserComment=mine too")
    assert write_words(jpeg, words, "embed", force=True).status == "written"
    found = exiftool(jpeg)
    assert (found["XMP-dc:Description"], found["XMP-dc:Description-de"]) == (words.text, "meins")
    assert found["ExifIFD:UserComment"] == "mine too"


def test_a_caption_that_a_person_took_out_stays_out(jpeg: Path, words: GeneratedWords, exiftool: Any) -> None:
    write_words(jpeg, words, "embed")
    fields = (
        "dc:Description",
        "tiff:ImageDescription",
        "iptcCore:AltTextAccessibility",
        "iptcCore:ExtDescrAccessibility",
    )
    exiftool(jpeg, *(f"-XMP-{field}=" for field in fields))
    assert write_words(jpeg, words, "embed").status == "kept"
    assert write_words(jpeg, words, "embed", force=True).status == "refreshed"
    assert read_words(jpeg).generated == words.text


def test_keywords_are_added_and_refreshed_beside_a_persons(jpeg: Path, words: GeneratedWords, exiftool: Any) -> None:
    exiftool(jpeg, "-XMP-dc:Subject=holiday", "-XMP-dc:Subject=Dog", "-IPTC:Keywords=sand")
    write_words(jpeg, words, "embed", keywords=["dog", "beach", "sand", "ball", "ball"])
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog", "beach", "ball"]
    assert set(read_words(jpeg).own_keywords) == {"holiday", "Dog", "sand"}
    write_words(jpeg, words, "embed")  # nothing is said of keywords
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog", "beach", "ball"]
    write_words(jpeg, words, "embed", keywords=["dog", "beach", "kite"])
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog", "beach", "kite"]
    exiftool(jpeg, "-XMP-dc:Subject-=beach")
    write_words(jpeg, words, "embed", keywords=["beach", "kite", "sea"])
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog", "kite", "sea"]
    write_words(jpeg, words, "embed", keywords=["beach"], force=True)
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog", "beach"]
    write_words(jpeg, words, "embed", keywords=[])
    assert exiftool(jpeg)["XMP-dc:Subject"] == ["holiday", "Dog"]


@pytest.mark.parametrize("how", HOW)
def test_the_picture_and_all_else_stay(photo: Path, how: How, words: GeneratedWords, exiftool: Any) -> None:
    exiftool(
        photo, "-Make=Canon", "-Model=Canon EOS", "-ExifIFD:DateTimeOriginal=2020:01:02 03:04:05", "-XMP-xmp:Rating=4",
        "-XMP-lr:HierarchicalSubject=a|b", "-GPSLatitude=45.5", "-GPSLatitudeRef=N", "-IPTC:City=Ulm",
    )  # fmt: skip
    photo.write_bytes(photo.read_bytes() + b"behind")  # as phones hide a video there
    before, content = exiftool(photo), photo.read_bytes()
    with Image.open(photo) as image:
        pixels = np.asarray(image)
    write_words(photo, words, how)
    with Image.open(photo) as image:
        assert (np.asarray(image) == pixels).all()
    assert rest_of(photo.read_bytes(), FORMATS[photo.suffix[1:]]) == rest_of(content, FORMATS[photo.suffix[1:]])
    assert (photo.read_bytes() == content) == (how == "sidecar")
    assert photo.suffix == ".tif" or photo.read_bytes().endswith(b"behind")
    after = exiftool(photo)
    moved = {"IFD0:StripOffsets", "Composite"}  # of a TIFF
    for key, value in before.items():
        if group(key) not in BESIDE | OURS and key not in moved:
            assert after[key] == value, key


def test_the_compressed_scan_is_the_same(jpeg: Path, words: GeneratedWords) -> None:
    scan = jpeg.read_bytes()
    scan = scan[scan.index(b"\xff\xda") :]
    write_words(jpeg, words, "embed")
    assert jpeg.read_bytes().endswith(scan)


def test_the_second_picture_of_a_file_is_still_found(tmp_path: Path, words: GeneratedWords, exiftool: Any) -> None:
    path = tmp_path / "pair.jpg"
    first, second = (Image.new("RGB", (32, 24), colour) for colour in ("red", "blue"))
    first.save(path, "MPO", save_all=True, append_images=[second])
    exiftool(path, "-XMP-xmp:Rating=3")
    write_words(path, words, "embed")
    with Image.open(path) as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.getpixel((16, 12)) == (0, 0, 254)


def test_the_check_of_the_picture_sees_any_change(photo: Path) -> None:
    content, name = bytearray(photo.read_bytes()), FORMATS[photo.suffix[1:]]
    before = rest_of(bytes(content), name)
    for at in range(len(content) // 2, len(content) // 2 + 50):
        content[at] ^= 1
        assert rest_of(bytes(content), name) != before
        content[at] ^= 1


_EXIF = {
    "none": b"",
    # A header without a single field, as some programs leave it, with and without the directory's end.
    "empty": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0",
    "cut off": b"Exif\0\0MM\0*\0\0\0\x08\0\0",
    "a name alone": b"Exif\0\0",
    "cut short": b"Exif\0\0II*\0",
    "broken": b"Exif\0\0no TIFF at all",
}


@pytest.mark.parametrize("exif", _EXIF)
@pytest.mark.parametrize("gap", [b"", b"\xff\xff"])
def test_nothing_but_the_packet_changes_in_a_jpeg(
    tmp_path: Path, exif: str, gap: bytes, exiftool: Callable[..., Any], words: GeneratedWords
) -> None:
    """Not even what stands in EXIF, and what counts bytes from itself on stays as far from them."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    content = make_photo(tmp_path / "plain.jpg").read_bytes()
    start = content.index(b"\xff\xdb")  # the first table: JFIF's segment, or none, is before it
    beside = [segment(0xE1, _EXIF[exif])] if _EXIF[exif] else []
    head = b"".join([content[:start], *beside, segment(0xE2, b"MPF\0whatever"), segment(0xFE, b"odd"), gap])
    path = tmp_path / "photo.jpg"
    path.write_bytes(head + content[start:])
    before, complaints = path.read_bytes(), exiftool(path).get("ExifTool:Warning")
    for text in ("a dog on a beach", "a dog", "a dog that is running along a beach with a ball in its mouth"):
        write_words(path, replace(words, text=text), "embed")
        after = path.read_bytes()
        found = exiftool(path)
        assert found["XMP-dc:Description"] == text
        assert found.get("ExifTool:Warning") == complaints
        at = after.index(b"http://ns.adobe.com/xap/1.0/") - 4
        length = int.from_bytes(after[at + 2 : at + 4], "big") + 2
        assert after[:at] + after[at + length :] == before
        assert at < after.index(b"MPF\0")


def test_permissions_and_times_are_kept(photo: Path, words: GeneratedWords) -> None:
    photo.chmod(0o640)
    os.utime(photo, (1_000_000_000, 1_100_000_000))
    write_words(photo, words, "embed")
    assert stat.S_IMODE(photo.stat().st_mode) == 0o640
    assert photo.stat().st_mtime == 1_100_000_000


def test_a_linked_photo_stays_linked(jpeg: Path, words: GeneratedWords) -> None:
    link = jpeg.with_name("link.jpg")
    link.symlink_to(jpeg)
    write_words(link, words, "embed")
    assert link.is_symlink()
    assert read_words(jpeg).generated == words.text


@pytest.mark.parametrize("name", ["photo.nef", "photo.dng", "photo.gif", "photo.heic", "photo.txt"])
def test_what_cannot_be_embedded_gets_a_remedy(tmp_path: Path, name: str, words: GeneratedWords) -> None:
    path = tmp_path / name
    if name == "photo.gif":
        Image.new("P", (8, 8)).save(path)
    elif name == "photo.heic":
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(path)
    else:
        path.write_bytes(make_photo(tmp_path / "x.tif").read_bytes() if name != "photo.txt" else b"hello")
    content = path.read_bytes()
    with pytest.raises(MetadataError, match="sidecar") as error:
        write_words(path, words, "embed")
    assert error.value.kind == "cannot-embed"
    assert name in error.value.message
    assert path.read_bytes() == content
    outcome = write_words(path, words, "both")
    assert outcome.changed == (target(path, "sidecar"),)
    assert outcome.problem is not None
    assert outcome.problem.kind == "cannot-embed"
    assert read_words(path).generated == words.text


@pytest.mark.parametrize("how", ["sidecar", "embed"])
def test_read_only_files_stay(jpeg: Path, how: How, words: GeneratedWords) -> None:
    write_words(jpeg, words, how)
    path = target(jpeg, how)
    path.chmod(0o444)
    content = path.read_bytes()
    with pytest.raises(MetadataError, match=path.name) as error:
        write_words(jpeg, replace(words, text="a cat"), how)
    assert error.value.kind == "read-only"
    assert path.read_bytes() == content


def test_a_full_or_closed_disk(jpeg: Path, words: GeneratedWords, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    content = jpeg.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    for how in ("sidecar", "embed"):
        with pytest.raises(MetadataError, match="No space left") as error:
            write_words(jpeg, words, how)
        assert error.value.kind == "cannot-write"
    assert jpeg.read_bytes() == content
    assert [path.name for path in jpeg.parent.iterdir()] == [jpeg.name]


_WRITER = """
import sys
from datetime import UTC, datetime
from pictell.albums import GeneratedWords, write_words
for number in range(100_000):
    text = f"a dog {number}"
    write_words(sys.argv[1], GeneratedWords(text, text, "m@1", datetime.now(UTC)), "both")
    print(number, flush=True)
"""


def test_killed_at_any_moment_the_photo_is_whole(jpeg: Path) -> None:
    before = rest_of(jpeg.read_bytes(), "JPEG")
    random = np.random.default_rng(0)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", _WRITER, jpeg], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it writes now
            time.sleep(random.uniform(0, 0.05))
            process.kill()
        assert rest_of(jpeg.read_bytes(), "JPEG") == before
        found = read_words(jpeg)
        assert found.problems == ()
        assert found.own is None
        assert str(found.generated).startswith("a dog ")


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written(
    jpeg: Path, words: GeneratedWords, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "replace", closed)
    with pytest.raises(MetadataError, match="its folder") as caught:
        write_words(jpeg, words)
    assert caught.value.kind == "read-only"


def test_a_photo_replaced_meanwhile_is_left(jpeg: Path, words: GeneratedWords, monkeypatch: pytest.MonkeyPatch) -> None:
    from pictell.albums import writing

    def and_replaced(path: Path, *rest: Any) -> bytes:
        path.write_bytes(b"another photo")
        return b"new"

    monkeypatch.setattr(writing, "with_packet", and_replaced)
    with pytest.raises(MetadataError, match="meanwhile") as error:
        write_words(jpeg, words, "embed")
    assert error.value.kind == "changed"
    assert jpeg.read_bytes() == b"another photo"


def test_damaged_photos_are_left(photo: Path, words: GeneratedWords) -> None:
    photo.write_bytes(photo.read_bytes()[:40])
    content = photo.read_bytes()
    with pytest.raises(MetadataError):
        write_words(photo, words, "embed")
    assert photo.read_bytes() == content


def test_without_pyexiv2_the_message_tells_the_licence(
    jpeg: Path, words: GeneratedWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyexiv2", None)
    with pytest.raises(MissingExtraError, match=r"GPL-3.*pictell\[embed\]"):
        write_words(jpeg, words, "both")
    assert not target(jpeg, "sidecar").exists()
    assert write_words(jpeg, words, "sidecar").status == "written"


def test_an_unknown_way(jpeg: Path, words: GeneratedWords) -> None:
    with pytest.raises(OptionError, match="sidecar, embed, both"):
        write_words(jpeg, words, "inside")  # type: ignore[arg-type]


def test_reading_and_sidecars_import_no_gpl_code() -> None:
    code = "import sys, pictell.albums; print([m for m in ('pyexiv2', 'lxml') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize("how", ["sidecar", "embed"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1), alt=st.text(min_size=1), keywords=st.lists(st.text(), max_size=3))
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, words: GeneratedWords, how: How, text: str, alt: str, keywords: list[str]
) -> None:
    photo = make_photo(tmp_path_factory.mktemp("any") / "photo.jpg")
    if not storable(text) or not storable(alt):
        with pytest.raises(ValueError, match="without a character"):
            replace(words, text=text, alt=alt)
        return
    strange = replace(words, text=text, alt=alt)
    assert write_words(photo, strange, how, keywords=keywords).status == "written"
    found = read_words(photo)
    by_field = {each.field: each.text for each in found.captions}
    assert by_field["dc:description"] == storable(text)
    assert by_field["Iptc4xmpCore:AltTextAccessibility"] == storable(alt)
    assert found.own is None
    assert {each.text for each in found.keywords} <= {storable(keyword) for keyword in keywords}
    assert write_words(photo, strange, how, keywords=keywords).status == "same"


def test_words_of_a_caption(words: GeneratedWords) -> None:
    long = "a dog " * 40 + "runs"
    made = GeneratedWords.of(
        Caption(f"Possibly: {long}", -1.0, "m@1", style="hedged", raw=long, confidence=0.5), words.at
    )
    assert made.text == f"Possibly: {long}"
    assert len(made.alt) <= 125
    assert made.alt.startswith("A dog")
    assert (made.extended, made.confidence) == (long, 0.5)
    assert GeneratedWords.of(Caption("a dog", -1.0, "m@1"), words.at).extended is None
    with pytest.raises(ValueError, match="withheld"):
        GeneratedWords.of(Caption(None, 0.0, "m@1", reason="blank"), words.at)
    with pytest.raises(ValueError, match="zone"):
        GeneratedWords.of(Caption("a dog", -1.0, "m@1"), words.at.replace(tzinfo=None))
