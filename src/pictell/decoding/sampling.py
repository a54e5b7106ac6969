"""Sequences drawn at random from the model's distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.hypothesis import Hypothesis
from pictell.decoding.options import Sampling, SearchOptions
from pictell.decoding.rules import Rules
from pictell.decoding.steps import StepFunction
from pictell.errors import PictellError

MemoryT = TypeVar("MemoryT")
StateT = TypeVar("StateT")


def sample(
    engine: StepFunction[MemoryT, StateT],
    memory: MemoryT,
    options: SearchOptions,
    photos: Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """`options.num` sequences for each photo in `memory`, in the order drawn, drawn as `options.sampling` says.

    What the options bar is never drawn; the log-probabilities are the model's own all the same. `photos` gives each photo
    a number (>= 0; its place if `None`). Seed, number and place among the samples alone decide what is drawn, so a photo's
    samples depend neither on the others in the batch nor on `num`.

    There are fewer where what is asked for leaves nothing to say.

    Raises:
        PictellError: `not-a-number`, a softmax of the model overflowed.

    """
    sampling = options.sampling or Sampling()
    rules = Rules(options, engine.vocabulary_size)
    numbers = range(engine.count(memory)) if photos is None else photos
    rows = [_Row(np.random.default_rng([sampling.seed, number, at])) for number in numbers for at in range(options.num)]
    if not rows:
        return []
    places = np.repeat(np.arange(len(numbers)), options.num)  # (N,) whose row each is
    state = engine.select(engine.start(memory), places)
    running = np.arange(len(rows))  # (N',) the rows in `state`
    feed = np.full(len(rows), options.start, dtype=np.int64)
    for length in range(options.max_words + 1):
        log_probs, state, attention = engine.step(feed, state)  # (N', V)
        if np.isnan(log_probs).any():
            raise PictellError("not-a-number", "the model gave no number for a log-probability: its files are unfit")
        tokens = np.array([[*rows[row].tokens, *[options.end] * (length - len(rows[row].tokens))] for row in running])
        tokens = tokens.reshape(len(running), length).astype(np.int64)
        allowed = log_probs.copy()
        rules.follow(allowed, tokens)
        ends = allowed[:, options.end].copy()
        if length < options.max_words:
            rules.bar(allowed, tokens)
        else:
            allowed[:] = -np.inf
        allowed[:, options.end] = np.where(rules.may_end(tokens), ends, -np.inf)
        probs = distribution(allowed, sampling)  # (N', V)
        for at, row in enumerate(running.tolist()):
            if rows[row].running:
                looks = attention[at] if options.attention and attention is not None else None
                rows[row].draw(probs[at], log_probs[at], looks, options.end)
        feed = np.array([rows[row].tokens[-1] if rows[row].running else options.end for row in running], dtype=np.int64)
        # A photo's rows stay together until all of them have ended.
        open_photos = {places[row] for row in running.tolist() if rows[row].running}
        kept = np.flatnonzero([places[row] in open_photos for row in running])
        if len(kept) == 0:
            break
        if len(kept) < len(running):
            state, running, feed = engine.select(state, kept), running[kept], feed[kept]
    return [
        [row.finished(options) for row in rows[first : first + options.num] if row.ended]
        for first in range(0, len(rows), options.num)
    ]


def distribution(log_probs: NDArray[np.float32], sampling: Sampling) -> NDArray[np.float64]:
    """The probabilities (N, V) that tokens of `log_probs` (N, V) are drawn with; of equals the lower tokens are left.

    A row of nothing but -inf gives nothing but zeros.
    """
    exact = log_probs.astype(np.float64)
    most = exact.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # at a temperature of next to nothing all but the best are at -inf
        probs = np.exp((exact - np.where(most > -np.inf, most, 0.0)) / sampling.temperature)
    if sampling.top_k is not None or sampling.top_p is not None:
        order = np.argsort(-probs, axis=1, kind="stable")  # (N, V)
        ordered = np.take_along_axis(probs, order, axis=1)
        if sampling.top_k is not None:
            ordered[:, sampling.top_k :] = 0.0
        if sampling.top_p is not None:
            before = np.cumsum(ordered, axis=1) - ordered
            ordered[before >= sampling.top_p * ordered.sum(axis=1, keepdims=True)] = 0.0
        np.put_along_axis(probs, order, ordered, axis=1)
    total = probs.sum(axis=1, keepdims=True)
    normal: NDArray[np.float64] = probs / np.where(total > 0, total, 1.0)
    return normal


class _Row:
    """A sequence that is being drawn, with a generator of its own."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.tokens: list[int] = []
        self.running = True
        self.ended = False
        self._generator = generator
        self._log_probs: list[float] = []
        self._looks: list[NDArray[np.float32]] = []

    def draw(
        self, probs: NDArray[np.float64], log_probs: NDArray[np.float32], looks: NDArray[np.float32] | None, end: int
    ) -> None:
        """Draws the next token by `probs` (V,) and keeps its `log_probs` (V,); the row stops at the end or a dead end."""
        heap = np.cumsum(probs)
        if not heap[-1] > 0:
            self.running = False
            return
        token = int(np.searchsorted(heap, self._generator.random() * heap[-1], side="right"))
        token = min(token, int(np.flatnonzero(probs)[-1]))  # rounding must not lead beyond
        self._log_probs.append(float(log_probs[token]))
        if token == end:
            self.running, self.ended = False, True
            return
        self.tokens.append(token)
        if looks is not None:
            self._looks.append(looks)

    def finished(self, options: SearchOptions) -> Hypothesis:
        log_prob = sum(self._log_probs)
        return Hypothesis(
            tokens=tuple(self.tokens),
            log_prob=log_prob,
            word_log_probs=tuple(self._log_probs),
            score=options.score(log_prob, len(self.tokens)),
            attention=np.stack(self._looks) if self._looks else None,
        )
