"""Keywords from captions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.albums import nouns_of


@pytest.mark.parametrize(
    ("caption", "keywords"),
    [
        ("two puppies on a sandy beach", ["dog", "beach"]),
        ("a young woman and an old man ride horses", ["person", "horse"]),
        ("A train, at the train station.", ["train", "train station"]),
        ("a fire truck beside a water bottle", ["truck", "bottle"]),
        ("a hot dog with french fries", ["hot dog", "french fries"]),
        ("a boy waves", ["person"]),
        ("something blue", []),
        ("", []),
    ],
)
def test_of_captions(caption: str, keywords: list[str]) -> None:
    assert nouns_of(caption) == keywords


@given(st.lists(st.sampled_from(["dog", "dogs", "beach", "a", "fire", "truck", "on", "water", "bottle"])))
def test_each_once_and_only_what_is_said(words: list[str]) -> None:
    keywords = nouns_of(" ".join(words))
    assert len(keywords) == len(set(keywords))
    assert ("beach" in keywords) == ("beach" in words)
    bottled = [pair == ("water", "bottle") for pair in pairwise(words)]
    assert ("water" in keywords) == (words.count("water") > sum(bottled))
