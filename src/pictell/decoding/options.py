"""What may be asked of a search."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchOptions:
    """How to search for word sequences.

    `beam` is the number of unfinished sequences kept for each photo (>= 1; 1 is greedy) and `num` the number of
    finished ones wanted (>= 1; a `num` above `beam` widens the beam). A sequence has `min_words` to `max_words` tokens,
    its end not counted: before `min_words` it cannot end, and after `max_words` it can do nothing but end. So a
    sequence that is cut off carries the log-probability of ending there, and all are comparable.

    Finished sequences are ranked by `log_prob / length ** length_penalty`, where `length` counts the end token
    (the length normalisation of Wu et al. 2016, arXiv:1609.08144, without its constant): 0 ranks by log-probability
    alone, which favours short sequences, 1 by the mean over the tokens.

    `start` is fed first, `end` finishes a sequence, and no sequence contains a token of `never`. With `attention` each
    hypothesis carries where the model looked for each word. `runners_up` (>= 0) is how many further finished sequences to
    hand out, of those that the search comes across anyway: it searches no longer for them, so there may be fewer, and
    better ones may exist.
    """

    beam: int = 3
    max_words: int = 20
    min_words: int = 1
    length_penalty: float = 0.0
    num: int = 1
    start: int = 1
    end: int = 2
    never: tuple[int, ...] = (0, 1, 3)
    attention: bool = False
    runners_up: int = 0

    def __post_init__(self) -> None:
        """Raise `ValueError` for a value out of its range."""
        for name in ("beam", "num", "max_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.runners_up < 0:
            raise ValueError(f"runners_up must be at least 0, not {self.runners_up}")
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"min_words must be 0 to max_words ({self.max_words}), not {self.min_words}")
        if self.end in self.never:
            raise ValueError(f"the end token ({self.end}) is among the tokens that may never be produced")

    @property
    def width(self) -> int:
        """The beam as searched: `beam`, or `num` where that is more."""
        return max(self.beam, self.num)
