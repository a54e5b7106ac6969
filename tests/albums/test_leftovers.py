"""What a killed run left half written goes; whatever else has such a name stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pictell.albums.leftovers import sweep


@pytest.mark.skipif(sys.platform == "win32", reason="there they go by age")
def test_only_what_dead_processes_left_of_these_photos_goes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    dead = process.pid
    gone = [f".a.jpg.{dead}", f".a.jpg.xmp.{dead}", f".a.xmp.{dead}"]
    kept = [
        "a.jpg",
        f".a.jpg.{os.getpid()}",
        f".b.jpg.{dead}",
        f"a.jpg.{dead}",
        f".a.jpg.{dead}.bak",
        ".a.jpg.x",
        ".a.jpg",
    ]
    for name in (*gone, *kept):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / f".a.jpg.0{dead}").mkdir()
    (tmp_path / f".a.jpg.00{dead}").symlink_to("a.jpg")
    sweep([tmp_path / "a.jpg", tmp_path / "gone" / "a.jpg"])
    assert {path.name for path in tmp_path.iterdir()} == {*kept, f".a.jpg.0{dead}", f".a.jpg.00{dead}"}
