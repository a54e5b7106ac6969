"""The machine of required words against looking for them in the whole sequence."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.decoding import Machine

phrases = st.lists(st.integers(4, 6), min_size=1, max_size=3).map(tuple)
clauses = st.lists(st.lists(phrases, min_size=1, max_size=2), max_size=3)


def contains(sequence: tuple[int, ...], phrase: tuple[int, ...]) -> bool:
    return any(sequence[at : at + len(phrase)] == phrase for at in range(len(sequence)))


@given(required=clauses, sequence=st.lists(st.integers(4, 7), max_size=9).map(tuple))
def test_accepts_what_contains_a_phrase_of_every_clause(
    required: list[list[tuple[int, ...]]], sequence: tuple[int, ...]
) -> None:
    machine = Machine(required)
    accepted = machine.read(sequence) == machine.accepting
    assert accepted == all(any(contains(sequence, phrase) for phrase in clause) for clause in required)


@given(required=clauses, said=st.lists(st.integers(4, 7), max_size=3).map(tuple))
def test_needed_is_the_length_of_the_shortest_ending_that_is_accepted(
    required: list[list[tuple[int, ...]]], said: tuple[int, ...]
) -> None:
    machine = Machine(required)
    state = machine.read(said)
    needed = int(machine.needed[state])
    for length in range(min(needed, 4) + 1):
        accepted = any(
            machine.read(rest, state) == machine.accepting for rest in itertools.product(range(4, 8), repeat=length)
        )
        assert accepted == (length == needed)


def test_single_words_need_a_state_for_each_set_of_them() -> None:
    assert Machine([]).states == 1
    assert [Machine([[(4 + i,)] for i in range(n)]).states for n in range(1, 5)] == [2, 4, 8, 16]


def test_thousands_of_alternatives_take_no_time() -> None:
    begun = time.process_time()
    machine = Machine([[(token,) for token in range(4, 5000)], [(token, token + 1) for token in range(4, 24)]])
    assert time.process_time() - begun < 5
    assert machine.needed[0] == 2
    assert machine.read([4, 5]) == machine.accepting


def test_too_many_required_words_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        Machine([[(4 + i,)] for i in range(40)])
