"""What a sequence may not say next, and whether it may end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pictell.decoding.options import SearchOptions


class Rules:
    """The conditions of `SearchOptions` that a sequence's own tokens decide."""

    def __init__(self, options: SearchOptions, vocabulary_size: int) -> None:
        self._options = options
        alone = {phrase[0] for phrase in options.banned if len(phrase) == 1}
        never = {*options.never, options.end, *alone}
        self.barred = np.array(sorted(t for t in never if t < vocabulary_size), dtype=np.int64)
        self._phrases = [np.array(phrase, dtype=np.int64) for phrase in options.banned if len(phrase) > 1]
        self._not_last = np.array(options.not_last, dtype=np.int64)
        self._repeatable = np.zeros(vocabulary_size, dtype=bool)
        self._repeatable[list(options.repeatable)] = True

    def follow(self, log_probs: NDArray[np.float32], tokens: NDArray[np.int64]) -> None:
        """Sets to -inf what `not_after` names, the end perhaps among it; shapes are those of `bar`."""
        if self._options.not_after is not None:
            for row, sequence in zip(log_probs, tokens.tolist(), strict=True):
                row[self._options.not_after(sequence)] = -np.inf

    def bar(self, log_probs: NDArray[np.float32], tokens: NDArray[np.int64]) -> None:
        """Sets to -inf what cannot follow: `log_probs` (N, V) is that of each row's next token, `tokens` (N, T) its own.

        The end is among it; `may_end` has to do with that.
        """
        length = tokens.shape[1]
        if length < len(self._options.beginning):
            forced = self._options.beginning[length]
            kept = log_probs[:, forced].copy()
            log_probs[:] = -np.inf
            log_probs[:, forced] = kept
            return
        log_probs[:, self.barred] = -np.inf
        if length == self._options.max_words - 1:
            log_probs[:, self._not_last] = -np.inf  # it would have to be the last
        for phrase in self._phrases:
            if length >= len(phrase) - 1:
                begun = (tokens[:, length - len(phrase) + 1 :] == phrase[:-1]).all(axis=1)
                log_probs[begun, phrase[-1]] = -np.inf
        if self._options.no_repeat:
            self._bar_repetition(log_probs, tokens, self._options.no_repeat)

    def _bar_repetition(self, log_probs: NDArray[np.float32], tokens: NDArray[np.int64], n: int) -> None:
        length = tokens.shape[1]
        if length < n:
            return
        last = tokens[:, length - n + 1 :]  # (N, n - 1)
        plain = self._repeatable[last].all(axis=1)  # (N,)
        for at in range(length - n + 1):
            following = tokens[:, at + n - 1]  # (N,)
            again = (tokens[:, at : at + n - 1] == last).all(axis=1) & ~(plain & self._repeatable[following])
            log_probs[again, following[again]] = -np.inf

    def may_end(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_] | bool:
        """Whether each sequence of `tokens` (..., T) may end now: (...), or one answer for all."""
        length = tokens.shape[-1]
        if length < max(self._options.min_words, len(self._options.beginning)):
            return False
        if length and self._not_last.size:
            whole: NDArray[np.bool_] = ~np.isin(tokens[..., -1], self._not_last)
            return whole
        return True
