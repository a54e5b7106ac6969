from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics import CiderD
from pictell.metrics.reward import CiderReward

END = 0
captions = st.lists(st.integers(1, 6), max_size=7)


@given(st.data(), st.lists(st.lists(captions, min_size=1, max_size=3), min_size=2, max_size=5))
def test_it_is_cider_d_of_the_words_with_their_end(data: st.DataObject, references: list[list[list[int]]]) -> None:
    candidates = data.draw(st.lists(captions, min_size=1, max_size=6))
    images = [data.draw(st.integers(0, len(references) - 1)) for _ in candidates]
    table = np.full((len(candidates), 9), END)
    for row, caption in zip(table, candidates, strict=True):
        row[: len(caption)] = caption
        row[len(caption) + 1 :] = data.draw(st.integers(0, 6))  # what stands after the end is of no account
    words = CiderD([[[str(number) for number in [*c, END]] for c in own] for own in references])
    expected = words.score_images(images, [[str(number) for number in [*c, END]] for c in candidates])
    assert CiderReward(references, end=END)(images, table) == pytest.approx(expected)


def test_a_whole_caption_is_worth_more_than_one_that_was_cut_off() -> None:
    reward = CiderReward([[[1, 2, 3, 4]], [[5, 6]]], end=END)
    whole, cut, short = reward([0, 0, 0], np.array([[1, 2, 3, 4, END], [1, 2, 3, 4, 4], [1, 2, 3, END, END]]))
    assert whole == pytest.approx(10)
    assert whole > cut
    assert whole > short


def test_places_that_do_not_exist() -> None:
    with pytest.raises(PictellError, match="only images 0 to 1"):
        CiderReward([[[1]], [[2]]], end=END)([2], np.array([[1, END]]))
