"""What is taken for a file's name."""

from __future__ import annotations

import pytest

from pictell.alttext.filenames import is_file_name


@pytest.mark.parametrize(
    ("alt", "url"),
    [
        ("cat.jpg", "x/y.png"),
        ("images/cat.JPEG", "images/cat.jpeg"),
        ("my cat.jpg", "img/my%20cat.jpg?v=2#x"),
        ("IMG_2034", "IMG_2034.jpg"),
        ("hero-2", "img/Hero-2.webp"),
        ("cat_on_mat", "cat_on_mat.jpg"),
    ],
)
def test_file_names(alt: str, url: str) -> None:
    assert is_file_name(alt, url)


@pytest.mark.parametrize(
    ("alt", "url"),
    [
        ("cat", "cat.jpg"),
        ("A cat, see cat.jpg", "cat.jpg"),
        ("2024", "2024.jpg"),
        ("node.js", "node.js.png"),
        ("A cat on a mat", "x.jpg"),
        ("hero 2", "hero 2.jpg"),
        ("[", "http://[x"),
        ("", ""),
    ],
)
def test_words(alt: str, url: str) -> None:
    assert not is_file_name(alt, url)
