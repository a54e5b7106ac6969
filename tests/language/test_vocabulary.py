"""Vocabularies: which words enter, in which order, and what becomes of the others."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import BundleError
from pictell.language import BLOCKED_WORDS, Vocabulary, has_blocked_word

SPECIAL = ["<pad>", "<start>", "<end>", "<unk>"]

words = st.text(alphabet="abc-'é", min_size=1, max_size=2)
captions = st.lists(st.lists(words, max_size=6), max_size=12)


@given(captions, st.integers(1, 4))
def test_frequent_words_first_then_by_spelling(texts: list[list[str]], min_count: int) -> None:
    counts = Counter(word for text in texts for word in text)
    vocabulary = Vocabulary.build(texts, min_count=min_count)
    own = list(vocabulary.tokens[4:])
    assert list(vocabulary.tokens[:4]) == SPECIAL
    assert set(own) == {word for word, count in counts.items() if count >= min_count}
    keys = [(-counts[word], word) for word in own]
    assert keys == sorted(keys)
    assert Vocabulary.build(reversed(texts), min_count=min_count).tokens == vocabulary.tokens


@given(captions)
def test_words_and_numbers_belong_to_each_other(texts: list[list[str]]) -> None:
    vocabulary = Vocabulary.build(texts, min_count=1)
    for text in texts:
        numbers = vocabulary.to_numbers(text)
        assert vocabulary.to_words([vocabulary.start, *numbers, vocabulary.end, vocabulary.pad]) == text
        assert all(0 <= number < len(vocabulary) for number in numbers)
    assert vocabulary.to_numbers(["unheard-of"]) == [vocabulary.unk]
    assert "unheard-of" not in vocabulary


def test_blocked_words_never_enter() -> None:
    texts = [[word, f"{word}-like", f"big-{word}", "dog"] for word in sorted(BLOCKED_WORDS)] * 6
    assert Vocabulary.build(texts, min_count=1).tokens[4:] == ("dog",)
    assert all(has_blocked_word(["a", word]) for word in BLOCKED_WORDS)
    assert not has_blocked_word(["a", "dog", "on", "a", "black-and-white", "photo"])


def test_blocked_words_are_words_that_the_tokeniser_gives() -> None:
    assert all(word == word.lower().strip() and word.isalpha() for word in BLOCKED_WORDS)


@given(captions, st.sampled_from(["en", "de"]))
def test_json_and_back(texts: list[list[str]], language: str) -> None:
    vocabulary = Vocabulary.build(texts, min_count=1, language=language)
    again = Vocabulary.from_json(vocabulary.to_json())
    assert (again.tokens, again.language) == (vocabulary.tokens, language)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        "{}",
        json.dumps({"tokens": SPECIAL}),
        json.dumps({"language": "en", "tokens": 4}),
        json.dumps({"language": "en", "tokens": "<pad>"}),
        json.dumps({"language": "en", "tokens": ["a", "b"]}),
        json.dumps({"language": "en", "tokens": SPECIAL[:3]}),
        json.dumps({"language": "en", "tokens": [*SPECIAL, "a", "a"]}),
    ],
)
def test_a_damaged_vocabulary_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        Vocabulary.from_json(text)
    assert caught.value.kind == "vocabulary"
    assert "\n" not in caught.value.message
    (tmp_path / "vocabulary.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError):
        Vocabulary.load(tmp_path / "vocabulary.json")


def test_a_vocabulary_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    with pytest.raises(BundleError, match=r"vocabulary\.json"):
        Vocabulary.load(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(BundleError, match=r"vocabulary\.json"):
        Vocabulary.load(path)
    path.write_text(Vocabulary([*SPECIAL, "größe"]).to_json(), encoding="utf-8")
    assert Vocabulary.load(path).tokens[4:] == ("größe",)
