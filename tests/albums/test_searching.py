"""Searching a library: people's words first, exact ones first, and no sign of the index's own language breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pictell.albums import Filters, Library, draw_sheet, search, similar
from pictell.albums.library import Words
from pictell.albums.sheet import _lines
from pictell.errors import LibraryError, OptionError

PHOTOS = {
    "/a.jpg": ("a dog runs on a beach", [], 0.9, "2024-05-01T10:00:00", "Canon EOS"),
    "/b.jpg": ("two dogs on the grass", [], 0.2, "2023-01-01T10:00:00", "Pixel 7"),
    "/c.jpg": ("a man on a beach", ["our dog Rex"], 0.5, "2024-06-01T10:00:00", "Canon EOS"),
    "/d.jpg": (None, [], None, None, None),
    "/e.jpg": ("a red car", [], 0.5, "2022-01-01T10:00:00", "Pixel 7"),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library") / "l.db") as library:
        with library.transaction():
            for path, (text, own, confidence, taken, camera) in PHOTOS.items():
                photo = library.put_photo(path.encode(), 1, 1, path.encode())
                library.put_taken(photo, camera, taken)
                library.put_own_words(photo, own, [])
                if text:
                    library.put_words(photo, Words(text, None, -1.0, confidence, "m@1", "2026-01-01T00:00:00+00:00"))
        yield library


def paths(library: Library, words: str, limit: int = 50, **filters: object) -> str:
    return "".join(Path(hit.path).stem for hit in search(library, words, Filters(**filters), limit))  # type: ignore[arg-type]


def test_stems_phrases_and_order(library: Library) -> None:
    assert paths(library, "dog") == "cab"  # a person's word, the very word, its stem
    assert paths(library, "dogs") == "bca" or paths(library, "dogs") == "bac"
    assert paths(library, "beach dog") in ("ac", "ca")
    assert paths(library, '"a beach"') in ("ac", "ca")
    assert paths(library, '"beach a"') == ""
    assert paths(library, "DOG BEACH grass") != ""  # none has all, some have some
    assert paths(library, "zebra") == ""
    assert paths(library, "dog", limit=1) == "c"


def test_filters(library: Library) -> None:
    assert paths(library, "", missing=True) == "d"
    assert paths(library, "", low_confidence=True) == "b"
    assert paths(library, "", since="2024") == "ca"
    assert paths(library, "dog", since="2024-05-15") == "c"
    assert paths(library, "", camera="canon") == "ca"
    assert paths(library, "", written_by="me") == "c"
    assert paths(library, "on", written_by="pictell", camera="pixel") == "b"


def test_photos_that_are_gone_are_not_found(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            photo = library.put_photo(b"/a.jpg", 1, 1, b"a")
            library.put_words(photo, Words("a dog", None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00"))
            library.mark_missing([photo])
        assert search(library, "dog") == []


def test_similar_photos_are_those_of_the_largest_cosine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pictell.albums.searching._AT_ONCE", 7)
    features = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    cosines = features @ features[3] / np.linalg.norm(features, axis=1)
    expected = [int(number) for number in np.argsort(-cosines)]
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            for number, each in enumerate(features):
                photo = library.put_photo(b"/%d.jpg" % number, 1, 1, b"h")
                library.put_taken(photo, "Canon" if number % 2 else "Pixel", None)
                library.put_features(photo, "e", 10 * each)
            library.put_features(library.put_photo(b"/other.jpg", 1, 1, b"h"), "another", features[3])
            library.mark_missing([library.known(Path("/"))[b"/%d.jpg" % expected[1]].id])
        left = [number for number in expected if number != expected[1]]
        for limit in (1, 10, 100):
            found = [int(Path(hit.path).stem) for hit in similar(library, features[3], "e", limit=limit)]
            assert found == left[:limit]
        odd = [int(Path(hit.path).stem) for hit in similar(library, features[3], "e", Filters(camera="canon"))]
        assert odd == [number for number in left if number % 2]
        with pytest.raises(LibraryError, match="no photo here was seen"):
            similar(library, features[3], "none")
        with pytest.raises(OptionError, match="1 or more"):
            similar(library, features[3], "e", limit=0)


@given(words=st.text(max_size=30))
def test_no_words_break_the_index(library: Library, words: str) -> None:
    if re.search(r"\w", words):
        search(library, words)
    else:
        with pytest.raises(OptionError, match="nothing to look for"):
            search(library, words)


@pytest.mark.parametrize("filters", [{"since": "yesterday"}, {"written_by": "you"}])
def test_filters_that_cannot_be(filters: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Filters(**filters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "a dog", "1022454428_b6b660a67b.jpg: two young girls are sitting", "W" * 200, "wide WWWW " * 30, "i" * 60],
)
def test_words_on_a_sheet_stay_below_their_photo(text: str) -> None:
    def length(some: str) -> float:
        return sum({"W": 15, "i": 2}.get(character, 7) for character in some)

    lines = _lines(text, length)
    assert len(lines) <= 3
    assert all(length(line) <= 240 for line in lines)
    whole = "".join(lines).replace(" ", "")
    assert text.replace(" ", "").startswith(whole.removesuffix("..."))
    assert whole.endswith("...") or whole == text.replace(" ", "")


def test_a_sheet_shows_what_was_found(library: Library, tmp_path: Path) -> None:
    hits = search(library, "dog")
    draw_sheet(hits, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > sheet.height
        assert len(sheet.getcolors(1 << 20) or []) > 2
