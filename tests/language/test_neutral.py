"""People words without gender or age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.language import neutral as module
from pictell.language.function_words import function_words
from pictell.language.neutral import AGES, OTHERS, PEOPLE, PERSON, PRONOUNS, SETTLED, neutral
from pictell.metrics.statistics import FUNCTION_WORDS


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("a man in a red shirt is standing", "a person in a red shirt is standing"),
        ("an old man and a young boy", "two people"),
        ("an elderly blond woman sits", "a blond person sits"),
        ("a young asian boy", "an asian person"),
        ("a young athlete", "an athlete"),
        ("a young girl with her dog", "a person with their dog"),
        ("two young men and a woman", "two people and a person"),
        ("a man and woman are kissing", "two people are kissing"),
        ("men and women", "people"),
        ("he jumps as his dog barks", "the person jumps as their dog barks"),
        ("a female tennis player", "a tennis player"),
        ("a female with a racket", "a person with a racket"),
        ("an adult woman", "a person"),
        ("a policeman on a horse", "a police officer on a horse"),
        ("a mother and her daughter", "a parent and their child"),
        ("a baby elephant with its baby", "a baby elephant with its baby"),
        ("a little dog on his back", "a little dog on his back"),
        ("a little white dog and a little girl", "a little white dog and a person"),
        ("an old house", "an old house"),
        ("", ""),
    ],
)
def test_examples(text: str, worded: str) -> None:
    assert neutral(text.split()) == worded.split()


@given(
    words=st.lists(
        st.sampled_from([*sorted(PERSON | PEOPLE), *OTHERS, *PRONOUNS, "a", "an", "and", "red", "sits", "dog"]),
        min_size=1,
        max_size=9,
    )
)
def test_once_is_enough_and_no_gender_is_left_of_people(words: list[str]) -> None:
    once = neutral(words)
    gendered = {"man", "woman", "boy", "girl", "men", "women", "lady", "guy", *PRONOUNS}
    assert neutral(once) == once or set(once) & {"child", "children"}  # relations, which are people words themselves
    if set(words) & {"man", "woman", "he", "she"} and "dog" not in words:
        assert not set(once) & gendered


@given(words=st.lists(st.sampled_from(["a", "man", "old", "woman", "her"]), min_size=1, max_size=6))
def test_what_is_settled_stays(words: list[str]) -> None:
    assert neutral(words, [SETTLED] * len(words)) == words
    assert neutral(words, [SETTLED - 0.01] * len(words)) == neutral(words)


def test_the_lists_go_together() -> None:
    assert not PERSON & PEOPLE
    assert not (PERSON | PEOPLE) & OTHERS.keys()
    becomes = {word for part in OTHERS.values() for word in part.split()}
    assert not becomes & (PEOPLE | PERSON | OTHERS.keys()) - {"child", "children"}
    assert all(name in (module.__doc__ or "") for name in ("PERSON", "PEOPLE", "OTHERS", "AGES", "PRONOUNS", "SETTLED"))
    assert AGES


def test_no_caption_that_statistics_call_unfinished_is_whole() -> None:
    english = function_words("en-GB")
    assert english is not None
    assert english >= FUNCTION_WORDS
    assert function_words("xx") is None
