"""Beam search against exhaustive search, and many photos at once against one at a time, on toy models."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toy import END, PAD, START, UNK, Toy, log_prob_of, same

from pictell.decoding import SearchOptions, beam_search, greedy
from pictell.errors import PictellError


def exhaustive(toy: Toy, photo: int, options: SearchOptions) -> list[tuple[float, tuple[int, ...]]]:
    words = [t for t in range(toy.vocabulary_size) if t not in (*options.never, END)]
    found = [
        (log_prob_of(toy, photo, tokens) / (length + 1) ** options.length_penalty, tokens)
        for length in range(options.min_words, options.max_words + 1)
        for tokens in itertools.product(words, repeat=length)
    ]
    return sorted(found, key=lambda pair: -pair[0])


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    words=st.integers(1, 3),
    max_words=st.integers(1, 4),
    penalty=st.sampled_from([-0.5, 0.0, 0.7, 1.0, 2.0]),
    num=st.integers(1, 5),
    data=st.data(),
)
def test_a_beam_as_wide_as_the_space_finds_what_exhaustive_search_finds(
    seed: int, words: int, max_words: int, penalty: float, num: int, data: st.DataObject
) -> None:
    min_words = data.draw(st.integers(0, max_words))
    toy = Toy(4 + words)
    options = SearchOptions(
        beam=(words + 1) ** (max_words + 1),
        max_words=max_words,
        min_words=min_words,
        length_penalty=penalty,
        num=num,
    )
    [found] = beam_search(toy, [seed], options)
    wanted = exhaustive(toy, seed, options)[:num]
    assert [h.tokens for h in found] == [tokens for _, tokens in wanted]
    np.testing.assert_allclose([h.score for h in found], [score for score, _ in wanted], rtol=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), beam=st.sampled_from([1, 2, 300]), num=st.integers(1, 4))
def test_what_may_not_follow_does_not(seed: int, beam: int, num: int) -> None:
    """A wide beam finds what exhaustive search finds among the sequences that keep to the rule; a narrow one keeps to it."""

    def not_after(tokens: Sequence[int]) -> list[int]:
        return [END] if sum(tokens) % 2 else [tokens[-1]] if tokens else [5]

    def keeps(tokens: tuple[int, ...]) -> bool:
        return all(token not in not_after(tokens[:place]) for place, token in enumerate((*tokens, END)))

    toy, options = Toy(7), SearchOptions(beam=beam, num=num, max_words=4, not_after=not_after)
    [found] = beam_search(toy, [seed], options)
    assert all(keeps(hypothesis.tokens) for hypothesis in found)
    if beam > 2:
        wanted = [(score, tokens) for score, tokens in exhaustive(toy, seed, options) if keeps(tokens)][:num]
        assert [h.tokens for h in found] == [tokens for _, tokens in wanted]
        np.testing.assert_allclose([h.log_prob for h in found], [score for score, _ in wanted], rtol=1e-9)


@settings(max_examples=30)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
    beam=st.integers(1, 5),
    num=st.integers(1, 6),
    levels=st.sampled_from([None, 1]),
    penalty=st.sampled_from([0.0, 0.9]),
)
def test_many_photos_at_once_give_what_each_gives_alone(
    seeds: list[int], beam: int, num: int, levels: int | None, penalty: float
) -> None:
    toy = Toy(9, levels=levels)
    options = SearchOptions(beam=beam, num=num, max_words=6, length_penalty=penalty, attention=True)
    together = beam_search(toy, seeds, options)
    assert len(together) == len(seeds)
    for seed, found in zip(seeds, together, strict=True):
        [alone] = beam_search(toy, [seed], options)
        assert same(found, alone)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6), beam=st.integers(1, 6), num=st.integers(1, 4), penalty=st.sampled_from([-1.0, 0.0, 1.0])
)
def test_every_hypothesis_is_what_it_says(seed: int, beam: int, num: int, penalty: float) -> None:
    toy = Toy(8)
    options = SearchOptions(beam=beam, num=num, max_words=5, min_words=2, length_penalty=penalty, attention=True)
    [found] = beam_search(toy, [seed], options)
    assert 1 <= len(found) <= num
    assert len({h.tokens for h in found}) == len(found)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for h in found:
        assert 2 <= len(h.tokens) <= 5
        assert not {PAD, START, END, UNK} & set(h.tokens)
        assert h.log_prob == pytest.approx(log_prob_of(toy, seed, h.tokens), rel=1e-9)
        assert len(h.word_log_probs) == len(h.tokens) + 1
        assert sum(h.word_log_probs) == pytest.approx(h.log_prob)
        assert h.score == pytest.approx(h.log_prob / (len(h.tokens) + 1) ** penalty)
        # The toy's attention is (photo, hash of the sequence, token fed), so it tells whose row it came from.
        assert h.attention is not None
        assert h.attention.shape == (len(h.tokens), 3)
        assert h.attention[:, 2].tolist() == [START, *h.tokens[:-1]]
        assert set(h.attention[:, 0]) == {np.float32(seed)}


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_greedy_takes_the_most_probable_token_at_every_step(seed: int) -> None:
    toy = Toy(8)
    options = SearchOptions(beam=4, num=3, max_words=5, min_words=0, length_penalty=1.0)
    [[found]] = greedy(toy, [seed], options)
    tokens: list[int] = []
    hidden = 0
    while True:
        hidden = (hidden * 31 + (tokens[-1] if tokens else START) + 1) % 1_000_003
        table = toy.table(seed, hidden)
        table[[PAD, START, UNK]] = -np.inf
        token = END if len(tokens) == options.max_words else int(table.argmax())
        if token == END:
            break
        tokens.append(token)
    assert found.tokens == tuple(tokens)


def test_ties_go_to_the_lower_token_and_to_the_sequence_that_finished_first() -> None:
    class Flat(Toy):
        def table(self, photo: int, hidden: int) -> NDArray[np.float32]:
            return np.full(self.vocabulary_size, -np.log(self.vocabulary_size), dtype=np.float32)

    [found] = beam_search(Flat(8), [0], SearchOptions(beam=3, num=3, max_words=3, min_words=1))
    assert found[0].tokens == (4,)
    [found] = beam_search(Flat(8), [0], SearchOptions(beam=3, num=3, max_words=2, min_words=2))
    assert [h.tokens for h in found] == [(4, 4), (4, 5), (4, 6)]


def test_a_photo_leaves_the_batch_when_it_is_done() -> None:
    class Quick(Toy):
        def table(self, photo: int, hidden: int) -> NDArray[np.float32]:
            table = super().table(photo, hidden)
            if photo == 0:
                table[END] = 0.0
            else:
                table[END] -= 20.0
            return table

    toy = Quick(8)
    beam_search(toy, [0, 5, 0], SearchOptions(beam=2, max_words=4, min_words=0))
    assert toy.rows == [3, 2, 2, 2, 2]


def test_stopping_early_changes_no_result() -> None:
    """A sequence that is unlikely at first but certain afterwards is still found."""

    class Late(Toy):
        def table(self, photo: int, hidden: int) -> NDArray[np.float32]:
            table = np.full(self.vocabulary_size, -50.0, dtype=np.float32)
            if hidden == START + 1:
                table[END], table[4], table[5] = np.log(0.4), np.log(0.3), np.log(0.3)
            else:
                table[4 if hidden < 10_000 else END] = 0.0
            return table

    mean = SearchOptions(beam=2, max_words=8, min_words=0, length_penalty=1.0)
    [[found]] = beam_search(Late(6), [0], mean)
    assert len(found.tokens) > 1
    [[found]] = beam_search(Late(6), [0], SearchOptions(beam=2, max_words=8, min_words=0))
    assert found.tokens == ()


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.0, 1.0]))
def test_runners_up_cost_nothing_and_change_nothing(seed: int, beam: int, num: int, penalty: float) -> None:
    plain, generous = Toy(7), Toy(7)
    options = SearchOptions(beam=beam, num=num, max_words=5, length_penalty=penalty)
    photos = [seed, seed + 1, seed + 2]
    without = beam_search(plain, photos, options)
    found = beam_search(generous, photos, replace(options, runners_up=3))
    assert plain.rows == generous.rows, "not a step more, not a row more"
    for own, best, photo in zip(found, without, photos, strict=True):
        assert all(same([one], [other]) for one, other in zip(own, best, strict=False))
        assert len(best) <= len(own) <= num + 3
        scores = [hypothesis.score for hypothesis in own]
        assert scores == sorted(scores, reverse=True)
        assert same(own, beam_search(Toy(7), [photo], replace(options, runners_up=3))[0])


def test_fewer_are_found_where_fewer_exist() -> None:
    [found] = beam_search(Toy(5), [3], SearchOptions(beam=4, num=4, max_words=2, min_words=1))
    assert sorted(h.tokens for h in found) == [(4,), (4, 4)]


def test_no_photos_give_no_results() -> None:
    assert beam_search(Toy(8), []) == []


def test_a_model_that_overflows_is_named_so() -> None:
    class Broken(Toy):
        def table(self, photo: int, hidden: int) -> NDArray[np.float32]:
            return np.full(self.vocabulary_size, np.nan, dtype=np.float32)

    with pytest.raises(PictellError, match="no number") as caught:
        beam_search(Broken(8), [0])
    assert caught.value.kind == "not-a-number"


@pytest.mark.parametrize(
    "wrong",
    [{"beam": 0}, {"num": 0}, {"max_words": 0}, {"min_words": -1}, {"min_words": 5, "max_words": 4}, {"never": (2,)}],
)
def test_options_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be|may never"):
        SearchOptions(**wrong)  # type: ignore[arg-type]  # wrong on purpose
