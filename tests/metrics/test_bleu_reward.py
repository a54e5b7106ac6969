"""BLEU-4 of single captions: a whole match, hand-worked values, and what it agrees with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.metrics.bleu_reward import BleuReward

END = 0
captions = st.lists(st.integers(1, 6), max_size=7)


def reward(references: list[list[int]], *candidates: list[int]) -> list[float]:
    table = np.full((len(candidates), max(map(len, candidates))), END)
    for row, caption in zip(table, candidates, strict=True):
        row[: len(caption)] = caption
    return BleuReward([references], end=END)([0] * len(candidates), table).tolist()


@given(st.lists(captions, min_size=1, max_size=4), captions)
def test_a_reference_earns_all_and_others_less(references: list[list[int]], caption: list[int]) -> None:
    assert reward(references, [*references[0], END]) == [pytest.approx(1)]
    (earned,) = reward(references, [*caption, END])
    assert 0 <= earned <= 1 + 1e-12
    if caption not in references and len(references) == 1:
        assert earned < 1


def test_by_hand() -> None:
    """`1 2 3 end` against `1 2 4 3 end`: 4 of 4 words, 2 of 3 pairs, 0 of 2 triples, 0 of 1 four, each but the first
    with one more above and below; a word too short by one."""
    expected = (4 / 4 * 3 / 4 * 1 / 3 * 1 / 2) ** (1 / 4) * math.exp(1 - 5 / 4)
    assert reward([[1, 2, 4, 3]], [1, 2, 3, END]) == [pytest.approx(expected)]
    assert reward([[1, 2]], [3, 3, 3, 3]) == [0], "not one word"


def test_an_end_in_its_place_is_a_word_like_others() -> None:
    whole, cut = reward([[1, 2, 3, 4]], [1, 2, 3, 4, END], [1, 2, 3, 4, 5])
    early, _ = reward([[1, 2, 3, 4]], [1, 2, 3, END], [1, 2, 3, 4, 5])
    assert whole > cut
    assert whole > early


def test_repeated_words_match_as_often_as_a_reference_has_them() -> None:
    once, twice = reward([[1, 2], [2, 3]], [2, 2, END], [2, 3, END])
    assert twice > once
