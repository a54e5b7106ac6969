from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.metrics import plain_tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dog runs.", "a dog runs"),
        ('A man , in a hat ; "smiling" (broadly) !', "a man in a hat smiling broadly"),
        ("a T-shirt and black-and-white -- photo-", "a t-shirt and black-and-white photo"),
        ("A man's dog", "a man 's dog"),
        ("a man 's dog", "a man 's dog"),
        ("the dogs' bowl, 'so-called'", "the dogs bowl so-called"),
        ("It’s a child‑friendly pool", "it 's a child-friendly pool"),
        ("They don't, we're, I'm, she'd've", "they do n't we 're i 'm she 'd 've"),
        ("five o'clock", "five o'clock"),
        ("snake_case / 50% #1 🐕 dog", "snake case 50 1 dog"),
        ("3.5 m", "3 5 m"),
        ("co\u00adoperate", "cooperate"),
        ("Ein Mädchen in der Straße", "ein mädchen in der straße"),
        ("ma\u0308dchen", "mädchen"),
        ("एक लड़की", "एक लड़की"),
        ("一个 女孩。", "一个 女孩"),
        (" \t\n", ""),
        ("... -- '' - ' !", ""),
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert plain_tokens(text) == words.split()


english = st.text(alphabet="abdtnsmrevlX'’- .,3", max_size=25)


@given(st.one_of(st.text(max_size=30), english))
def test_words_are_plain_and_splitting_them_again_changes_nothing(text: str) -> None:
    words = plain_tokens(text)
    assert plain_tokens(" ".join(words)) == words
    assert all(word and not word.isspace() for word in words)
    assert all(char.isalnum() or char in "-'" for word in words if word.isascii() for char in word)


@given(english)
def test_case_and_final_punctuation_do_not_matter(text: str) -> None:
    assert plain_tokens(text.upper() + " .") == plain_tokens(text.lower())
