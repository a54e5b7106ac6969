"""`pictell caption --server`: the same output as without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served


def caption(*arguments: str | Path, stdin: bytes | None = None, **environment: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "pictell", "caption", *arguments], input=stdin, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}, timeout=120,
    )  # fmt: skip
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


@pytest.fixture
def folder(tmp_path: Path, pictures: list[bytes]) -> Path:
    for number, content in enumerate(pictures):
        (tmp_path / f"{number:02}.jpg").write_bytes(content)
    (tmp_path / "cut.jpg").write_bytes(pictures[4][:500])
    (tmp_path / "text.jpg").write_bytes(b"text")
    return tmp_path


@pytest.mark.parametrize("more", [["--json"], ["--num", "3"], ["--json", "--style", "alt", "--must", "word3"]])
def test_it_prints_the_same(served: Served, tiny_bundle: Path, folder: Path, more: list[str]) -> None:
    here = caption(folder, folder / "missing.jpg", *more, "--model", tiny_bundle)
    there = caption(folder, folder / "missing.jpg", *more, "--server", served.url)
    assert here[0] == there[0] == 1
    assert here[1].count("\n") >= 12
    assert here == there


def test_standard_input(served: Served, tiny_bundle: Path, pictures: list[bytes]) -> None:
    for content in (pictures[0], pictures[4][:500], b"text", b""):
        here = caption("-", "--json", "--model", tiny_bundle, stdin=content)
        assert here == caption("-", "--json", "--server", served.url, stdin=content)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--threads", "2"], 2, "--threads is for captions made here"),
        (["--must", "zebra"], 2, "zebra"),
        (["--beam", "0"], 2, "beam"),
        (["--model", "gpt"], 1, "tiny@7"),
        (["--api-key-file", "/no/such/file"], 2, "/no/such/file"),
    ],
)
def test_what_cannot_be_is_one_line(served: Served, folder: Path, arguments: list[str], code: int, said: str) -> None:
    found = caption(folder, "--server", served.url, *arguments)
    assert (found[0], found[1]) == (code, "")
    assert said in found[2]
    assert len(found[2].splitlines()) == 1


def test_a_key_without_a_server(folder: Path) -> None:
    code, _, said = caption(folder, "--api-key-file", folder / "key")
    assert code == 2
    assert "--server" in said


def test_the_key_comes_from_a_file_or_the_environment(start: Any, tiny_bundle: Path, folder: Path) -> None:
    (folder / "key.txt").write_text("a-key-of-its-own\n", encoding="utf-8")
    with start("--model", tiny_bundle, environment={"PICTELL_API_KEY": "a-key-of-its-own"}) as served:
        photo = folder / "00.jpg"
        assert caption(photo, "--server", served.url, "--api-key-file", folder / "key.txt")[0] == 0
        assert caption(photo, "--server", served.url, PICTELL_API_KEY="a-key-of-its-own")[0] == 0
        code, out, said = caption(photo, "--server", served.url)
        assert (code, out) == (1, "")
        assert "needs its key" in said


def test_nobody_is_there(folder: Path) -> None:
    code, out, said = caption(folder, "--server", "http://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert "http://127.0.0.1:9 cannot be asked" in said
