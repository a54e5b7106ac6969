"""Steered search: against all sequences there are, against a plain slow search, and many at once against one at a time."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from toy import END, Toy, log_prob_of, same

from pictell.decoding import Machine, Sampling, SearchOptions, beam_search, search

Tokens = tuple[int, ...]
WORDS = (4, 5, 6)


@st.composite
def steering(draw: st.DrawFn, *, longest: int, words: Tokens = WORDS) -> SearchOptions:
    """Options with anything that may be asked of a sequence."""
    phrase = st.lists(st.sampled_from(words), min_size=1, max_size=2).map(tuple)
    max_words = draw(st.integers(1, longest))
    min_words = draw(st.integers(0, max_words))
    banned = tuple(draw(st.lists(phrase, max_size=1)))
    beginning = draw(st.lists(st.sampled_from(words), max_size=min(2, max_words)).map(tuple))
    assume(not any(contains(beginning, each) for each in banned))
    return SearchOptions(
        max_words=max_words,
        min_words=min_words,
        length_penalty=draw(st.sampled_from([-0.5, 0.0, 1.0])),
        num=draw(st.integers(1, 4)),
        beginning=beginning,
        required=tuple(draw(st.lists(st.lists(phrase, min_size=1, max_size=2).map(tuple), max_size=2))),
        banned=banned,
        not_last=tuple(draw(st.sets(st.sampled_from(words), max_size=1))),
        no_repeat=draw(st.integers(0, 3)),
        repeatable=tuple(draw(st.sets(st.sampled_from(words), max_size=1))),
        target_words=draw(st.none() | st.integers(min_words, max_words)),
    )


def contains(tokens: Tokens, phrase: Tokens) -> bool:
    return any(tokens[at : at + len(phrase)] == phrase for at in range(len(tokens)))


def allowed(tokens: Tokens, options: SearchOptions) -> bool:
    """Whether a sequence is what the options ask for, by their definition."""
    # The beginning itself may repeat words.
    begun = len(options.beginning)
    if tokens[:begun] != options.beginning or not options.min_words <= len(tokens) <= options.max_words:
        return False
    if not all(any(contains(tokens, phrase) for phrase in clause) for clause in options.required):
        return False
    if any(contains(tokens, phrase) for phrase in options.banned):
        return False
    if tokens and tokens[-1] in options.not_last:
        return False
    n = options.no_repeat
    for at in range(max(0, begun - n + 1), len(tokens) - n + 1):
        gram = tokens[at : at + n]
        if n and any(tokens[i : i + n] == gram for i in range(at)) and not set(gram) <= {*options.repeatable}:
            return False
    return True


def everything(toy: Toy, photo: int, options: SearchOptions) -> list[tuple[float, Tokens]]:
    """All sequences that are allowed, best first, with their scores."""
    sequences = itertools.chain.from_iterable(
        itertools.product(WORDS, repeat=length) for length in range(options.max_words + 1)
    )
    found = [
        (options.score(log_prob_of(toy, photo, tokens), len(tokens)), tokens)
        for tokens in sequences
        if allowed(tokens, options)
    ]
    return sorted(found, key=lambda pair: -pair[0])


@settings(max_examples=120)
@given(seed=st.integers(0, 10**6), options=steering(longest=4))
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all_that_is_allowed(seed: int, options: SearchOptions) -> None:
    toy = Toy(7)
    [found] = beam_search(toy, [seed], replace(options, beam=200))
    wanted = everything(toy, seed, options)[: options.num]
    assert [h.tokens for h in found] == [tokens for _, tokens in wanted]
    np.testing.assert_allclose([h.score for h in found], [score for score, _ in wanted], rtol=1e-9)
    for h in found:
        assert h.log_prob == pytest.approx(log_prob_of(toy, seed, h.tokens), rel=1e-9)


def slow_search(toy: Toy, photo: int, options: SearchOptions) -> list[list[Tokens]]:
    """The finished sequences of each group, by a search that leaves out only what cannot be met in time."""
    machine = Machine(options.required)
    width = -(-options.width // options.groups)
    words = [t for t in range(toy.vocabulary_size) if t not in (*options.never, END)]
    beams: dict[tuple[int, int], list[Tokens]] = {(group, 0): [()] for group in range(options.groups)}
    finished: list[list[tuple[float, Tokens]]] = [[] for _ in range(options.groups)]

    def total(tokens: Tokens) -> float:
        return log_prob_of(toy, photo, tokens) - log_prob_of_end(toy, photo, tokens)

    for length in range(options.max_words + 1):
        grown: dict[tuple[int, int], list[Tokens]] = {}
        said: list[int] = []
        for group in range(options.groups):
            mine: list[int] = []
            for state in range(machine.states):
                going_on = [
                    (total((*tokens, word)) - options.diversity * said.count(word), (*tokens, word))
                    for before in range(machine.states)
                    for tokens in beams.get((group, before), [])
                    for word in words
                    if machine.needed[state] < options.max_words - length and machine.read([word], before) == state
                ]
                best = sorted(going_on, key=lambda pair: -pair[0])[:width]
                grown[group, state] = [tokens for _, tokens in best]
                mine += [tokens[-1] for _, tokens in best]
                if state == machine.accepting and length >= options.min_words:
                    ends = [(log_prob_of(toy, photo, tokens), tokens) for tokens in beams.get((group, state), [])]
                    both = sorted([*ends, *best], key=lambda pair: -pair[0])[:width]
                    finished[group] += [
                        (options.score(value, length), tokens) for value, tokens in both if len(tokens) == length
                    ]
            said += mine
        beams = grown
    return [[tokens for _, tokens in sorted(each, key=lambda pair: -pair[0])[: options.num]] for each in finished]


def log_prob_of_end(toy: Toy, photo: int, tokens: Tokens) -> float:
    hidden = 0
    for fed in (1, *tokens):
        hidden = (hidden * 31 + fed + 1) % 1_000_003
    return float(toy.table(photo, hidden)[END])


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    beam=st.integers(1, 4),
    groups=st.integers(1, 3),
    diversity=st.sampled_from([0.0, 0.4, 5.0]),
    num=st.integers(1, 3),
    penalty=st.sampled_from([0.0, 1.0]),
    required=st.lists(st.lists(st.sampled_from([(4,), (5,), (4, 6)]), min_size=1, max_size=2), max_size=2),
)
def test_narrow_beams_find_what_a_plain_slow_search_finds(
    seed: int,
    beam: int,
    groups: int,
    diversity: float,
    num: int,
    penalty: float,
    required: list[list[Tokens]],
) -> None:
    toy = Toy(9)
    options = SearchOptions(
        beam=beam,
        groups=groups,
        diversity=diversity,
        num=num,
        max_words=5,
        length_penalty=penalty,
        required=tuple(map(tuple, required)),
    )
    [found] = beam_search(toy, [seed], options)
    by_group = slow_search(toy, seed, options)
    in_turn = [tokens for rank in itertools.zip_longest(*by_group) for tokens in rank if tokens is not None]
    wanted = list(dict.fromkeys(in_turn))[:num]
    assert {h.tokens for h in found} == set(wanted)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    if groups == 1:
        assert [h.tokens for h in found] == wanted


@settings(max_examples=60)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True),
    beam=st.integers(1, 4),
    options=steering(longest=6, words=(4, 5, 6, 7, 8, 9)),
    groups=st.integers(1, 3),
    levels=st.sampled_from([None, 1]),
)
def test_every_combination_is_the_same_batched_or_alone(
    seeds: list[int], beam: int, options: SearchOptions, groups: int, levels: int | None
) -> None:
    toy = Toy(12, levels=levels)
    options = replace(options, beam=beam, groups=groups, attention=True)
    for seed, found in zip(seeds, beam_search(toy, seeds, options), strict=True):
        [alone] = beam_search(toy, [seed], options)
        assert same(found, alone)
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(one.attention, other.attention)
            assert allowed(one.tokens, options)
            assert one.log_prob == pytest.approx(log_prob_of(toy, seed, one.tokens), rel=1e-9)


@settings(max_examples=60)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True),
    options=steering(longest=6, words=(4, 5, 6, 7, 8, 9)),
    sampling=st.builds(
        Sampling,
        temperature=st.sampled_from([0.3, 1.0, 2.0]),
        top_k=st.none() | st.integers(1, 5),
        top_p=st.none() | st.sampled_from([0.1, 0.6, 1.0]),
        seed=st.integers(0, 2**63),
    ),
)
def test_samples_are_the_same_batched_or_alone_and_what_was_asked_for(
    seeds: list[int], options: SearchOptions, sampling: Sampling
) -> None:
    toy = Toy(12)
    options = replace(options, required=(), target_words=None, sampling=sampling, attention=True)
    together = search(toy, seeds, options, photos=seeds)
    assert len(together) == len(seeds)
    for seed, found in zip(seeds, together, strict=True):
        [alone] = search(toy, [seed], options, photos=[seed])
        assert same(found, alone)
        [fewer] = search(toy, [seed], replace(options, num=1), photos=[seed])
        assert same(fewer, found[:1])
        for h in found:
            assert allowed(h.tokens, options)
            assert h.log_prob == pytest.approx(log_prob_of(toy, seed, h.tokens), rel=1e-9)
            assert len(h.word_log_probs) == len(h.tokens) + 1
            if h.tokens:
                assert h.attention is not None
                assert h.attention[:, 2].tolist() == [1, *h.tokens[:-1]]


def test_a_large_batch_is_searched_in_pieces_of_the_same_results() -> None:
    toy = Toy(12)
    options = SearchOptions(beam=5, max_words=4, required=(((4,),), ((5,),), ((6, 7), (8,))))
    seeds = list(range(60))
    together = beam_search(toy, seeds, options)
    assert max(toy.rows) <= 512
    for seed, found in zip(seeds[::7], together[::7], strict=True):
        assert same(found, beam_search(toy, [seed], options)[0])


def test_required_words_are_always_found_in_time() -> None:
    """One word is left for each of three, and the model likes none of them."""

    class Averse(Toy):
        def table(self, photo: int, hidden: int) -> np.ndarray:
            table = super().table(photo, hidden)
            table[[4, 5, 6]] -= 30.0
            return table

    options = SearchOptions(beam=1, max_words=3, required=(((4,),), ((5,),), ((6,),)))
    for found in beam_search(Averse(40), list(range(20)), options):
        assert sorted(found[0].tokens) == [4, 5, 6]


def test_a_target_is_met_where_words_are_much_alike() -> None:
    toy = Toy(40, sharpness=0.5)
    for target in (2, 5, 9):
        options = SearchOptions(beam=3, max_words=12, length_penalty=1.0, target_words=target)
        lengths = [len(found[0].tokens) for found in beam_search(toy, list(range(20)), options)]
        assert abs(np.mean(lengths) - target) < 0.5


def test_groups_differ_where_one_beam_would_not() -> None:
    toy = Toy(40, sharpness=1.0)
    plain = SearchOptions(beam=3, num=3, max_words=6, min_words=4, length_penalty=1.0)
    different = []
    for options in (plain, replace(plain, groups=3, diversity=100.0)):
        firsts = [{h.tokens[0] for h in found} for found in beam_search(toy, list(range(20)), options)]
        different.append(sum(len(tokens) for tokens in firsts))
    assert different[1] == 60 > different[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": 0},
        {"no_repeat": -1},
        {"diversity": -0.1},
        {"diversity": float("nan")},
        {"target_words": 21},
        {"beginning": (4,) * 21},
        {"required": ((),)},
        {"required": (((),),)},
        {"banned": ((),)},
        {"sampling": Sampling(), "required": (((4,),),)},
        {"beginning": (4, 5), "banned": ((4, 5),)},
        {"beginning": (2,)},
        {"sampling": Sampling(), "groups": 2},
        {"sampling": Sampling(), "target_words": 4},
    ],
)
def test_steering_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|cannot|allows|at least|may not"):
        SearchOptions(**wrong)  # type: ignore[arg-type]  # wrong on purpose
