"""Indexing a library: everything once, whatever happens to its photos meanwhile."""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictell
from pictell.albums import GeneratedWords, IndexOptions, Library, Result, index, plan, read_words, write_words
from pictell.albums import raw as raw_files
from pictell.albums.library import Words
from pictell.albums.xmp import Packet
from pictell.captioner import Captioner
from pictell.errors import MetadataError, PhotoError


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return pictell.load(tiny_bundle)


def make(path: Path, seed: int = 0) -> Path:
    """A photo; another seed gives another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(5):
        make(tmp_path / "photos" / f"{number % 2}" / f"{number}.png", number)
    return tmp_path / "photos"


@pytest.fixture
def run(tmp_path: Path, photos: Path, captioner: Captioner) -> Callable[..., list[Result]]:
    """Indexes the photos, with a library of the test's own."""

    def go(**options: object) -> list[Result]:
        asked = IndexOptions(**options)  # type: ignore[arg-type]
        with Library(tmp_path / "l.db") as library:
            return list(index(library, captioner, plan(library, photos, captioner.model, asked), asked))

    return go


@pytest.fixture
def texts(tmp_path: Path) -> Callable[[], dict[str, str | None]]:
    """The captions that the library has of photos that are there, by name."""

    def look() -> dict[str, str | None]:
        with Library(tmp_path / "l.db") as library:
            assert library.rows("PRAGMA integrity_check") == [("ok",)]
            return {Path(entry.path).name: entry.text for entry in library.entries()}

    return look


def outcomes(results: list[Result]) -> dict[str, int]:
    return dict(Counter(result.outcome for result in results))


def test_indexed_twice_is_indexed_once(
    run: Callable[..., list[Result]], texts: Callable[[], dict[str, str | None]]
) -> None:
    first = run()
    assert outcomes(first) == {"captioned": 5}
    before = texts()
    assert set(before) == {f"{number}.png" for number in range(5)}
    assert all(before.values())
    assert outcomes(run()) == {"unchanged": 5}
    assert texts() == before
    assert outcomes(run(force=True)) == {"captioned": 5}
    assert texts() == before


def test_captions_are_those_of_caption_many(
    run: Callable[..., list[Result]], texts: Callable[[], dict[str, str | None]], photos: Path, captioner: Captioner
) -> None:
    run()
    paths = sorted(photos.rglob("*.png"))
    expected = {path.name: caption.text for path, caption in zip(paths, captioner.caption_many(paths), strict=True)}  # type: ignore[union-attr]
    assert texts() == expected


def test_renamed_copied_changed_and_removed_photos(
    run: Callable[..., list[Result]], texts: Callable[[], dict[str, str | None]], photos: Path
) -> None:
    run()
    before = texts()
    (photos / "0" / "0.png").rename(photos / "renamed.png")
    shutil.copy(photos / "0" / "2.png", photos / "copy.png")
    make(photos / "0" / "4.png", 99)
    (photos / "1" / "1.png").unlink()
    os.utime(photos / "1" / "3.png", (1, 1))  # touched, and the same
    assert outcomes(run()) == {"moved": 1, "copied": 1, "captioned": 1, "missing": 1, "unchanged": 2}
    after = texts()
    assert after["renamed.png"] == before["0.png"]
    assert after["copy.png"] == after["2.png"] == before["2.png"]
    assert set(after) == {"renamed.png", "copy.png", "2.png", "3.png", "4.png"}
    make(photos / "1" / "1.png", 1)  # back again
    assert outcomes(run()) == {"unchanged": 6}
    assert texts()["1.png"] == before["1.png"]


def test_a_photo_is_remembered_once_however_its_directory_is_named(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path, captioner: Captioner
) -> None:
    run()
    (tmp_path / "link").symlink_to(photos)
    with Library(tmp_path / "l.db") as library:
        for named in (photos / ".." / photos.name, photos / "0" / "..", tmp_path / "link"):
            made = plan(library, named, captioner.model, IndexOptions())
            assert outcomes(list(index(library, captioner, made, IndexOptions()))) == {"unchanged": 5}
            assert len(list(library.entries(named))) == 5
        assert library.rows("SELECT count(*) FROM photos") == [(5,)]


def test_names_that_are_no_text(
    run: Callable[..., list[Result]], photos: Path, texts: Callable[[], dict[str, str | None]]
) -> None:
    name = os.fsdecode(b"\xff\xe9 \n.png")
    try:
        (photos / "0" / "0.png").rename(photos / name)
        (photos / os.fsdecode(b"\xfe.jpg")).write_bytes(b"no photo")
    except OSError:
        pytest.skip("this file system takes text alone")
    results = run()
    assert outcomes(results) == {"captioned": 5, "failed": 1}
    assert [result.error.message for result in results if result.error] == [
        f"{photos}/\\xfe.jpg: not a photo (this is text)"
    ]
    caption = texts()[name]
    (photos / name).rename(photos / "named.png")
    assert outcomes(run()) == {"moved": 1, "unchanged": 4, "failed": 1}
    assert texts()["named.png"] == caption


def test_a_photo_that_moves_to_another_directory_is_known_there(
    photos: Path, tmp_path: Path, captioner: Captioner
) -> None:
    options = IndexOptions()
    with Library(tmp_path / "l.db") as library:

        def run(directory: Path) -> Counter[str]:
            return outcomes(
                list(index(library, captioner, plan(library, directory, captioner.model, options), options))
            )

        run(photos)
        [(number,)] = library.rows("SELECT id FROM photos WHERE path = ?", (os.fsencode(photos / "0" / "0.png"),))
        (tmp_path / "other").mkdir()
        (photos / "0" / "0.png").rename(tmp_path / "other" / "here.png")
        assert run(photos) == {"missing": 1, "unchanged": 4}
        assert run(photos) == {"unchanged": 4}
        assert run(tmp_path / "other") == {"moved": 1}
        assert library.rows("SELECT path, missing FROM photos WHERE id = ?", (number,)) == [
            (os.fsencode(tmp_path / "other" / "here.png"), 0)
        ]


def test_what_did_not_change_is_not_read_to_the_end_again(
    run: Callable[..., list[Result]], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "bad.jpg").write_bytes(b"no photo")
    run()
    photos.rename(away := photos.with_name("away"))
    photos.mkdir()
    assert outcomes(run()) == {"missing": 6}
    photos.rmdir()
    away.rename(photos)
    monkeypatch.setattr("pictell.albums.indexing._digest", lambda path: pytest.fail(f"{path} was read"))
    assert outcomes(run()) == {"unchanged": 5, "failed": 1}
    assert outcomes(run(force=True)) == {"captioned": 5, "failed": 1}


@pytest.mark.parametrize("changed", [False, True])
def test_a_photo_that_cannot_be_read_for_now_keeps_the_caption_of_what_it_is(
    run: Callable[..., list[Result]],
    photos: Path,
    texts: Callable[[], dict[str, str | None]],
    monkeypatch: pytest.MonkeyPatch,
    changed: bool,
) -> None:
    run()
    before = texts()
    if changed:
        make(photos / "0" / "0.png", 77)
    with monkeypatch.context() as patched:

        def read(path: Path) -> None:
            raise MetadataError("unreadable", f"{path}: cannot be read (Input/output error)")

        patched.setattr("pictell.albums.indexing.read_words", read)
        assert outcomes(run(force=True)) == {"failed": 5}
    assert texts() == before | ({"0.png": None} if changed else {})
    assert outcomes(run()) == ({"captioned": 1, "unchanged": 4} if changed else {"unchanged": 5})


def test_a_photo_that_changes_after_the_walk_is_captioned_as_it_is_then(
    photos: Path, tmp_path: Path, captioner: Captioner
) -> None:
    options = IndexOptions()
    with Library(tmp_path / "l.db") as library:
        made = plan(library, photos, captioner.model, options)
        make(photos / "0" / "0.png", 77)
        assert outcomes(list(index(library, captioner, made, options))) == {"captioned": 5}
        assert not plan(library, photos, captioner.model, options).waiting
        said = {entry.path: entry.text for entry in library.entries()}[str(photos / "0" / "0.png")]
        assert said == captioner.caption(photos / "0" / "0.png").text


def test_a_limit_leaves_the_rest_for_another_time(run: Callable[..., list[Result]]) -> None:
    assert outcomes(run(limit=2)) == {"captioned": 2, "left": 3}
    assert outcomes(run(limit=2)) == {"captioned": 2, "left": 1, "unchanged": 2}
    assert outcomes(run()) == {"captioned": 1, "unchanged": 4}


def test_only_some(run: Callable[..., list[Result]]) -> None:
    assert outcomes(run(only=["1/*"])) == {"captioned": 2}
    assert outcomes(run(only=["0.png", "3.*"])) == {"captioned": 1, "unchanged": 1}
    assert outcomes(run()) == {"captioned": 2, "unchanged": 3}


def test_what_photos_look_like_is_kept_with_their_captions(
    run: Callable[..., list[Result]],
    photos: Path,
    tmp_path: Path,
    captioner: Captioner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seen() -> dict[str, bytes]:
        with Library(tmp_path / "l.db") as library:
            found = library.rows("SELECT path, encoder, vector FROM photos JOIN features ON photo = id")
        assert {encoder for _, encoder, _ in found} <= {captioner.encoder}
        return {Path(os.fsdecode(path)).name: vector for path, _, vector in found}

    run()
    before = seen()
    assert set(before) == {f"{number}.png" for number in range(5)}
    features = captioner.caption(photos / "0" / "0.png", features=True).features
    assert features is not None
    expected = features / np.linalg.norm(features)
    np.testing.assert_allclose(np.frombuffer(before["0.png"], "<f2"), expected, atol=2e-3)
    shutil.copy(photos / "0" / "0.png", photos / "copy.png")
    (photos / "0" / "2.png").write_bytes(b"no photo")
    Image.new("RGB", (64, 64)).save(photos / "0" / "4.png")
    black = lambda pictures: [None if each.any() else "black" for each in pictures]  # noqa: E731
    monkeypatch.setattr("pictell.captioner.why_no_photo", black)  # whose own judgement is for larger pictures
    assert outcomes(run()) == {"copied": 1, "failed": 1, "withheld": 1, "unchanged": 3}
    assert seen() == {name: before[name] for name in ("0.png", "1.png", "3.png")} | {"copy.png": before["0.png"]}


def test_another_models_captions_are_outdated(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path, other_tiny_bundle: Path
) -> None:
    run()
    other = pictell.load(other_tiny_bundle)
    other.model = "other@2"
    with Library(tmp_path / "l.db") as library:
        for options, expected in (
            (IndexOptions(), {"unchanged": 5}),
            (IndexOptions(outdated=True), {"captioned": 5}),
            (IndexOptions(outdated=True), {"unchanged": 5}),
        ):
            made = plan(library, photos, other.model, options)
            assert outcomes(list(index(library, other, made, options))) == expected
        assert {entry.model for entry in library.entries()} == {other.model}


def test_what_a_person_wrote_is_taken_over_not_captioned(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("lxml")
    path = photos / "0" / "0.png"
    path.with_name("0.png.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        '<rdf:li xml:lang="x-default">Grandma at the lake</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
    )
    assert outcomes(run()) == {"own": 1, "captioned": 4}
    with Library(tmp_path / "l.db") as library:
        assert next(entry for entry in library.entries() if entry.path == str(path)).own == "Grandma at the lake"
    assert outcomes(run()) == {"unchanged": 5}
    assert outcomes(run(everything=True)) == {"captioned": 1, "unchanged": 4}


@pytest.mark.parametrize("name", ["0.png.xmp", "0.xmp"])
def test_what_a_person_writes_beside_a_photo_later_is_taken_over(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path, name: str
) -> None:
    pytest.importorskip("lxml")
    run()
    sidecar = photos / "0" / name
    for texts in (["Grandma"], ["Grandma at the lake"], []):
        if texts:
            packet = Packet()
            packet.set_default("dc:description", texts[0])
            sidecar.write_bytes(bytes(packet))
        else:
            sidecar.unlink()
        assert outcomes(run()) == {"unchanged": 5}
        with Library(tmp_path / "l.db") as library:
            assert [entry.own for entry in library.entries() if entry.own] == texts


@pytest.mark.parametrize("seconds", [-(10**10), 10**10])
def test_times_of_broken_clocks(run: Callable[..., list[Result]], photos: Path, seconds: int) -> None:
    os.utime(photos / "0" / "0.png", (seconds, seconds))
    assert outcomes(run()) == {"captioned": 5}
    assert outcomes(run()) == {"unchanged": 5}


def test_written_captions_are_ours_and_change_nothing_for_the_next_run(
    run: Callable[..., list[Result]], photos: Path, texts: Callable[[], dict[str, str | None]], tmp_path: Path,
    captioner: Captioner,
) -> None:  # fmt: skip
    pytest.importorskip("lxml")
    run()
    assert all(result.written == "written" for result in run(write="sidecar", keywords=True))
    assert {path.name: read_words(path).generated for path in photos.rglob("*.png")} == texts()
    with Library(tmp_path / "l.db") as library:
        assert not plan(library, photos, captioner.model, IndexOptions()).waiting
    assert outcomes(run()) == {"unchanged": 5}
    assert all(result.written == "same" for result in run(write="sidecar", keywords=True))


def test_captions_written_into_photos_change_nothing_for_the_next_run(
    run: Callable[..., list[Result]], photos: Path
) -> None:
    pytest.importorskip("pyexiv2")
    assert all(result.written == "written" for result in run(write="embed"))
    assert outcomes(run()) == {"unchanged": 5}
    assert all(read_words(path).generated for path in photos.rglob("*.png"))


def test_what_fails_is_named_and_tried_again(run: Callable[..., list[Result]], photos: Path) -> None:
    bad = photos / "bad.jpg"
    bad.write_bytes(b"no photo")
    (photos / "loop.jpg").symlink_to(photos / "loop.jpg")
    (photos / "dangling.jpg").symlink_to(photos / "none.jpg")
    (photos / "again").symlink_to(photos)
    results = run()
    assert outcomes(results) == {"captioned": 5, "failed": 3}
    messages = {result.path.name: result.error.message for result in results if result.error}
    assert set(messages) == {"bad.jpg", "loop.jpg", "dangling.jpg"}
    assert all(name in message for name, message in messages.items())
    make(bad.with_suffix(".png"), 7).replace(bad)
    (photos / "loop.jpg").unlink()
    (photos / "dangling.jpg").unlink()
    assert outcomes(run()) == {"captioned": 1, "unchanged": 5}


def test_a_photo_behind_a_link_that_leads_nowhere_for_now_is_not_gone(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    (photos / "0" / "0.png").rename(tmp_path / "disk" / "0.png")
    (photos / "0" / "0.png").symlink_to(tmp_path / "disk" / "0.png")
    run()
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert outcomes(run()) == {"failed": 1, "unchanged": 4}
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    assert outcomes(run()) == {"unchanged": 5}


@pytest.mark.parametrize("sidecar", ["<not xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_sidecar_that_cannot_be_read_is_named_and_its_photo_captioned(
    run: Callable[..., list[Result]], photos: Path, sidecar: str
) -> None:
    pytest.importorskip("lxml")
    (photos / "0" / "0.png.xmp").write_text(sidecar)
    results = run()
    assert outcomes(results) == {"captioned": 5}
    [told] = [result for result in results if result.error]
    assert told.path == photos / "0" / "0.png"
    assert told.error is not None
    assert "0.png.xmp" in told.error.message


def test_photos_in_a_directory_that_cannot_be_read_are_not_gone(
    run: Callable[..., list[Result]], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    scandir = os.scandir

    def refuse(path: str) -> object:  # modes would not do: root may read everything
        if Path(path) == photos / "1":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        assert outcomes(run()) == {"unchanged": 3, "failed": 1}
    assert outcomes(run()) == {"unchanged": 5}


def test_a_photo_that_changes_while_it_is_read_is_left_for_the_next_run(
    run: Callable[..., list[Result]], photos: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = captioner.stream

    def stream(sources: object, *arguments: object) -> object:
        for result in original(sources, *arguments):  # type: ignore[arg-type]
            make(photos / "0" / "0.png", 50)
            yield result

    with monkeypatch.context() as patched:
        patched.setattr(captioner, "stream", stream)
        results = run()
    assert outcomes(results) == {"captioned": 4, "failed": 1}
    assert outcomes(run()) == {"captioned": 1, "unchanged": 4}


def test_a_persons_edit_of_a_caption_stays(run: Callable[..., list[Result]], photos: Path, tmp_path: Path) -> None:
    run()
    with Library(tmp_path / "l.db") as library, library.transaction():
        number = library.known(photos)[os.fsencode(photos / "0" / "0.png")].id
        library.put_words(number, Words("my own", None, 0, None, "m@1", "2026-01-01T00:00:00+00:00", "person"))
    make(photos / "0" / "0.png", 77)
    assert outcomes(run()) == {"own": 1, "unchanged": 4}
    assert outcomes(run(outdated=True)) == {"unchanged": 5}
    with Library(tmp_path / "l.db") as library:
        assert [entry.own for entry in library.entries() if entry.own] == ["my own"]


def test_a_persons_edit_of_a_caption_goes_with_copies(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path, captioner: Captioner
) -> None:
    run()
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            number = library.known(photos)[os.fsencode(photos / "0" / "0.png")].id
            library.put_words(number, Words("my own", None, 0, None, "m@1", "2026-01-01T00:00:00+00:00", "person"))
        (tmp_path / "other").mkdir()
        (photos / "0" / "0.png").rename(tmp_path / "other" / "0.png")
        made = plan(library, tmp_path / "other", captioner.model, IndexOptions(outdated=True))
        assert outcomes(list(index(library, captioner, made, IndexOptions(outdated=True)))) == {"copied": 1}
        assert [entry.own for entry in library.entries(tmp_path / "other")] == ["my own"]


def test_raw_files_are_read_by_their_preview(
    run: Callable[..., list[Result]], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "x.NEF").write_bytes(b"raw")
    monkeypatch.setattr(raw_files.shutil, "which", lambda _: None)
    results = run(only=["x.*"])
    assert outcomes(results) == {"failed": 1}
    assert isinstance(results[0].error, PhotoError)
    assert results[0].error.kind == "needs-exiftool"


def test_the_largest_preview_is_taken(
    run: Callable[..., list[Result]], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for exiftool gives what is there of a raw file."""
    jpeg, program = make(tmp_path / "preview.jpg"), tmp_path / "bin" / "exiftool"
    small = tmp_path / "small.jpg"
    Image.new("RGB", (8, 8)).save(small)
    program.parent.mkdir()
    found = {"JpgFromRaw": small, "PreviewImage": jpeg}
    data = {name: "base64:" + base64.b64encode(file.read_bytes()).decode() for name, file in found.items()}
    (tmp_path / "found.json").write_text(json.dumps([data]))
    program.write_text(f'#!/bin/sh\ncat "{tmp_path}/found.json"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    (photos / "x.NEF").write_bytes(b"raw")
    assert raw_files.preview(photos / "x.NEF") == jpeg.read_bytes()
    assert outcomes(run(only=["x.*"])) == {"captioned": 1}
    assert outcomes(run(only=["x.*"])) == {"unchanged": 1}


def test_exiftool_finds_the_preview(run: Callable[..., list[Result]], photos: Path, tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not on this machine (Debian: libimage-exiftool-perl)")
    jpeg = make(tmp_path / "preview.jpg").read_bytes()
    for name, preview in (("whole.ARW", jpeg), ("broken.arw", jpeg[: len(jpeg) // 2])):
        (photos / name).write_bytes(raw_file(preview))
        assert raw_files.preview(photos / name) == preview
    results = {result.path.name: result for result in run(only=["*.arw", "*.ARW"])}
    assert {name: result.outcome for name, result in results.items()} == {
        "whole.ARW": "captioned",
        "broken.arw": "failed",
    }
    assert (error := results["broken.arw"].error) is not None
    assert str(photos / "broken.arw") in error.message


def raw_file(preview: bytes) -> bytes:
    """As much of a Sony's raw file as holds a preview: a TIFF file with one directory of four tags."""
    make = b"SONY\0\0\0\0"
    at = 8 + 2 + 4 * 12 + 4
    tags = [(0xFE, 4, 1, 1), (0x10F, 2, 5, at), (0x201, 4, 1, at + len(make)), (0x202, 4, 1, len(preview))]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + make + preview


def test_no_directory(tmp_path: Path, captioner: Captioner) -> None:
    with Library(tmp_path / "l.db") as library, pytest.raises(PhotoError, match="no such directory"):
        plan(library, tmp_path / "none", captioner.model, IndexOptions())


def test_generated_words_of_a_file_are_not_taken_for_a_persons(
    run: Callable[..., list[Result]], photos: Path, words: GeneratedWords
) -> None:
    pytest.importorskip("lxml")
    write_words(photos / "0" / "0.png", words)
    assert outcomes(run()) == {"captioned": 5}


def test_many_copies_of_one_photo_are_not_compared_with_each_other(
    tmp_path: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked about a content is asked once, whether its photos have a caption or fail."""
    photos = tmp_path / "photos"
    photos.mkdir()
    content = make(tmp_path / "one.png").read_bytes()
    for number in range(150):
        (photos / f"{number}.png").write_bytes(content)
        (photos / f"{number}.jpg").write_bytes(b"")
    asked: Counter[bytes] = Counter()
    captioned_with = Library.captioned_with
    monkeypatch.setattr(
        Library, "captioned_with", lambda self, digest: (asked.update([digest]), captioned_with(self, digest))[1]
    )
    monkeypatch.setattr(Library, "with_hash", lambda *_: pytest.fail("nothing is gone"))
    with Library(tmp_path / "l.db") as library:
        results = list(
            index(library, captioner, plan(library, photos, captioner.model, IndexOptions()), IndexOptions())
        )
        found = outcomes(results)
        assert found["failed"] == 150
        assert found["captioned"] + found["copied"] == 150
        assert found["copied"] > 50
        assert set(asked.values()) == {1}
        assert len({entry.text for entry in library.entries() if entry.path.endswith(".png")}) == 1
