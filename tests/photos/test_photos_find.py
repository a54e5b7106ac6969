from __future__ import annotations

import codecs
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PhotoError
from pictell.photos import PHOTO_SUFFIXES, find_photos, finding, read_file_list


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(root: Path, found: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_a_directory_gives_its_photos_sorted(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "b.JPG",
        "a.png",
        "z.txt",
        "jpg",
        "sub/c.webp",
        "sub/deep/d.HeIc",
        "sub/.e.jpg",
        ".hidden/f.jpg",
        "B.gif",
    )
    assert names(tmp_path, find_photos([tmp_path])) == ["B.gif", "a.png", "b.JPG", "sub/c.webp", "sub/deep/d.HeIc"]


def test_every_suffix_is_found(tmp_path: Path) -> None:
    touch(tmp_path, *(f"x{suffix}" for suffix in PHOTO_SUFFIXES))
    assert len(find_photos([tmp_path])) == len(PHOTO_SUFFIXES)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in PHOTO_SUFFIXES)


def test_named_files_are_kept_as_they_are(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", "dir/a.jpg", ".hidden.jpg")
    asked = [
        tmp_path / "notes.txt",
        tmp_path / "gone.jpg",
        tmp_path / "dir",
        tmp_path / ".hidden.jpg",
        tmp_path / "notes.txt",
    ]
    assert names(tmp_path, find_photos(asked)) == ["notes.txt", "gone.jpg", "dir/a.jpg", ".hidden.jpg", "notes.txt"]
    assert find_photos(["nul\0.jpg"]) == [Path("nul\0.jpg")]
    assert find_photos(["x" * 5000]) == [Path("x" * 5000)]
    assert find_photos([]) == []


def test_a_hidden_directory_named_is_searched(tmp_path: Path) -> None:
    touch(tmp_path, ".album/a.jpg")
    assert names(tmp_path, find_photos([tmp_path / ".album"])) == [".album/a.jpg"]


@pytest.mark.parametrize("inside", [[], ["readme.txt", "sub/.x.jpg"]])
def test_a_directory_without_photos(tmp_path: Path, inside: list[str]) -> None:
    root = tmp_path / "no\nphotos"
    root.mkdir()
    touch(root, *inside)
    with pytest.raises(PhotoError) as caught:
        find_photos([root])
    assert caught.value.kind == "no-photos"
    assert r"no\nphotos" in caught.value.message
    assert caught.value.message.isprintable()


def test_odd_names(tmp_path: Path) -> None:
    for name in ("two words.jpg", "line\nbreak.jpg", "写真.jpg", os.fsdecode(b"byte\xff.jpg")):
        try:
            (tmp_path / name).touch()
        except OSError:
            pytest.skip("this file system does not take such names")
    assert len(find_photos([tmp_path])) == 4


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("links cannot be made here")


def test_links_in_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/one.jpg", "b/two.jpg")
    link(tmp_path / "a" / "up", tmp_path)
    link(tmp_path / "a" / "self", tmp_path / "a")
    link(tmp_path / "b" / "over", tmp_path / "a")
    link(tmp_path / "loop.jpg", tmp_path / "loop.jpg")
    found = find_photos([tmp_path])
    assert sorted(path.name for path in found) == ["loop.jpg", "one.jpg", "two.jpg"]


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.jpg", "elsewhere/sub/b.jpg", "photo.bin")
    root = tmp_path / "root"
    root.mkdir()
    link(root / "album", tmp_path / "elsewhere")
    link(root / "c.jpg", tmp_path / "photo.bin")
    link(root / "nowhere.jpg", tmp_path / "gone.jpg")
    assert names(root, find_photos([root])) == ["album/a.jpg", "album/sub/b.jpg", "c.jpg", "nowhere.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_directory_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    link(tmp_path / "link.jpg", tmp_path / "pipe.jpg")
    assert names(tmp_path, find_photos([tmp_path])) == ["a.jpg"]


def test_a_directory_that_may_not_be_read_is_named_and_the_rest_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "shut/b.jpg", "z/c.jpg")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(finding.os, "scandir", refuse)
    assert names(tmp_path, find_photos([tmp_path])) == ["a.jpg", "shut", "z/c.jpg"]


# Lists of files

name_bytes = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & set(b"\0\n\r") and name not in b"./"
)


@given(st.lists(name_bytes, min_size=1), st.sampled_from([b"\0", b"\n", b"\r\n"]), st.booleans())
def test_what_is_written_is_read(listed: list[bytes], separator: bytes, ended: bool) -> None:
    if separator == b"\0":
        ended = True  # without any NUL a list is one of lines
    elif listed[0].startswith(codecs.BOM_UTF8):
        return  # which such a list may begin with
    data = separator.join(listed) + (separator if ended else b"")
    assert read_file_list(io.BytesIO(data)) == [Path(os.fsdecode(name)) for name in listed]


def test_nul_separated_names_may_hold_line_breaks() -> None:
    assert read_file_list(io.BytesIO(b"a\nb.jpg\0 c .jpg\r\0")) == [Path("a\nb.jpg"), Path(" c .jpg\r")]


def test_empty_lines_and_a_byte_order_mark() -> None:
    assert read_file_list(io.BytesIO(b"\xef\xbb\xbfa.jpg\r\n\r\n\nb c.jpg")) == [Path("a.jpg"), Path("b c.jpg")]
    assert read_file_list(io.BytesIO(b"")) == []


def test_a_list_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("写真.jpg\nб.png\n".encode())
    assert read_file_list(path) == [Path("写真.jpg"), Path("б.png")]
    assert read_file_list(str(path)) == read_file_list(path)


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    for path, kind in (
        (tmp_path / "gone\n.txt", "missing"),
        (tmp_path, "is-a-directory"),
        (Path("x" * 5000), "unreadable"),
    ):
        with pytest.raises(PhotoError) as caught:
            read_file_list(path)
        assert caught.value.kind == kind
        assert caught.value.message.isprintable()
