"""No file outside the root is ever opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pictell.alttext.local import local_file
from pictell.errors import PhotoError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("secret.jpg", "site/page/a b.jpg", "site/top.jpg", "site/page/é.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "site"


def found(url: str, site: Path, base: str = "") -> Path | None:
    return local_file(url, site / "page" / "index.html", site, base)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("a b.jpg", "page/a b.jpg"),
        ("a%20b.jpg?v=1#top", "page/a b.jpg"),
        ("./../page\\a b.jpg", "page/a b.jpg"),
        ("../top.jpg", "top.jpg"),
        ("/top.jpg", "top.jpg"),
        ("%C3%A9.jpg", "page/é.jpg"),
        ("é.jpg", "page/é.jpg"),
    ],
)
def test_within(url: str, name: str, site: Path) -> None:
    assert found(url, site) == (site / name).resolve()


@pytest.mark.parametrize(
    "url",
    [
        "http://x/top.jpg",
        "HTTPS://x",
        "//x/top.jpg",
        "data:image/png;base64,AA",
        "file:///etc/passwd",
        "http://[x",
        "blob:x",
    ],
)
def test_elsewhere(url: str, site: Path) -> None:
    assert found(url, site) is None


@pytest.mark.parametrize(
    "url",
    [
        "../../secret.jpg",
        "%2e%2e/%2E%2E/secret.jpg",
        "..%2F..%2Fsecret.jpg",
        "/../secret.jpg",
        "..\\..\\secret.jpg",
        "/%2e%2e/secret.jpg",
    ],
)
def test_outside(url: str, site: Path) -> None:
    with pytest.raises(PhotoError) as refused:
        found(url, site)
    assert refused.value.kind in ("outside-root", "missing")
    assert str(site / "..") not in refused.value.message


def test_links_are_followed_before_it_is_judged(site: Path) -> None:
    try:
        (site / "page/inside.jpg").symlink_to(site / "top.jpg")
        (site / "page/outside.jpg").symlink_to(site.parent / "secret.jpg")
        (site / "page/round.jpg").symlink_to(site / "page/round.jpg")
        (site / "up").symlink_to(site.parent, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    assert found("inside.jpg", site) == (site / "top.jpg").resolve()
    for url, kind in (("outside.jpg", "outside-root"), ("/up/secret.jpg", "outside-root"), ("round.jpg", "missing")):
        with pytest.raises(PhotoError) as refused:
            found(url, site)
        assert refused.value.kind == kind


@pytest.mark.parametrize("url", ["no.jpg", "", ".", "/", "x" * 5000, "a%00b.jpg", "%FF.jpg"])
def test_no_file(url: str, site: Path) -> None:
    with pytest.raises(PhotoError, match="no such file"):
        found(url, site)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_only_files_are_opened(site: Path) -> None:
    os.mkfifo(site / "page/pipe.jpg")
    with pytest.raises(PhotoError, match="no such file"):
        found("pipe.jpg", site)


def test_base(site: Path) -> None:
    assert found("top.jpg", site, "../") == (site / "top.jpg").resolve()
    assert found("top.jpg", site, "https://example.org/") is None
