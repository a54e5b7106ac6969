"""`pictell album index --write both --keywords`, killed at random moments: in the end all is as if it never had been.

`PICTELL_KILLS` sets how often (4 if it is not set; 20 takes some minutes).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("platformdirs")
pytest.importorskip("lxml")
pytest.importorskip("pyexiv2")

from pictell.albums import Library, read_words

KILLS = int(os.environ.get("PICTELL_KILLS", "4"))
COUNT = 96


def make(folder: Path) -> None:
    """Photos of several kinds, small and large, some with a person's words or a sidecar of another program."""
    folder.mkdir()
    for number in range(COUNT):
        side = 900 if number % 8 == 0 else 64
        small = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
        options: dict[str, Any] = {}
        if number % 12 == 5:
            options["exif"] = Image.Exif()
            options["exif"][0x010E] = f"our dog Rex {number}"
        suffix = (".jpg", ".png", ".webp", ".jpg")[number % 4]
        if suffix == ".webp":
            options["lossless"] = True
        picture.save(folder / f"{number:02}{suffix}", **options)
        if number % 12 == 7:
            (folder / f"{number:02}.xmp").write_text(
                '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
                '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
            )


def pixels(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in folder.iterdir():
        if path.suffix != ".xmp" and not path.name.startswith("."):
            with Image.open(path) as picture:
                found[path.name] = picture.tobytes()
    return found


def state(folder: Path, database: Path) -> dict[str, Any]:
    """All that an unbroken run settles; not when it did."""
    with Library(database) as library:
        assert library.rows("PRAGMA integrity_check") == [("ok",)]
        assert library.rows("PRAGMA foreign_key_check") == []
        tables = {
            name: sorted(
                (Path(os.fsdecode(path)).name, *rest)
                for path, *rest in library.rows(f"SELECT path, {columns} FROM photos JOIN {table} WHERE {joined}")
            )
            for name, table, columns, joined in (
                ("captions", "captions", "text, reason, confidence, model, by", "photo = id"),
                ("own", "own_words", "kind, text", "photo = id"),
                ("index", "words", "own, caption", "words.rowid = id"),
                ("features", "features", "encoder", "photo = id"),
            )
        }
        photos = library.rows("SELECT count(*), count(DISTINCT path), total(missing), count(error_kind) FROM photos")
    words = {}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".xmp" and not path.name.startswith("."):
            found = read_words(path)
            words[path.name] = (found.generated, found.own, sorted(k.text for k in found.keywords), found.problems)
    return {"names": sorted(os.listdir(folder)), "photos": photos, "words": words, **tables}  # noqa: PTH208


def exiftool_reads(folder: Path) -> None:
    """Where it is on this machine, the judge of other programs finds no fault in anything."""
    program = shutil.which("exiftool")
    if program is None:
        return
    read = subprocess.run([program, "-j", "-error", "-warning", "-XMP:all", folder], capture_output=True, check=False)
    found = json.loads(read.stdout)
    assert {Path(entry["SourceFile"]).name for entry in found} == {path.name for path in folder.iterdir()}
    assert [entry for entry in found if "Error" in entry or "Warning" in entry] == []
    assert sum("Description" in entry for entry in found) > COUNT


def test_killed_at_random_moments(tmp_path: Path, environment: dict[str, str], tiny_bundle: Path) -> None:
    def command(name: str) -> list[str | Path]:
        return [
            sys.executable, "-m", "pictell", "album", "index", tmp_path / name, "--db", tmp_path / f"{name}.db",
            "--model", tiny_bundle, "--write", "both", "--keywords", "--json",
        ]  # fmt: skip

    make(tmp_path / "unbroken")
    before = pixels(tmp_path / "unbroken")
    assert len(before) == COUNT
    shutil.copytree(tmp_path / "unbroken", tmp_path / "killed")
    with subprocess.Popen(command("unbroken"), env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        process.stdout.read()
    assert process.returncode == 0
    took = time.monotonic() - begun

    draw = random.Random(1)
    captions: dict[str, str | None] = {}
    told = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            command("killed"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            told += bool(process.stdout.readline())  # it has begun to keep and to write
            time.sleep(draw.uniform(0, 2 * took / KILLS))
            process.kill()
        with Library(tmp_path / "killed.db") as library:
            assert library.rows("PRAGMA integrity_check") == [("ok",)]
            now = {entry.path: entry.text for entry in library.entries()}
        assert captions.items() <= now.items(), "a caption was lost"
        captions = now
        assert pixels(tmp_path / "killed") == before
    assert told, "killed before anything was done"
    done = subprocess.run(command("killed"), env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert pixels(tmp_path / "killed") == before
    assert state(tmp_path / "killed", tmp_path / "killed.db") == state(tmp_path / "unbroken", tmp_path / "unbroken.db")
    again = subprocess.run(command("killed"), env=environment, capture_output=True, text=True, check=True)
    assert again.stdout == "", "the run that ended well left something to do"
    exiftool_reads(tmp_path / "killed")
