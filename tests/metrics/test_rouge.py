from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics import RougeL

captions = st.lists(st.sampled_from("abcdef"), max_size=90)


def rouge(references: list[str], candidate: str) -> float:
    corpus, per_image = RougeL([[reference.split() for reference in references]]).score([candidate.split()])
    assert per_image == [corpus]
    return corpus


def f_measure(precision: float, recall: float) -> float:
    return (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)


def longest_common_subsequence(one: list[str], other: list[str]) -> int:
    """By the textbook's table."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for place, against in enumerate(other):
            row.append(before[place] + 1 if word == against else max(before[place + 1], row[place]))
    return row[-1]


def test_identical_captions_score_one() -> None:
    assert rouge(["two people sit", "a dog runs"], "a dog runs") == pytest.approx(1)


def test_worked_by_hand() -> None:
    # "police ... the gunman" is common: 3 of 4 words of either (Lin 2004, section 3).
    assert rouge(["police killed the gunman"], "police kill the gunman") == pytest.approx(f_measure(3 / 4, 3 / 4))
    assert rouge(["police killed the gunman"], "the gunman kill police") == pytest.approx(f_measure(2 / 4, 2 / 4))


def test_precision_and_recall_may_come_from_different_references() -> None:
    assert rouge(["a b c d e f", "a"], "a b x") == pytest.approx(f_measure(2 / 3, 1))


def test_empty_captions() -> None:
    assert rouge(["a dog"], "") == 0
    assert rouge([""], "a dog") == 0
    assert rouge(["", "a dog"], "") == 1


@given(st.lists(captions, min_size=1, max_size=4), captions)
def test_any_lengths_equal_the_textbook(references: list[list[str]], candidate: list[str]) -> None:
    common = [longest_common_subsequence(candidate, reference) for reference in references]
    _, (score,) = RougeL([references]).score([candidate])
    if any(common):
        precision = max(common) / len(candidate)
        recall = max(number / max(len(reference), 1) for number, reference in zip(common, references, strict=True))
        assert score == pytest.approx(f_measure(precision, recall), abs=1e-12)
    else:
        assert score == (1 if not candidate and [] in references else 0)


@given(st.lists(st.tuples(st.lists(captions, min_size=1, max_size=3), captions), min_size=1, max_size=5))
def test_many_images_at_once_equal_one_at_a_time(corpus: list[tuple[list[list[str]], list[str]]]) -> None:
    whole, per_image = RougeL([own for own, _ in corpus]).score([words for _, words in corpus])
    assert per_image == [RougeL([own]).score([words])[0] for own, words in corpus]
    assert whole == pytest.approx(sum(per_image) / len(corpus))


def test_too_few_candidates() -> None:
    with pytest.raises(PictellError, match="1 candidates for 2 images"):
        RougeL([[["a"]], [["b"]]]).score([["a"]])
