"""Flickr30k Entities: the captions without their markup are those that people wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.data import load_dataset
from pictell.data.flickr30k_entities import _PHRASE
from pictell.errors import DataError

Refused = Callable[[str, str], DataError]
MARKED = (
    "[/EN#137644/people A group of friends] playing [/EN#137645/other cards] and trying to bluff [/EN#0/notvisual each other] .\n"
    "[/EN#255543/people A woman] holds [/EN#255545/bodyparts/people a man 's arm] at [/EN#255549/scene a formal event]\n"
)
PLAIN = (
    "A group of friends playing cards and trying to bluff each other .",
    "A woman holds a man 's arm at a formal event",
)


@pytest.fixture
def entities(tmp_path: Path) -> Path:
    folder = tmp_path / "entities"
    for part in ("Sentences", "Annotations", "flickr30k-images"):
        (folder / part).mkdir(parents=True)
    for split, numbers in (("train", ["81641", "36979"]), ("val", ["65567"]), ("test", [])):
        (folder / f"{split}.txt").write_text("".join(f"{number}\n" for number in numbers))
        for number in numbers:
            (folder / f"Sentences/{number}.txt").write_text(MARKED)
            (folder / f"flickr30k-images/{number}.jpg").touch()
    return folder


def test_captions_come_without_markup(entities: Path) -> None:
    photos = load_dataset(f"flickr30k-entities:{entities}", "train")
    assert [photo.id for photo in photos] == ["81641.jpg", "36979.jpg"]
    assert [photo.captions for photo in photos] == [PLAIN, PLAIN]
    assert [photo.key for photo in photos] == ["flickr/81641", "flickr/36979"]
    assert [photo.id for photo in load_dataset(f"flickr30k-entities:{entities}", "val")] == ["65567.jpg"]


words = st.lists(st.text("abc.'-,()#/", min_size=1, max_size=5), min_size=1, max_size=4).map(" ".join)
types = st.lists(st.sampled_from(["people", "other", "notvisual"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(words, st.none() | st.tuples(st.integers(0, 10**6), types))))
def test_markup_is_removed_whatever_stands_in_it(parts: list[tuple[str, tuple[int, str] | None]]) -> None:
    marked = " ".join(text if mark is None else f"[/EN#{mark[0]}/{mark[1]} {text}]" for text, mark in parts)
    assert _PHRASE.sub(r"\1", marked) == " ".join(text for text, _ in parts)


@pytest.mark.parametrize("line", ["[/EN#1/people A man walks", "[/EN#1 A man] walks", "[/EN#x/people A man] walks"])
def test_other_markup_is_named_with_its_line(entities: Path, line: str, refused: Refused) -> None:
    (entities / "Sentences/36979.txt").write_text(f"A dog .\n{line}\n")
    error = refused(f"flickr30k-entities:{entities}", "train")
    assert error.kind == "layout"
    assert "36979.txt, line 2:" in error.message


@pytest.mark.parametrize("part", ["Sentences", "train.txt", "flickr30k-images"])
def test_a_missing_part_is_named(entities: Path, part: str, refused: Refused) -> None:
    (entities / part).rename(entities / "elsewhere")
    error = refused(f"flickr30k-entities:{entities}", "train")
    assert error.kind == "missing"
    assert part in error.message


def test_a_photo_without_a_file_of_sentences_is_named(entities: Path, refused: Refused) -> None:
    (entities / "Sentences/36979.txt").unlink()
    error = refused(f"flickr30k-entities:{entities}", "train")
    assert (error.kind, "36979.jpg" in error.message) == ("uncaptioned", True)
