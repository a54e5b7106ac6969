"""Styles: what each promises of any caption, and the model's own words kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell import Alternative, Caption, Word
from pictell.language import STYLES, in_style, says_gender_or_age
from pictell.language.styles import ALT_LENGTH, HEDGES, alt_text

words = st.sampled_from(
    ["a", "man", "dog", "woman", "is", "on", "of", "the", "with", "picture", "'s", "very-long-hyphenated-thing"]
)
texts = st.lists(words, min_size=1, max_size=40).map(" ".join)


@given(text=texts)
def test_alt_text_is_one_short_sentence(text: str) -> None:
    worded = alt_text(text)
    assert worded.endswith(".")
    assert worded.count(".") == 1
    assert worded[0] == worded[0].upper()
    assert len(worded) <= ALT_LENGTH
    if len(text) < ALT_LENGTH and "picture" not in text:
        assert worded[1:-1] == text[1:]
    else:
        assert worded[1:-1] in text


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("a picture of a dog", "A dog."),
        ("a black and white photo of a man on a bench", "A man on a bench."),
        ("there is an image of two cats", "Two cats."),
        ("a close up of a plate of food", "A plate of food."),
        ("a close up view of a plate", "A plate."),
        ("this is an old photograph showing a house", "A house."),
        ("a man taking a picture of a dog", "A man taking a picture of a dog."),
        ("a picture on a wall", "A picture on a wall."),
        ("a photo of", "A photo of."),
        ("picture of a picture of a dog", "A dog."),
        ("close up of a photo of a plate", "A plate."),
        ("two dogs run.", "Two dogs run."),
        ("", ""),
    ],
)
def test_alt_text_says_nothing_of_the_picture(text: str, worded: str) -> None:
    assert alt_text(text) == worded


def test_a_long_alt_text_ends_in_a_whole_phrase() -> None:
    worded = alt_text(" ".join(["a dog with"] * 30))
    assert worded.endswith("a dog.")
    assert ALT_LENGTH - 15 < len(worded) <= ALT_LENGTH
    assert len(alt_text("x" * 300)) == ALT_LENGTH
    assert len(alt_text("\ufb01" + "x" * 123)) <= ALT_LENGTH  # a ligature's capital is two letters


@given(text=texts, style=st.sampled_from(STYLES), confidence=st.none() | st.floats(0, 1))
def test_the_models_own_words_are_kept(text: str, style: str, confidence: float | None) -> None:
    caption = Caption(text, -3.0, "m@1", confidence=confidence, alternatives=(Alternative("a dog", -4.0),))
    worded = in_style(caption, style)  # type: ignore[arg-type]  # a sample of them
    assert worded.style == style
    assert (worded.raw or worded.text) == text
    assert (worded.log_prob, worded.confidence, worded.words) == (-3.0, confidence, ())
    if style == "plain":
        assert worded is caption


def test_a_hedge_tells_the_band() -> None:
    def begins(confidence: float | None) -> str:
        caption = Caption("a dog runs", -3.0, "m@1", confidence=confidence, alternatives=(Alternative("a cat", -4.0),))
        worded = in_style(caption, "hedged")
        assert worded.text is not None
        assert worded.text.endswith(": a dog runs")
        assert worded.alternatives[0].text == "Possibly: a cat"
        return worded.text.partition(":")[0]

    assert [begins(c) for c in (0.0, 0.39, 0.4, 0.64, 0.65, 1.0)] == [
        HEDGES[band] for band in ("low", "low", "medium", "medium", "high", "high")
    ]
    assert len(set(HEDGES.values())) == 3
    assert begins(None) == "Possibly"


@pytest.mark.parametrize("style", STYLES)
def test_a_withheld_caption_stays_withheld(style: str) -> None:
    withheld = Caption(None, -3.0, "m@1", reason="too dark")
    assert in_style(withheld, style) is withheld  # type: ignore[arg-type]  # one of them
    assert not says_gender_or_age(withheld)


def test_neutral_goes_by_the_probabilities_where_words_and_text_agree() -> None:
    sure = Caption("a man sits", -1.0, "m@1", words=(Word("a", 0.9), Word("man", 0.97), Word("sits", 0.5)))
    assert in_style(sure, "neutral").text == "a man sits"
    assert not says_gender_or_age(sure)
    unsure = Caption("a man sits", -1.0, "m@1", words=(Word("a", 0.9), Word("man", 0.6), Word("sits", 0.5)))
    assert in_style(unsure, "neutral").text == "a person sits"
    assert says_gender_or_age(unsure)
    pieces = Caption("a man sits", -1.0, "m@1", words=(Word("a", 0.9), Word("m", 0.99), Word("an", 0.99)))
    assert in_style(pieces, "neutral").text == "a person sits"


def test_alternatives_that_read_the_same_are_given_once() -> None:
    others = tuple(Alternative(text, -2.0) for text in ("a woman sits", "a girl runs", "a boy runs"))
    worded = in_style(Caption("a man sits", -1.0, "m@1", alternatives=others), "neutral")
    assert worded.text == "a person sits"
    assert [other.text for other in worded.alternatives] == ["a person runs"]
