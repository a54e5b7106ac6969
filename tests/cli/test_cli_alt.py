"""`pictell alt`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pictell.bundle import installed_bundles
from pictell.captioner import load

PAGE = (
    b"<!doctype html>\r\n<p>caf\xe9\r\n<img src=img/a.png>\r\n<a href=/><img src='img/a.png'></a>\n"
    b"<img src=img/b.png alt=b.png>\r\n<img src=img/a.png alt=''>\r\n<img src=https://example.org/x.png>\r\n<img src='img/a.png'>"
)


@pytest.fixture
def site(photo: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a page and two photos."""
    photo("img/a.png")
    photo("img/b.png", seed=1)
    (tmp_path / "page.html").write_bytes(PAGE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def alts(site: Path, tiny_bundle: Path) -> list[bytes]:
    """What the tests' model says of the two photos."""
    captioner = load(tiny_bundle)
    return [str(captioner.caption(f"img/{name}.png", style="alt").text).encode() for name in "ab"]


def with_alts(alts: list[bytes]) -> bytes:
    first, second = (b'alt="' + alt + b'"' for alt in alts)
    page = PAGE.replace(b"<img src=img/a.png>", b"<img src=img/a.png " + first + b">").replace(b"alt=b.png", second)
    return page.removesuffix(b">") + b" " + first + b">"


@pytest.mark.parametrize("command", [["patch", "-p0"], ["git", "apply", "-p0"]])
def test_the_patch_applies(process: Any, site: Path, alts: list[bytes], tiny_bundle: Path, environment: dict[str, str],
    command: list[str],
) -> None:  # fmt: skip
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    run = subprocess.run(
        [sys.executable, "-m", "pictell", "alt", "page.html", "--model", tiny_bundle],
        env=environment, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert (site / "page.html").read_bytes() == PAGE
    subprocess.run(command, input=run.stdout, check=True, capture_output=True)
    assert (site / "page.html").read_bytes() == with_alts(alts)
    assert process("alt", "page.html", "--model", tiny_bundle).out == ""


def test_in_place(run: Any, site: Path, alts: list[bytes], tiny_bundle: Path) -> None:
    (site / "page.html").chmod(0o640)
    ran = run("alt", "page.html", "--in-place", "--model", tiny_bundle)
    assert (ran.code, ran.out) == (0, "")
    assert (site / "page.html").read_bytes() == with_alts(alts)
    assert os.name == "nt" or (site / "page.html").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in site.iterdir()) == ["img", "page.html"]
    lines = ran.err.splitlines()
    assert lines[0].startswith("pictell: page.html:4: img/a.png: for a person: in a link")
    assert lines[1] == "pictell: 3 suggestions for 1 of 1 page; 1 for a person to write; 1 not local, left"
    assert [line for line in lines if "drafts" in line] == lines[2:]
    again = run("alt", "page.html", "--in-place", "--model", tiny_bundle)
    assert (again.code, again.out, "suggestion" in again.err) == (0, "", False)


def test_json(run: Any, site: Path, alts: list[bytes], tiny_bundle: Path) -> None:
    ran = run("alt", "page.html", "--json", "--model", tiny_bundle)
    objects = [json.loads(line) for line in ran.lines]
    assert [each["outcome"] for each in objects] == ["suggested", "for-a-person", "suggested", "elsewhere", "suggested"]
    assert [each["alt"] for each in objects] == [alts[0].decode(), None, alts[1].decode(), None, alts[0].decode()]
    assert {(each["path"], each["line"], each["image"]) for each in objects} >= {("page.html", 5, "img/b.png")}
    assert (site / "page.html").read_bytes() == PAGE


def test_a_link_to_a_page_stays_one(run: Any, site: Path, alts: list[bytes], tiny_bundle: Path) -> None:
    try:
        (site / "link.html").symlink_to("page.html")
    except OSError:
        pytest.skip("this system makes no symbolic links")
    assert run("alt", "link.html", "page.html", "--in-place", "--model", tiny_bundle).code == 0
    assert (site / "link.html").is_symlink()
    assert (site / "page.html").read_bytes() == with_alts(alts)


def test_what_fails_is_named_and_the_rest_done(run: Any, site: Path, alts: list[bytes], tiny_bundle: Path) -> None:
    (site / "broken.png").write_bytes((site / "img/a.png").read_bytes()[:60])
    (site / "sub").mkdir()
    (site / "sub/a.md").write_text("![](no.png) ![](../img/a.png)\n\n![](../broken.png)\n", encoding="utf-8")
    ran = run("alt", "no.html", "sub", "img/a.png", "sub/a.md", "page.html", "--in-place", "--model", tiny_bundle)
    assert ran.code == 1
    assert (site / "page.html").read_bytes() == with_alts(alts)
    for told in (
        "no.html: cannot be read", "sub: a directory", "img/a.png: neither HTML nor Markdown",
        "sub/a.md:1: no.png: no such file", "sub/a.md:1: ../img/a.png: lies outside",
    ):  # fmt: skip
        assert told in ran.err
    ran = run("alt", "sub/a.md", "--root", ".", "--json", "--model", tiny_bundle)
    assert ran.code == 1
    objects = [json.loads(line) for line in ran.lines]
    assert [each["outcome"] for each in objects] == ["failed", "suggested", "failed"]
    assert [each["error"]["kind"] for each in objects if "error" in each] == ["missing", "truncated"]


def test_withheld_captions_are_told(run: Any, site: Path) -> None:
    if not installed_bundles():
        pytest.skip("no model is installed with the package")
    Image.new("RGB", (300, 200)).save("black.png")
    (site / "page.html").write_text("<img src=black.png>", encoding="utf-8")
    ran = run("alt", "page.html")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("pictell: page.html:1: black.png: no suggestion: ")
    assert ran.err.splitlines()[1:] == ["pictell: 1 without a suggestion"]


def test_a_page_changed_meanwhile_is_left(
    run: Any, site: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pictell.captioner import Captioner

    stream = Captioner.stream

    def slow(self: Captioner, *arguments: Any) -> Any:
        (site / "page.html").write_bytes(b"other")
        return stream(self, *arguments)

    monkeypatch.setattr(Captioner, "stream", slow)
    ran = run("alt", "page.html", "--in-place", "--model", tiny_bundle)
    assert ran.code == 1
    assert "changed meanwhile" in ran.err
    assert (site / "page.html").read_bytes() == b"other"


def test_nothing_to_do(run: Any, site: Path, tiny_bundle: Path) -> None:
    (site / "a.md").write_text("![a dog](img/a.png)", encoding="utf-8")
    ran = run("alt", "a.md", "--model", tiny_bundle)
    assert (ran.code, ran.out, ran.err) == (0, "", "pictell: 1 page: no image without alt text\n")


def test_a_root_that_is_not_there(run: Any, site: Path) -> None:
    ran = run("alt", "page.html", "--root", "nowhere")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_name_outside_the_working_directory(
    process: Any, site: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "page.html").write_text("<img src=img/a.png>", encoding="utf-8")
    monkeypatch.chdir(site / "img")
    ran = process("alt", "../page.html", "--model", tiny_bundle)
    assert ran.out.splitlines()[0] == f"--- {(site / 'page.html').as_posix()}"
