"""`pictell album` and `pictell search`, as people run them: killed, twice at once, dry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("platformdirs")
pytest.importorskip("lxml")

from pictell.albums import Library, alone, read_words, sentence_encoder
from pictell.albums.library import Words


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "l.db"


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., Path]) -> Path:
    for number in range(130):
        photo(f"photos/{number:03}.png", seed=number)
    return tmp_path / "photos"


def test_index_search_export(run, photos: Path, library: Path, tiny_bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    options = ("--db", library, "--model", tiny_bundle)
    (photos / "bad.jpg").write_bytes(b"no photo")
    dry = run("album", "index", photos, "--dry-run", *options)
    assert "131  to caption" in dry.out
    first = run("album", "index", photos, *options)
    assert (first.code, "130  captioned" in first.out, "1  failed" in first.out) == (1, True, True)
    assert first.err.count("\n") == 1
    again = run("album", "index", photos, "--json", *options)
    assert [json.loads(line)["outcome"] for line in again.lines] == ["failed"]
    written = run("album", "index", photos, "--only", "00*", "--limit", "0", "--write", "sidecar", "--json", *options)
    outcomes = [(json.loads(line)["outcome"], json.loads(line).get("written")) for line in written.lines]
    assert outcomes == [("unchanged", "written")] * 10
    with Library(library) as opened:
        word = next(entry.text for entry in opened.entries() if entry.text).split()[0]
    found = run("search", word, "--db", library)
    assert found.code == 0
    assert found.lines
    assert all(line.split("\t")[0].startswith(str(photos)) for line in found.lines)
    like = run("search", "--like", photos / "007.png", "--limit", "2", *options)
    assert (like.code, len(like.lines)) == (0, 2)
    assert like.lines[0].startswith(f"{photos / '007.png'}\t")
    nothing = run("search", "zebrafish", "--db", library)
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "pictell: no photo found\n")
    assert run("album", "export", tmp_path / "all.csv", "--db", library).code == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 132


@pytest.mark.parametrize("write", [(), ("--write", "sidecar")])
def test_killed_again_and_again(
    environment: dict[str, str], photos: Path, library: Path, tiny_bundle: Path, write: tuple[str, ...]
) -> None:
    """Nothing is lost, nothing is done or there twice, the database is whole, no photo changes."""
    before = {path: path.read_bytes() for path in photos.iterdir()}
    command = [sys.executable, "-m", "pictell", "album", "index", photos, "--db", library, "--model", tiny_bundle]
    kept = 0
    for reports in (0, 1, 7, 1):  # how many photos are told to be done before the kill; the first comes while it starts
        # A short pipe, in which the run waits to be heard of the first photos it kept.
        with subprocess.Popen(
            [*command, "--json", *write], env=environment, stdout=subprocess.PIPE, pipesize=4096
        ) as process:
            assert process.stdout is not None
            told = [json.loads(process.stdout.readline())["outcome"] for _ in range(reports)]
            process.send_signal(signal.SIGKILL)
        with Library(library) as opened:
            assert opened.rows("PRAGMA integrity_check") == [("ok",)]
            now = opened.rows("SELECT count(*) FROM captions")[0][0]
        assert now >= kept + len(told) - told.count("unchanged")
        kept = now
    assert kept < len(before), "killed too late to tell anything"
    done = subprocess.run([*command, *write], env=environment, check=True, capture_output=True, text=True)
    assert f"{len(before) - kept}  captioned" in done.stdout
    with Library(library) as opened:
        assert opened.rows("SELECT count(*), count(DISTINCT path) FROM photos JOIN captions ON id = photo") == [
            (len(before), len(before))
        ]
        assert opened.rows("SELECT count(*) FROM words") == [(len(before),)]
        texts = {Path(entry.path): entry.text for entry in opened.entries()}
    assert {path: path.read_bytes() for path in before} == before
    if write:
        assert {path: read_words(path).generated for path in before} == texts


def test_the_second_of_two_runs_stops(run, photos: Path, library: Path, tiny_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    options = ("--db", library, "--model", tiny_bundle)
    with alone(library):
        second = run("album", "index", photos, *options)
        assert second.code == 2
        assert "another run is at work" in second.err
        assert (second.out, second.err.count("\n")) == ("", 1)
        assert run("album", "index", photos, "--dry-run", *options).code == 0


def test_a_dry_run_tells_and_makes_nothing(run, photos: Path, library: Path, tiny_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    (photos / "loop.jpg").symlink_to("loop.jpg")
    before = sorted(library.parent.rglob("*"))
    dry = run("album", "index", photos, "--dry-run", "--json", "--db", library, "--model", tiny_bundle)
    told = [json.loads(line) for line in dry.lines]
    assert Counter(line["outcome"] for line in told) == {"waiting": 130, "failed": 1}
    assert (dry.code, dry.err.count("\n")) == (1, 1)
    assert sorted(library.parent.rglob("*")) == before


def test_a_hundred_thousand_files_in_one_directory(run, photos: Path, library: Path, tiny_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    for number in range(100_000):
        os.close(os.open(photos / f"{number}.txt", os.O_CREAT | os.O_WRONLY))
    dry = run("album", "index", photos, "--dry-run", "--json", "--db", library, "--model", tiny_bundle)
    assert (dry.code, dry.err) == (0, "")
    assert Counter(json.loads(line)["outcome"] for line in dry.lines) == {"waiting": 130}


def test_raw_files_without_exiftool_are_named_and_counted(
    run, photos: Path, library: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    (photos / "x.nef").write_bytes(b"raw")
    (photos / "bad.jpg").write_bytes(b"no photo")
    monkeypatch.setenv("PATH", "")
    ran = run("album", "index", photos, "--only", "*.nef", "--only", "bad.*", "--db", library, "--model", tiny_bundle)
    assert (ran.code, ran.err.count("\n"), "x.nef" in ran.err) == (1, 2, True)
    assert [line.strip() for line in ran.lines] == ["2  failed", "1  of these raw files, which need exiftool"]


@pytest.mark.skipif(sys.platform == "win32", reason="there a process has no such limit")
def test_a_photo_for_which_the_disk_has_no_room_is_named_and_the_rest_written(
    environment: dict[str, str], photo: Callable[..., Path], library: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyexiv2")
    for number in range(5):
        photo(f"photos/{number}.png", seed=number)
    large = tmp_path / "photos" / "large.png"
    noise = np.random.default_rng(0).integers(0, 255, (1100, 1100, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large, compress_level=0)
    before = large.read_bytes()
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))\n"
    done = subprocess.run(
        [
            sys.executable, "-c", f"{limited}from pictell.cli import main; main()", "album", "index", large.parent,
            "--db", library, "--model", tiny_bundle, "--write", "embed",
        ],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"pictell: {large}: cannot be written")
    assert done.stderr.count("\n") == 1
    assert "5  of these written for other programs" in done.stdout
    assert large.read_bytes() == before
    assert {path.name for path in large.parent.iterdir()} == {"large.png", *(f"{number}.png" for number in range(5))}


def test_a_search_tells_why_each_photo_was_found(run, library: Path) -> None:  # type: ignore[no-untyped-def]
    with Library(library) as opened, opened.transaction():
        for path, text in ((b"/a.jpg", "a dog runs on the beach"), (b"/b.jpg", "a red car")):
            photo = opened.put_photo(path, 1, 1, path)
            opened.put_words(photo, Words(text, None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00"))
    found = run("search", "dog", "--exact", "--json", "--db", library)
    assert [(json.loads(line)["by"], json.loads(line)["score"]) for line in found.lines] == [("words", None)]
    assert run("search", "puppy by the sea", "--exact", "--db", library).code == 1
    assert run("search", "--exact", "--like", "/a.jpg", "--db", library).code == 2
    if sentence_encoder() is not None:
        found = run("search", "puppy by the sea", "--json", "--db", library)
        [hit] = [json.loads(line) for line in found.lines]
        assert (hit["path"], hit["by"], found.err) == ("/a.jpg", "meaning", "")
        assert 0.4 <= hit["score"] <= 1


def test_a_broken_sidecar_is_counted(run, photos: Path, library: Path, tiny_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    (photos / "000.png.xmp").write_text("<not xml")
    ran = run("album", "index", photos, "--limit", "1", "--db", library, "--model", tiny_bundle)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "000.png.xmp" in ran.err
    assert "1  captioned" in ran.out
    assert "1  of these with words in them or beside them that could not be read" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["album", "index", "none"], "no such directory", 1),
        (["album", "index", ".", "none"], "no such directory", 1),
        (["album", "index", ".", "--write", "stone"], "--write is", 2),
        (["album", "index", ".", "--keywords"], "--write", 2),
        (["search", "dog", "--db", "none.db"], "no library yet", 1),
        (["search", "dog", "--like", "a.jpg"], "either words or --like", 2),
        (["search", "dog", "--model", "a"], "--model is for --like", 2),
        (["album", "export", "x.csv", "--db", "none.db"], "no library yet", 1),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Callable[..., object], tmp_path: Path, arguments: list[str], message: str, code: int,
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    options = ["--db", "l.db", "--model", str(tiny_bundle)] if "index" in arguments else []
    done = run(*arguments, *options)
    assert done.code == code  # type: ignore[attr-defined]
    assert message in done.err  # type: ignore[attr-defined]
    assert done.err.count("\n") == 1  # type: ignore[attr-defined]
    assert {path.name for path in tmp_path.iterdir()} <= {"l.db", "l.db.lock"}
