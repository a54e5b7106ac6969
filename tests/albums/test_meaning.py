"""Searching by meaning: with a small encoder of three notions for what is kept, and with the real one for what is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pictell.albums import Filters, Library, Meanings, remember_meanings, search, sentence_encoder
from pictell.albums.library import Words
from pictell.albums.meaning import least_cosine

NOTIONS = (("dog", "puppy"), ("beach", "sea"), ("car", "automobile"))
PHOTOS = {
    "/a.jpg": ("a dog runs on the beach", []),
    "/b.jpg": ("a dog runs on the beach", []),
    "/c.jpg": ("a red car", ["Puppy Rex"]),
    "/d.jpg": ("a red car in the rain", []),
    "/e.jpg": (None, []),
}


class Notions:
    """Sentences that name the same things are the same to it."""

    least = 0.6

    def __init__(self, version: int = 1) -> None:
        self.name = f"notions@{version}"
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        found = np.array(
            [[any(word in text.lower() for word in notion) for notion in NOTIONS] for text in texts], np.float32
        )
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            for path, (text, own) in PHOTOS.items():
                photo = library.put_photo(path.encode(), 1, 1, path.encode())
                library.put_own_words(photo, own, [])
                if text:
                    library.put_words(photo, Words(text, None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00"))
        yield library


def found(library: Library, words: str, encoder: Notions, **more: object) -> list[tuple[str, str | None]]:
    hits = search(library, words, meanings=lambda: Meanings(library, encoder), **more)  # type: ignore[arg-type]
    assert all((hit.score is not None) == (hit.by == "meaning") for hit in hits)
    return [(Path(hit.path).stem, hit.by) for hit in hits]


def test_words_go_before_meaning_and_both_before_some_of_the_words(library: Library) -> None:
    encoder = Notions()
    assert found(library, "puppy", encoder) == [("c", "words"), ("a", "meaning"), ("b", "meaning")]
    assert found(library, "automobile rain", encoder) == [("c", "meaning"), ("d", "meaning")]
    assert found(library, "puppy sea", encoder)[:2] == [("a", "meaning"), ("b", "meaning")]
    assert found(library, "puppy sea", encoder)[2][0] == "c"


def test_quotation_marks_are_to_the_letter(library: Library) -> None:
    assert found(library, '"puppy"', Notions()) == [("c", "words")]
    assert search(library, "automobile") == []


def test_filters_and_limits_hold(library: Library) -> None:
    assert found(library, "puppy", Notions(), limit=2) == [("c", "words"), ("a", "meaning")]
    assert found(library, "sea", Notions(), filters=Filters(written_by="me")) == []
    assert [path for path, _ in found(library, "automobile", Notions(), filters=Filters(written_by="me"))] == ["c"]


def test_nothing_is_encoded_where_words_find_enough(library: Library) -> None:
    encoder = Notions()
    assert found(library, "beach", encoder, limit=2) == [("a", "words"), ("b", "words")]
    assert encoder.encoded == []


def test_a_text_is_encoded_once_and_anew_by_another_encoder(library: Library) -> None:
    encoder = Notions()
    texts = {text for text, _ in PHOTOS.values() if text} | {"Puppy Rex"}
    told: list[tuple[int, int]] = []
    assert remember_meanings(library, encoder, lambda done, total: told.append((done, total))) == len(texts)
    assert sorted(encoder.encoded) == sorted(texts)
    assert told == [(len(texts), len(texts))]
    assert remember_meanings(library, encoder) == 0
    found(library, "automobile", encoder)
    assert encoder.encoded[len(texts) :] == ["automobile"]
    later = Notions(version=2)
    assert remember_meanings(library, later) == len(texts)
    assert library.rows("SELECT DISTINCT encoder FROM meanings") == [(later.name,)]


def test_vectors_of_texts_that_are_gone_go(library: Library) -> None:
    remember_meanings(library, Notions())
    with library.transaction():
        [(photo,)] = library.rows("SELECT id FROM photos WHERE path = ?", (b"/d.jpg",))
        library.forget(photo)
    remember_meanings(library, Notions())
    assert ("a red car in the rain",) not in library.rows("SELECT text FROM meanings")


def test_what_is_lacking_is_found_also_where_it_cannot_be_kept(library: Library) -> None:
    library._database.execute("PRAGMA query_only = ON")
    assert ("a", "meaning") in found(library, "puppy", Notions())
    assert library.rows("SELECT * FROM meanings") == []


def test_an_empty_library_finds_nothing(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:
        assert found(library, "puppy", Notions()) == []


def test_fewer_texts_are_looked_through_with_more_patience() -> None:
    sizes = (0, 1, 25, 50, 200, 1000, 1_000_000)
    cuts = [least_cosine(0.0, size, 0.4) for size in sizes]
    assert cuts == sorted(cuts)
    assert cuts[0] == cuts[2] < cuts[3] < cuts[4] < cuts[5] == cuts[6] == 0.4
    assert least_cosine(0.1, 25, 0.4) == cuts[2]
    assert least_cosine(0.9, 25, 0.4) == pytest.approx(0.54)  # what is far from the nearest is left out
    assert least_cosine(1.0, 10, 0.4) < 1.0  # the nearest never is


class Around:
    """Puts each text at the angle from the word `here` that its number tells, in degrees."""

    name, least = "around@1", 0.4

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = np.radians([0.0 if text == "here" else float(text.split()[-1]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_small_library_gives_what_a_large_one_leaves_out(tmp_path: Path) -> None:
    """A text at 70 degrees, cosine 0.34: found among 30, not among 1000, nor beside one that is nearer."""

    def found_at(*angles: float) -> list[str]:
        with Library(tmp_path / f"{len(list(tmp_path.iterdir()))}.db") as library:
            with library.transaction():
                for number, angle in enumerate(angles):
                    photo = library.put_photo(b"/%d.jpg" % number, 1, 1, b"%d" % number)
                    text = f"text {number} at {angle}"
                    library.put_words(photo, Words(text, None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00"))
            return [
                Path(hit.path).stem for hit in search(library, "here", meanings=lambda: Meanings(library, Around()))
            ]

    assert found_at(70, *[90] * 29) == ["0"]
    assert found_at(70, *[90] * 1199) == []
    assert found_at(70, 20, *[90] * 28) == ["1"]


@pytest.mark.skipif(sentence_encoder() is None, reason="pictell[meaning] is not installed")
def test_the_real_encoder_finds_what_is_said_otherwise(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("nothing is fetched"))
    encoder = sentence_encoder()
    assert encoder is not None
    meanings = Meanings(library, encoder)
    for words in ("puppy by the sea", "ein Hund läuft am Strand"):
        hits = search(library, words, meanings=lambda: meanings)
        assert [hit.by for hit in hits[:2]] == ["meaning", "meaning"]
        assert [hit.path for hit in hits[:2]] == ["/a.jpg", "/b.jpg"]
    assert search(library, "quarterly tax report", meanings=lambda: meanings) == []
    vectors = encoder.encode(["a dog", "x" * 100_000, ""])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
