"""The unfinished sequences of a beam search, and how they may go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.options import SearchOptions


@dataclass(frozen=True, eq=False)
class Grown:
    """How rows may go on: K' ways for each of P photos."""

    parents: NDArray[np.int64]  # (P, K') the rows they grow from
    tokens: NDArray[np.int64]  # (P, K')
    log_probs: NDArray[np.float32]  # (P, K') the tokens'
    totals: NDArray[np.float64]  # (P, K') the grown rows'
    ranked: NDArray[np.float64]  # (P, K') what they were ranked by: the totals, less what repeating other groups costs
    lanes: NDArray[np.int64]  # (P, K')

    @classmethod
    def none(cls, photos: int) -> Grown:
        """No way to go on."""
        none = np.zeros((photos, 0), dtype=np.int64)
        return cls(none, none, none.astype(np.float32), none.astype(np.float64), none.astype(np.float64), none)

    def packed(self, wanted: NDArray[np.bool_], places: NDArray[np.int64]) -> Grown:
        """Those of `places` (P',) that are `wanted` (P, K'); photos with fewer than others are filled up to equally many."""
        if len(places) == len(wanted) and wanted.all():
            return self
        wanted, at = wanted[places], places[:, None]
        order = np.argsort(~wanted, axis=1, kind="stable")[:, : int(wanted.sum(axis=1).max())]
        return Grown(
            self.parents[at, order],
            self.tokens[at, order],
            self.log_probs[at, order],
            np.where(wanted, self.totals[places], -np.inf)[np.arange(len(places))[:, None], order],
            self.ranked[at, order],
            self.lanes[at, order],
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """The unfinished sequences: K for each of P photos, all of T tokens; those with the total -inf are there to fill up."""

    totals: NDArray[np.float64]  # (P, K) log-probability so far
    tokens: NDArray[np.int64]  # (P, K, T)
    log_probs: NDArray[np.float32]  # (P, K, T)
    lanes: NDArray[np.int64]  # (P, K)
    attention: NDArray[np.float32] | None = None  # (P, K, T, R)

    @classmethod
    def empty(cls, photos: int, lanes: NDArray[np.int64]) -> Rows:
        """Sequences of no tokens, one in each of `lanes` (K,)."""
        return cls(
            np.zeros((photos, len(lanes))),
            np.zeros((photos, len(lanes), 0), dtype=np.int64),
            np.zeros((photos, len(lanes), 0), dtype=np.float32),
            np.repeat(lanes[None], photos, axis=0),
        )

    def finish(self, place: int, row: int, end_log_prob: float, options: SearchOptions) -> Hypothesis:
        """A row that ends now."""
        log_prob = float(self.totals[place, row]) + end_log_prob
        tokens = tuple(self.tokens[place, row].tolist())
        return Hypothesis(
            tokens=tokens,
            log_prob=log_prob,
            word_log_probs=(*self.log_probs[place, row].tolist(), end_log_prob),
            score=options.score(log_prob, len(tokens)),
            attention=None if self.attention is None else self.attention[place, row].copy(),
        )

    def carry(self, places: NDArray[np.int64], grown: Grown, looks: NDArray[np.float32] | None) -> Rows:
        """The rows of `places` (P',), grown by a token; `looks` (P * K, R) is where the model looked for it."""
        at, chosen = places[:, None], grown.parents  # (P', 1), (P', K')
        attention = None
        if looks is not None:
            new = looks.reshape(*self.totals.shape, 1, -1)[at, chosen]  # (P', K', 1, R)
            attention = new if self.attention is None else np.concatenate([self.attention[at, chosen], new], axis=2)
        return Rows(
            grown.totals,
            np.concatenate([self.tokens[at, chosen], grown.tokens[..., None]], axis=2),
            np.concatenate([self.log_probs[at, chosen], grown.log_probs[..., None]], axis=2),
            grown.lanes,
            attention,
        )
