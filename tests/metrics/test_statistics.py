from __future__ import annotations

import pytest

from pictell.metrics.statistics import Range, describe

REFERENCES = {"1": ["a", "b"], "2": ["a"], "3": ["a", "b", "c"], "4": ["a", "b"]}
CANDIDATES = {
    "1": "A dog runs.",
    "2": "a dog runs",
    "3": "a man and a man with a",
    "4": " ! ",
}


def test_counted_by_hand() -> None:
    found = describe(REFERENCES, CANDIDATES)
    assert found.captions == 4
    assert found.distinct == 3
    assert found.words == len({"a", "dog", "runs", "man", "and", "with"})
    assert found.length == Range(0, 13 / 4, 7)
    assert found.empty == 1 / 4
    assert found.function_word_endings == 1 / 4
    assert found.repeated_ngrams == {2: 1 / 4, 3: 0, 4: 0}
    assert found.training_copies is None
    assert found.references == Range(1, 2, 3)
    assert found.version == "pictell-statistics 1, tokens ptb-1"


@pytest.mark.parametrize(
    ("caption", "repeats"),
    [
        ("a a", (False, False, False)),
        ("a a a", (True, False, False)),
        ("red car red car", (True, False, False)),
        ("on the left on the left", (True, True, False)),
        ("a b c d a b c d", (True, True, True)),
        ("a b c a c b", (False, False, False)),
    ],
)
def test_what_repeats(caption: str, repeats: tuple[bool, ...]) -> None:
    assert tuple(describe({"1": ["a"]}, {"1": caption}).repeated_ngrams.values()) == repeats


def test_copies_of_training_captions_are_word_for_word() -> None:
    training = ["A DOG runs !", "a man", "", "?"]
    assert describe(REFERENCES, CANDIDATES, training).training_copies == 2 / 4
    assert describe(REFERENCES, CANDIDATES, []).training_copies == 0
