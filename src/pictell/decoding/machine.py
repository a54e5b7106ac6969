"""Which of the required words a sequence has said so far, as a finite-state machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_STATES = 64
"""More would be slower than is of use: a search keeps a beam for each state."""

_State = tuple[int, tuple[int, ...]]
"""The clauses that are met, a bit each, and as much of a phrase as has just been said."""


class Machine:
    """Reads a sequence token by token and accepts it once every clause is met, that is, one of its phrases was said.

    States are numbered from 0, where it begins, and S of them are all that can be reached (Anderson et al. 2017,
    arXiv:1612.00576). J tokens occur in phrases; all others have the same effect.

    Raises `ValueError` where more than `MOST_STATES` states would be needed.
    """

    def __init__(self, clauses: Sequence[Sequence[Sequence[int]]]) -> None:
        # The clauses, a bit each, that a phrase meets, and those of whose phrases something is a proper beginning.
        self._meets: dict[tuple[int, ...], int] = {}
        self._begins: dict[tuple[int, ...], int] = {}
        for number, clause in enumerate(clauses):
            for phrase in map(tuple, clause):
                self._meets[phrase] = self._meets.get(phrase, 0) | 1 << number
                for length in range(1, len(phrase)):
                    self._begins[phrase[:length]] = self._begins.get(phrase[:length], 0) | 1 << number
        words = sorted({token for phrase in self._meets for token in phrase})
        numbers: dict[_State, int] = {(0, ()): 0}
        order: list[_State] = [(0, ())]
        moves: list[list[int]] = []
        for state in order:  # which grows meanwhile
            # No phrase goes on after another token, so what counts is which clauses were met before it.
            following = [*(self._next(state, word) for word in words), (state[0], ())]
            for target in following:
                if target not in numbers:
                    numbers[target] = len(order)
                    order.append(target)
            if len(order) > MOST_STATES:
                raise ValueError(f"too many words are required: a search keeps track of {MOST_STATES} states at most")
            moves.append([numbers[target] for target in following])
        table = np.array(moves, dtype=np.int64)  # (S, J + 1)
        self.tokens: NDArray[np.int64] = np.array(words, dtype=np.int64)  # (J,) those that occur in phrases
        self.moves = table[:, :-1]  # (S, J) the state after each of them
        self.otherwise = table[:, -1]  # (S,) the state after any other
        self.accepting = numbers[(1 << len(clauses)) - 1, ()]
        self.needed = self._distances()  # (S,) the fewest tokens until the sequence is accepted

    @property
    def states(self) -> int:
        """S."""
        return len(self.moves)

    def read(self, tokens: Iterable[int], state: int = 0) -> int:
        """The state after `tokens`."""
        places = {int(token): place for place, token in enumerate(self.tokens)}
        for token in tokens:
            state = int(self.moves[state, places[token]] if token in places else self.otherwise[state])
        return state

    def _next(self, state: _State, token: int) -> _State:
        met, said = state
        said = (*said, token)
        endings = [said[at:] for at in range(len(said))]
        for ending in endings:
            met |= self._meets.get(ending, 0)
        # The longest beginning of a phrase holds all shorter ones that the sequence ends in (Aho and Corasick 1975).
        return met, next((ending for ending in endings if self._begins.get(ending, 0) & ~met), ())

    def _distances(self) -> NDArray[np.int64]:
        far = self.states + 1
        distances = np.full(self.states, far, dtype=np.int64)
        distances[self.accepting] = 0
        for _ in range(self.states):
            if self.tokens.size:
                distances = np.minimum(distances, distances[self.moves].min(axis=1) + 1)
        return distances
