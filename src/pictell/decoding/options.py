"""What may be asked of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Phrase: TypeAlias = tuple[int, ...]
"""Tokens that stand side by side, one or more."""

MISSED = 0.25
"""What a token more or fewer than the target costs: about what tells a good caption's mean log-probability from a poor one's."""


def contains(tokens: Phrase, phrase: Phrase) -> bool:
    """Whether the phrase stands in `tokens`."""
    return any(tokens[at : at + len(phrase)] == phrase for at in range(len(tokens) - len(phrase) + 1))


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn from the model's distribution.

    Log-probabilities are divided by `temperature` (> 0; below 1 the probable becomes more so) first. Then only the
    `top_k` (>= 1) most probable tokens are left, and of them the fewest most probable ones that have `top_p` (above 0,
    up to 1) of the probability together (nucleus sampling, Holtzman et al. 2020, arXiv:1904.09751); `None` leaves all.
    The same `seed` (>= 0) draws the same samples.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise `ValueError` for a value out of its range."""
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be above 0 and finite, not {self.temperature:g}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p:g}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclass(frozen=True)
class SearchOptions:
    """How to search for word sequences.

    `beam` is the number of unfinished sequences kept for each photo (>= 1; 1 is greedy) and `num` the number of
    finished ones wanted (>= 1; a `num` above `beam` widens the beam). A sequence has `min_words` to `max_words` tokens,
    its end not counted: before `min_words` it cannot end, and after `max_words` it can do nothing but end. So a
    sequence that is cut off carries the log-probability of ending there, and all are comparable.

    Finished sequences are ranked by `log_prob / length ** length_penalty`, where `length` counts the end token
    (the length normalisation of Wu et al. 2016, arXiv:1609.08144, without its constant): 0 ranks by log-probability
    alone, which favours short sequences, 1 by the mean over the tokens. With `target_words` they are ranked by that mean less
    `MISSED` for each token more or fewer, whatever the length penalty.

    `start` is fed first, `end` finishes a sequence, and no sequence contains a token of `never`. Where `not_after` is given,
    no token (the end included) follows a sequence for which it names that token. With `attention` each
    hypothesis carries where the model looked for each word. `runners_up` (>= 0) is how many further finished sequences to
    hand out, of those that the search comes across anyway: it searches no longer for them, so there may be fewer, and
    better ones may exist.

    What a sequence must be: it begins with `beginning`; it contains, for each clause of `required`, one of the clause's
    phrases; it contains no phrase of `banned`, does not end in a token of `not_last`, and says no `no_repeat` tokens in
    a row twice (0: it may), unless all of them are `repeatable`. Nothing of this changes the log-probabilities, which
    remain the model's.

    With `groups` above 1 the beam is divided among so many groups that differ from each other: at each step a token
    costs a group `diversity` for every sequence that an earlier group goes on with that token (Vijayakumar et al. 2016,
    arXiv:1610.02424). With `sampling` sequences are drawn instead of searched, `num` of them for a photo.
    """

    beam: int = 3
    max_words: int = 20
    min_words: int = 1
    length_penalty: float = 0.0
    num: int = 1
    start: int = 1
    end: int = 2
    never: tuple[int, ...] = (0, 1, 3)
    not_after: Callable[[Sequence[int]], Sequence[int]] | None = None
    attention: bool = False
    runners_up: int = 0
    beginning: Phrase = ()
    required: tuple[tuple[Phrase, ...], ...] = ()
    banned: tuple[Phrase, ...] = ()
    not_last: tuple[int, ...] = ()
    no_repeat: int = 0
    repeatable: tuple[int, ...] = ()
    target_words: int | None = None
    groups: int = 1
    diversity: float = 0.5
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` for a value out of its range, or where two of them cannot both be met."""
        for name in ("beam", "num", "max_words", "groups"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.runners_up < 0:
            raise ValueError(f"runners_up must be at least 0, not {self.runners_up}")
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"min_words must be 0 to max_words ({self.max_words}), not {self.min_words}")
        if self.end in self.never:
            raise ValueError(f"the end token ({self.end}) is among the tokens that may never be produced")
        if len(self.beginning) > self.max_words:
            raise ValueError(
                f"the beginning has {len(self.beginning)} words, and max_words allows no more than {self.max_words}"
            )
        unsaid = {(token,) for token in (*self.never, self.end)} | {*self.banned}
        if any(contains(self.beginning, phrase) for phrase in unsaid):
            raise ValueError("the beginning contains what may not be said")
        if self.no_repeat < 0:
            raise ValueError(f"no_repeat must be at least 0, not {self.no_repeat}")
        if not self.diversity >= 0:
            raise ValueError(f"diversity must be at least 0, not {self.diversity:g}")
        if self.target_words is not None and not self.min_words <= self.target_words <= self.max_words:
            raise ValueError(
                f"target_words must be min_words to max_words ({self.min_words} to {self.max_words}), "
                f"not {self.target_words}"
            )
        for phrase in (*self.banned, *(phrase for clause in self.required for phrase in clause)):
            if not phrase:
                raise ValueError("a phrase has at least one word")
        if not all(self.required):
            raise ValueError("one of no phrases cannot be required")
        if self.sampling and (self.required or self.groups > 1 or self.target_words is not None):
            raise ValueError("samples cannot be made to contain words, to differ or to have a length: search for them")

    @property
    def width(self) -> int:
        """The beam as searched: `beam`, or `num` where that is more."""
        return max(self.beam, self.num)

    def score(self, log_prob: float, words: int) -> float:
        """What a finished sequence of `words` tokens is ranked by."""
        return float(self._scores(np.float64(log_prob), words))

    def best_score(self, log_probs: NDArray[np.float64], words: int) -> NDArray[np.float64]:
        """The best that unfinished sequences of `words` tokens could be ranked by, did they go on with certainty."""
        if self.target_words is None:
            return self._scores(log_probs, self.max_words if self.length_penalty > 0 else words)
        best: NDArray[np.float64] = np.max(
            [self._scores(log_probs, length) for length in range(words, self.max_words + 1)], axis=0
        )
        return best

    def _scores(self, log_probs: NDArray[np.float64] | np.float64, words: int) -> NDArray[np.float64]:
        if self.target_words is None:
            return np.asarray(log_probs / (words + 1) ** self.length_penalty)
        return np.asarray(log_probs / (words + 1) - MISSED * abs(words - self.target_words))
