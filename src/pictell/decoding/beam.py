"""Beam search over many photos at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.options import SearchOptions
from pictell.decoding.steps import StepFunction
from pictell.decoding.topk import top_k
from pictell.errors import PictellError

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")


def greedy(
    engine: StepFunction[MemoryT, StateT], memory: MemoryT, options: SearchOptions | None = None
) -> list[list[Hypothesis]]:
    """The sequence that takes the most probable token at every step, one for each photo in `memory`.

    `beam`, `num` and `length_penalty` of `options` are of no account here; for the rest see `beam_search`.
    """
    return beam_search(engine, memory, replace(options or SearchOptions(), beam=1, num=1, length_penalty=0.0))


def beam_search(
    engine: StepFunction[MemoryT, StateT], memory: MemoryT, options: SearchOptions | None = None
) -> list[list[Hypothesis]]:
    """The best finished sequences of each photo in `memory`, best first: `options.num` each, where so many are found.

    Up to `options.runners_up` others follow them, best first.

    At each step all continuations of a photo's unfinished sequences are ranked by log-probability. Those among the best
    `beam` that end are finished; the best `beam` of those that do not end are carried on. A photo is done when none of
    its unfinished sequences can still displace one of its best `num` finished ones, so stopping early changes no
    result; it then leaves the batch. No photo's result depends on the others in the batch.

    Of equals, an ending goes before a continuation, then the better unfinished sequence, then the lower token; of
    finished sequences with equal scores, the one that finished first.

    Raises:
        PictellError: `not-a-number`, a softmax of the model overflowed.

    """
    options = options or SearchOptions()
    total = engine.count(memory)
    done: list[list[Hypothesis]] = [[] for _ in range(total)]
    if total == 0:
        return done
    barred = np.array([t for t in {*options.never, options.end} if t < engine.vocabulary_size], dtype=np.int64)

    state = engine.start(memory)
    photos = np.arange(total)  # (P,) those still searched
    rows = _Rows.empty(total)
    feed = np.full(total, options.start, dtype=np.int64)  # (P * K,)
    for length in range(options.max_words + 1):
        log_probs, state, attention = engine.step(feed, state)  # (P * K, V)
        ends = log_probs[:, options.end].reshape(rows.totals.shape).copy()  # (P, K)
        end_totals = rows.totals + ends if length >= options.min_words else np.full(rows.totals.shape, -np.inf)
        parents, tokens, entries, totals = _continuations(
            log_probs, rows.totals, barred, options.width if length < options.max_words else 0
        )
        if np.isnan(ends).any():
            raise PictellError("not-a-number", "the model gave no number for a log-probability: its files are unfit")

        for place, row in _endings(end_totals, totals, options.width):
            found = done[photos[place]]
            found.append(rows.finish(place, row, float(ends[place, row]), options.length_penalty))
            found.sort(key=lambda hypothesis: -hypothesis.score)
            del found[options.num + options.runners_up :]

        open_places = _unfinished([done[photo] for photo in photos], totals, length + 1, options)
        if len(open_places) == 0:
            break
        looks = attention if options.attention else None
        from_rows = (open_places[:, None] * rows.totals.shape[1] + parents[open_places]).ravel()  # (P' * K',)
        rows = rows.carry(open_places, parents, tokens, entries, totals, looks)
        photos = photos[open_places]
        feed = rows.tokens[:, :, -1].ravel()
        if not np.array_equal(from_rows, np.arange(len(log_probs))):
            state = engine.select(state, from_rows)
    return done


@dataclass(frozen=True, eq=False)
class _Rows:
    """The unfinished sequences: K for each of P photos, best first, all of T tokens."""

    totals: NDArray[np.float64]  # (P, K) log-probability so far
    tokens: NDArray[np.int64]  # (P, K, T)
    log_probs: NDArray[np.float32]  # (P, K, T)
    attention: NDArray[np.float32] | None = None  # (P, K, T, R)

    @classmethod
    def empty(cls, photos: int) -> _Rows:
        return cls(
            np.zeros((photos, 1)),
            np.zeros((photos, 1, 0), dtype=np.int64),
            np.zeros((photos, 1, 0), dtype=np.float32),
        )

    def finish(self, place: int, row: int, end_log_prob: float, length_penalty: float) -> Hypothesis:
        log_prob = float(self.totals[place, row]) + end_log_prob
        tokens = tuple(self.tokens[place, row].tolist())
        return Hypothesis(
            tokens=tokens,
            log_prob=log_prob,
            word_log_probs=(*self.log_probs[place, row].tolist(), end_log_prob),
            score=log_prob / (len(tokens) + 1) ** length_penalty,
            attention=None if self.attention is None else self.attention[place, row].copy(),
        )

    def carry(
        self,
        places: NDArray[np.int64],
        parents: NDArray[np.int64],
        tokens: NDArray[np.int64],
        log_probs: NDArray[np.float32],
        totals: NDArray[np.float64],
        looks: NDArray[np.float32] | None,
    ) -> _Rows:
        """The rows of `places` (P',), each grown by a token; `parents`, `tokens`, `log_probs`, `totals` are (P, K')."""
        at = places[:, None]  # (P', 1)
        chosen = parents[places]  # (P', K')
        attention = None
        if looks is not None:
            new = looks.reshape(*self.totals.shape, 1, -1)[at, chosen]  # (P', K', 1, R)
            attention = new if self.attention is None else np.concatenate([self.attention[at, chosen], new], axis=2)
        return _Rows(
            totals[places],
            np.concatenate([self.tokens[at, chosen], tokens[places][..., None]], axis=2),
            np.concatenate([self.log_probs[at, chosen], log_probs[places][..., None]], axis=2),
            attention,
        )


def _continuations(
    log_probs: NDArray[np.float32], totals: NDArray[np.float64], barred: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """The best `width` ways to grow each photo's rows by a token that is not barred, best first.

    `log_probs` (P * K, V) is overwritten. Returns the rows they grow from, their tokens, the tokens' log-probabilities
    and the grown rows' log-probabilities, each (P, K'); K' is less than `width` only where the vocabulary has no more.
    """
    photos = len(totals)
    per_row = min(width, log_probs.shape[1] - len(barred))
    if per_row <= 0:
        none = np.zeros((photos, 0), dtype=np.int64)
        return none, none, none.astype(np.float32), none.astype(np.float64)
    log_probs[:, barred] = -np.inf
    # No photo's best `width` can hold more than `width` from one row, so the rows are thinned before they are compared.
    columns, entries = top_k(log_probs, per_row)  # (P * K, per_row)
    columns, entries = columns.reshape(photos, -1), entries.reshape(photos, -1)  # (P, K * per_row)
    candidates = np.repeat(totals, per_row, axis=1) + entries  # (P, K * per_row)
    best = np.argsort(-candidates, axis=1, kind="stable")[:, :width]  # (P, K')
    return (
        best // per_row,
        np.take_along_axis(columns, best, axis=1),
        np.take_along_axis(entries, best, axis=1),
        np.take_along_axis(candidates, best, axis=1),
    )


def _endings(end_totals: NDArray[np.float64], totals: NDArray[np.float64], width: int) -> list[tuple[int, int]]:
    """Photo and row of each ending that is among the photo's best `width` continuations of either kind.

    `end_totals` (P, K) belong to the rows if they ended now, `totals` (P, K') to their best continuations.
    """
    both = np.concatenate([end_totals, totals], axis=1)  # (P, K + K')
    best = np.argsort(-both, axis=1, kind="stable")[:, :width]
    places, ranks = np.nonzero(best < end_totals.shape[1])
    rows = best[places, ranks]
    possible = end_totals[places, rows] > -np.inf
    return list(zip(places[possible].tolist(), rows[possible].tolist(), strict=True))


def _unfinished(
    found: list[list[Hypothesis]], totals: NDArray[np.float64], length: int, options: SearchOptions
) -> NDArray[np.int64]:
    """The places, among P, of photos that may yet get a better result from rows of `length` tokens and `totals` (P, K).

    A log-probability only falls as a row grows, so the best score within reach is the present one over the length that
    treats it best: the longest for a positive length penalty, the shortest for a negative one.
    """
    if totals.shape[1] == 0:
        return np.zeros(0, dtype=np.int64)
    kindest = (options.max_words if options.length_penalty > 0 else length) + 1
    reach = totals[:, 0] / kindest**options.length_penalty  # (P,)
    worst = np.array([f[options.num - 1].score if len(f) >= options.num else -np.inf for f in found])
    return np.flatnonzero(reach > worst)
