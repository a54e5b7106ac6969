"""Beam search over many photos at once: plain, with required words, and in groups that differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, zip_longest
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.machine import Machine
from pictell.decoding.options import SearchOptions
from pictell.decoding.rows import Grown, Rows
from pictell.decoding.rules import Rules
from pictell.decoding.steps import StepFunction
from pictell.decoding.topk import largest, top_k
from pictell.errors import PictellError

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")

# Rows searched at once: the log-probabilities of more do not fit a processor's cache, and each would take longer.
_ROWS = 512


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

    With required words there are as many beams of that width as there are states of having said them, each ranked in
    itself, and only sequences in the last state can end (constrained beam search, Anderson et al. 2017,
    arXiv:1612.00576). With `groups` each group has its share of the beam and is ranked in itself, after those before it;
    the results are each group's best in turn. With `target_words` endings are ranked among themselves, so that sequences end
    also where the model would go on. Nothing may be found where what is asked for leaves nothing to say.

    Of equals, an ending goes before a continuation, then the better unfinished sequence, then the lower token; of
    finished sequences with equal scores, the one that finished first. (Between beams and among required tokens the order
    is another, and as fixed.)

    Raises:
        PictellError: `not-a-number`, a softmax of the model overflowed.
        ValueError: more is required than a search can keep track of.

    """
    options = options or SearchOptions()
    total = engine.count(memory)
    if total == 0:
        return []
    search = _Search(options, engine.vocabulary_size)
    state = engine.start(memory)
    at_once = max(1, _ROWS // search.most_rows)
    if total <= at_once:
        return search.run(engine, state, total)
    found: list[list[Hypothesis]] = []
    for first in range(0, total, at_once):
        photos = np.arange(first, min(first + at_once, total))
        found += search.run(engine, engine.select(state, photos), len(photos))
    return found


class _Search:
    """Lanes are beams of `width` rows that are each ranked in themselves: one for each of G groups and S states."""

    def __init__(self, options: SearchOptions, vocabulary_size: int) -> None:
        self.options = options
        self.vocabulary_size = vocabulary_size
        self.machine = Machine(options.required)
        self.rules = Rules(options, vocabulary_size)
        self.width = -(-options.width // options.groups)
        self.lanes = options.groups * self.machine.states
        self.most_rows = self.lanes * self.width
        rival_tokens = (options.groups - 1) * self.machine.states * self.width
        # Of a row's best tokens so many may be counted in: its share of the beam, and those that other groups took.
        kept = vocabulary_size - len({*self.rules.barred.tolist(), *self.machine.tokens.tolist()})
        self.per_row = min(self.width + rival_tokens, kept)

    def run(self, engine: StepFunction[MemoryT, StateT], state: StateT, total: int) -> list[list[Hypothesis]]:
        """The results for `total` photos, of which `state` has one row each."""
        options = self.options
        done: list[list[list[Hypothesis]]] = [[[] for _ in range(options.groups)] for _ in range(total)]
        photos = np.arange(total)  # (P,) those still searched
        rows = Rows.empty(total, np.arange(options.groups) * self.machine.states)
        if options.groups > 1:
            state = engine.select(state, np.repeat(photos, options.groups))
        feed = np.full(rows.totals.size, options.start, dtype=np.int64)  # (P * K,)
        for length in range(options.max_words + 1):
            log_probs, state, attention = engine.step(feed, state)  # (P * K, V)
            self.rules.follow(log_probs, rows.tokens.reshape(len(log_probs), length))
            ends = log_probs[:, options.end].reshape(rows.totals.shape).copy()  # (P, K)
            if np.isnan(ends).any():
                raise PictellError(
                    "not-a-number", "the model gave no number for a log-probability: its files are unfit"
                )
            may_end = self.rules.may_end(rows.tokens)
            if self.machine.states > 1:
                may_end = may_end & (rows.lanes % self.machine.states == self.machine.accepting)
            end_totals = np.where(may_end, rows.totals + ends, -np.inf)
            grown = self._grown(log_probs, rows, length)

            for place, row in self._endings(end_totals, rows.lanes, grown):
                found = done[photos[place]][rows.lanes[place, row] // self.machine.states]
                found.append(rows.finish(place, row, float(ends[place, row]), options))
                found.sort(key=lambda hypothesis: -hypothesis.score)
                del found[options.num + options.runners_up :]

            hopeful = self._hopeful([done[photo] for photo in photos], grown, length + 1)
            open_places = np.flatnonzero(hopeful.any(axis=1))
            if len(open_places) == 0:
                break
            # Many lanes have many rows without hope, which can be spared; but those of a group bear on the next groups.
            spare = self.lanes > 1 and options.groups == 1
            grown = grown.packed(hopeful if spare else grown.totals > -np.inf, open_places)
            from_rows = (open_places[:, None] * rows.totals.shape[1] + grown.parents).ravel()  # (P' * K',)
            rows = rows.carry(open_places, grown, attention if options.attention else None)
            photos = photos[open_places]
            feed = rows.tokens[:, :, -1].ravel()
            if not np.array_equal(from_rows, np.arange(len(log_probs))):
                state = engine.select(state, from_rows)
        return [groups[0] if options.groups == 1 else _in_turn(groups, options.num) for groups in done]

    def _grown(self, log_probs: NDArray[np.float32], rows: Rows, length: int) -> Grown:
        """The best `width` ways for each lane to grow the rows, of `length` tokens, by one; `log_probs` is overwritten.

        There are fewer only where the vocabulary has no more, or none at all where the sequences are as long as they
        may be. What cannot be has the total -inf.
        """
        photos = len(rows.totals)
        words = self.machine.tokens  # (J,)
        if length == self.options.max_words or self.per_row + len(words) <= 0:
            return Grown.none(photos)
        self.rules.bar(log_probs, rows.tokens.reshape(len(log_probs), length))
        said = log_probs[:, words]  # (P * K, J)
        log_probs[:, words] = -np.inf
        # No lane can take more than `per_row` of the other tokens from one row: they all lead to the same lane.
        columns, entries = top_k(log_probs, self.per_row)  # (P * K, per_row)
        if len(words):
            columns = np.concatenate([columns, np.broadcast_to(words, said.shape)], axis=1)
            entries = np.concatenate([entries, said], axis=1)
        each = columns.shape[1]
        columns, entries = columns.reshape(photos, -1), entries.reshape(photos, -1)  # (P, C), C = K * each
        totals = np.repeat(rows.totals, each, axis=1) + entries  # (P, C)
        if self.lanes == 1:
            chosen = largest(totals, self.width)  # (P, K')
            chosen_totals = ranked = np.take_along_axis(totals, chosen, axis=1)
            lanes = np.zeros(chosen.shape, dtype=np.int64)
        else:
            chosen, chosen_totals, ranked, lanes = self._chosen(totals, columns, rows, each, length)
        return Grown(
            chosen // each,
            np.take_along_axis(columns, chosen, axis=1),
            np.take_along_axis(entries, chosen, axis=1),
            chosen_totals,
            ranked,
            lanes,
        )

    def _lanes_of(self, rows: Rows, each: int, length: int) -> NDArray[np.int64]:
        """The lane of each of the rows' `each` continuations (P, K * each); -1 where it could not meet all in time."""
        groups, states = np.divmod(rows.lanes, self.machine.states)  # (P, K)
        others = np.repeat(self.machine.otherwise[states][..., None], each - len(self.machine.tokens), axis=2)
        after = np.concatenate([others, self.machine.moves[states]], axis=2)  # (P, K, each)
        in_time = self.machine.needed[after] <= self.options.max_words - length - 1
        lanes: NDArray[np.int64] = np.where(in_time, groups[..., None] * self.machine.states + after, -1)
        return lanes.reshape(len(rows.totals), -1)

    def _chosen(
        self, totals: NDArray[np.float64], columns: NDArray[np.int64], rows: Rows, each: int, length: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """The best `width` of each lane among C continuations, `each` of the rows', with `totals` and tokens `columns`, (P, C).

        Returns their places among C, their totals, the totals that they were ranked by, and their lanes: (P, K') each,
        lane by lane.
        """
        states, width = self.machine.states, self.width
        lanes = self._lanes_of(rows, each, length)  # (P, C)
        groups = rows.lanes // states  # (P, K)
        at = np.arange(len(totals))[:, None]
        # How often each token was said by earlier groups.
        said = np.zeros((len(totals), self.vocabulary_size), dtype=np.int64)  # (P, V)
        places, ranked = [], []
        for group in range(self.options.groups):
            # No row grows into another group: only those count that are of this one in some photo.
            mine = np.flatnonzero((groups == group).any(axis=0))
            near = (mine[:, None] * each + np.arange(each)).ravel()  # (C',)
            ranks = totals[:, near]
            if group:
                ranks = ranks - self.options.diversity * said[at, columns[:, near]]
            own = lanes[:, near] - group * states
            own = np.where((own < 0) | (own >= states) | (ranks == -np.inf), states, own)  # the last for what cannot be
            best, there = _best_of_each(own, ranks, states, width)  # (P, S * W)
            places.append(near[best] if near.size else best)
            ranked.append(np.where(there, np.take_along_axis(ranks, best, axis=1) if near.size else 0.0, -np.inf))
            if group < self.options.groups - 1:
                # What this group says costs those after it.
                np.add.at(said, (at, np.take_along_axis(columns, places[-1], axis=1)), there)
        chosen = np.concatenate(places, axis=1)
        of_lanes = np.concatenate(ranked, axis=1)
        return (
            chosen,
            np.where(of_lanes > -np.inf, np.take_along_axis(totals, chosen, axis=1), -np.inf),
            of_lanes,
            np.repeat(np.arange(self.lanes), width)[None].repeat(len(totals), axis=0),
        )

    def _endings(
        self, end_totals: NDArray[np.float64], lanes: NDArray[np.int64], grown: Grown
    ) -> list[tuple[int, int]]:
        """Photo and row of each ending that is among its lane's best `width` continuations of either kind.

        `end_totals` (P, K) belong to the rows, of `lanes`, if they ended now, `grown` are their best continuations.
        """
        found: list[tuple[int, int]] = []
        per_lane = grown.ranked.shape[1] // self.lanes
        for lane in range(self.machine.accepting, self.lanes, self.machine.states):
            own = end_totals if self.lanes == 1 else np.where(lanes == lane, end_totals, -np.inf)
            going_on = grown.ranked[:, lane * per_lane : (lane + 1) * per_lane]
            rivals = (own, going_on) if self.options.target_words is None else (own,)
            both = np.concatenate(rivals, axis=1)  # (P, K + W)
            best = np.argsort(-both, axis=1, kind="stable")[:, : self.width]
            places, ranks = np.nonzero(best < own.shape[1])
            rows = best[places, ranks]
            possible = own[places, rows] > -np.inf
            found += zip(places[possible].tolist(), rows[possible].tolist(), strict=True)
        return found

    def _hopeful(self, found: list[list[list[Hypothesis]]], grown: Grown, length: int) -> NDArray[np.bool_]:
        """Which of the rows (P, K') of `length` tokens may yet displace one of their group's best `num` in `found`.

        A log-probability only falls as a row grows, so the best score within reach is the present one over the length
        that treats it best.
        """
        options = self.options
        if grown.totals.size == 0:
            return np.zeros(grown.totals.shape, dtype=bool)
        reach = options.best_score(grown.totals, length)
        worst = np.array(
            [
                [each[options.num - 1].score if len(each) >= options.num else -np.inf for each in groups]
                for groups in found
            ]
        )  # (P, G)
        if options.groups == 1:
            return reach > worst
        return reach > np.take_along_axis(worst, grown.lanes // self.machine.states, axis=1)


def _best_of_each(
    kinds: NDArray[np.int64], ranks: NDArray[np.float64], count: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The places of the `width` best of each of `count` kinds, kind by kind, and whether there are so many: (P, count * width).

    `ranks` (P, C) are what is ranked, `kinds` (P, C) 0 to `count`, of which the last is not asked for. Equal ones come in the
    order of their places; where there is none the place is 0.
    """
    photos, size = ranks.shape
    order = np.argsort(-ranks, axis=1, kind="stable")
    by_kind = np.argsort(np.take_along_axis(kinds, order, axis=1).astype(np.int16), axis=1, kind="stable")
    order = np.take_along_axis(order, by_kind, axis=1)
    numbered = kinds + np.arange(photos)[:, None] * (count + 1)
    counts = np.bincount(numbered.ravel(), minlength=photos * (count + 1)).reshape(photos, count + 1)
    firsts = np.cumsum(counts, axis=1) - counts
    there = np.arange(width) < counts[:, :count, None]  # (P, count, W)
    at = np.where(there, firsts[:, :count, None] + np.arange(width), 0).reshape(photos, -1)
    there = there.reshape(photos, -1)
    best = np.take_along_axis(order, at, axis=1) if size else at
    return np.where(there, best, 0), there


def _in_turn(groups: list[list[Hypothesis]], num: int) -> list[Hypothesis]:
    """Each group's best, then each group's second ..., `num` different ones, ordered by score."""
    different: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in chain.from_iterable(zip_longest(*groups)):
        if hypothesis is not None and len(different) < num:
            different.setdefault(hypothesis.tokens, hypothesis)
    return sorted(different.values(), key=lambda hypothesis: -hypothesis.score)
