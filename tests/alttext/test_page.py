"""Pages to the byte, and patches that the programs for it apply."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.alttext import Page, diff, read_page, rewritten
from pictell.alttext.image import Edit
from pictell.alttext.patch import unified_diff
from pictell.errors import PictellError

LINES = st.sampled_from(
    [
        b"<p>x",
        b"",
        b"<img src=a.jpg>",
        b"<img src=b.jpg alt=b.jpg><img src=c.jpg>",
        b"caf\xc3\xa9",
        b" ",
        b"-- x",
        b"+y",
    ]
)
PAGES = st.tuples(st.lists(LINES, max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans()).map(
    lambda drawn: drawn[1].join(drawn[0]) + (drawn[1] if drawn[2] else b"")
)


def edits(page: Page, alt: str = "A dog.") -> list[Edit]:
    return [image.place.edit(alt) for image in page.images if image.place]


def apply(program: str, folder: Path, patch: bytes) -> None:
    command = {"patch": ["patch", "-p0", "--batch", "--fuzz=0"], "git": ["git", "apply", "-p0"]}[program]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(command, cwd=folder, input=patch, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"fuzz" not in done.stdout
    assert b"offset" not in done.stdout


@pytest.mark.parametrize("program", ["patch", "git"])
@pytest.mark.parametrize("name", ["page.html", "sub/my page.html", 'a"b\\c.html', "é.html", "tab\there.html"])
def test_patches_apply(program: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    try:
        path.write_bytes(
            b"\r\n".join(
                [b"<p>", b"<img src=a.jpg>", *[b"<p>"] * 10, b"<img src=b.jpg>", *[b"x"] * 3, b"<img src=c.jpg>"]
            )
        )
    except OSError:
        pytest.skip("no such names here")
    page = read_page(path)
    expected = rewritten(page, edits(page))
    apply(program, tmp_path, diff(page, edits(page), name))
    assert path.read_bytes() == expected
    assert expected.count(b' alt="A dog."') == 3


@given(PAGES)
@settings(max_examples=50)
def test_any_patch_applies(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("page")
    (folder / "page.html").write_bytes(data)
    page = read_page(folder / "page.html")
    expected = rewritten(page, edits(page))
    patch = diff(page, edits(page), "page.html")
    assert bool(patch) == (expected != data)
    if patch:
        apply("patch", folder, patch)
    assert (folder / "page.html").read_bytes() == expected
    assert edits(read_page(folder / "page.html")) == []


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c"]), min_size=1, max_size=30).map(b"".join), st.data())
@settings(max_examples=50)
def test_any_change_is_told(tmp_path_factory: pytest.TempPathFactory, old: bytes, data: st.DataObject) -> None:
    """Also of more than one line, and of the last one's end."""
    at = sorted(data.draw(st.lists(st.integers(0, len(old)), max_size=8)))
    changes = [(start, end, b"x") for start, end in zip(at[::2], at[1::2], strict=False)]
    new, last = b"", 0
    for start, end, instead in changes:
        new, last = new + old[last:start] + instead, end
    folder = tmp_path_factory.mktemp("file")
    (folder / "f").write_bytes(old)
    if changes:
        apply("patch", folder, unified_diff("f", old, changes))
    assert (folder / "f").read_bytes() == new + old[last:]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("<p>é ☃<img src=a.jpg>".encode(), "utf-8"),
        ("\ufeff<p>é<img src=a.jpg>".encode(), "utf-8"),
        ("\ufeff<p>é<img src=a.jpg>".encode("utf-16-le"), "utf-16-le"),
        ("\ufeff<p>é<img src=a.jpg>".encode("utf-16-be"), "utf-16-be"),
        ("<meta charset=gb18030><p>照片<img src=a.jpg>".encode("gb18030"), "gb18030"),
        ("<meta charset='shift_jis'>写真ソ<img src=a.jpg>".encode("shift_jis"), "shift_jis"),
        (b"<meta charset=nonsense><p>\xe9<img src=a.jpg>", "cp1252"),
        (b"<p>\x81\xe9<img src=a.jpg>", "latin-1"),
    ],
)
def test_encodings(data: bytes, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(data)
    page = read_page(tmp_path / "a.html")
    assert page.encoding == encoding
    [edit] = edits(page, "A “dog”.")
    changed = rewritten(page, [edit])
    [image] = page.images
    assert changed.startswith(page.text[: image.start].encode(encoding))
    assert changed.replace(edit.text.encode(encoding, "xmlcharrefreplace"), b"") == data


def test_what_an_encoding_lacks_becomes_a_reference(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<p>\xe9<img src=a.jpg>")
    page = read_page(tmp_path / "a.html")
    assert rewritten(page, edits(page, "狗")) == b'<p>\xe9<img src=a.jpg alt="&#29399;">'


def test_no_patch_of_utf_16(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes("\ufeff<img src=a.jpg>".encode("utf-16-le"))
    page = read_page(tmp_path / "a.html")
    with pytest.raises(PictellError, match="--in-place"):
        diff(page, edits(page), "a.html")


def test_positions(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<p>\r\n\rab<img src=a.jpg>\n<img src=b.jpg>")
    page = read_page(tmp_path / "a.html")
    assert [page.position(image.start) for image in page.images] == [(3, 3), (4, 1)]


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.txt", "neither HTML nor Markdown"), ("no.html", "cannot be read"), ("d.html", "a directory")],
)
def test_no_page(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "d.html").mkdir()
    with pytest.raises(PictellError, match=message):
        read_page(tmp_path / name)
