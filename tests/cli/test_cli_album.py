"""`pictell album` and `pictell search`, as people run them: killed, twice at once, dry."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("platformdirs")
pytest.importorskip("lxml")

from pictell.albums import Library, alone


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "l.db"


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., Path]) -> Path:
    for number in range(60):
        photo(f"photos/{number:02}.png", seed=number)
    return tmp_path / "photos"


def test_index_search_export(run, photos: Path, library: Path, tiny_bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    options = ("--db", library, "--model", tiny_bundle)
    (photos / "bad.jpg").write_bytes(b"no photo")
    dry = run("album", "index", photos, "--dry-run", *options)
    assert "61  to caption" in dry.out
    first = run("album", "index", photos, *options)
    assert (first.code, "60  captioned" in first.out, "1  failed" in first.out) == (1, True, True)
    assert first.err.count("\n") == 1
    again = run("album", "index", photos, "--json", *options)
    assert [json.loads(line)["outcome"] for line in again.lines] == ["failed"]
    with Library(library) as opened:
        word = next(entry.text for entry in opened.entries() if entry.text).split()[0]
    found = run("search", word, "--db", library)
    assert found.code == 0
    assert found.lines
    assert all(line.split("\t")[0].startswith(str(photos)) for line in found.lines)
    nothing = run("search", "zebrafish", "--db", library)
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "pictell: no photo found\n")
    assert run("album", "export", tmp_path / "all.csv", "--db", library).code == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 62


def test_killed_again_and_again(
    environment: dict[str, str], photos: Path, library: Path, tiny_bundle: Path, run: Callable[..., object]
) -> None:
    """Nothing is lost, nothing is there twice, the database is whole."""
    command = [sys.executable, "-m", "pictell", "album", "index", photos, "--db", library, "--model", tiny_bundle]
    counts = []
    for moment in (0.5, 0.8, 1.0, 1.2):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        with Library(library) as opened:
            assert opened.rows("PRAGMA integrity_check") == [("ok",)]
            counts.append(opened.rows("SELECT count(*) FROM captions")[0][0])
    assert counts == sorted(counts)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    with Library(library) as opened:
        assert opened.rows("SELECT count(*), count(DISTINCT path) FROM photos JOIN captions ON id = photo") == [
            (60, 60)
        ]
        assert opened.rows("SELECT count(*) FROM words") == [(60,)]


def test_the_second_of_two_runs_stops(run, photos: Path, library: Path, tiny_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    with alone(library):
        second = run("album", "index", photos, "--db", library, "--model", tiny_bundle)
    assert second.code == 1
    assert "another run is at work" in second.err


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["album", "index", "none"], "no such directory", 1),
        (["album", "index", ".", "--write", "stone"], "--write is", 2),
        (["album", "index", ".", "--keywords"], "--write", 2),
        (["search", "dog", "--db", "none.db"], "no library yet", 1),
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
