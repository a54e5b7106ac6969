"""METEOR 1.5 for English, without Java.

Written from the published description and from what the published program prints, not from its source. Its data are read
from the installed `pycocoevalcap` wheel (`pip install 'pictell[metrics]'`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pictell.errors import PictellError
from pictell.files import cache_folder
from pictell.metrics.meteor.align import align
from pictell.metrics.meteor.data import MeteorFiles, Progress
from pictell.metrics.meteor.matchers import PhraseMatcher, Phrases, WordMatcher, snowball_stemmer
from pictell.metrics.meteor.normalise import meteor_words
from pictell.metrics.meteor.score import DELTA, WEIGHTS, Statistics, from_statistics

VERSION = "meteor-1.5-en"

_MOST_MATCHES = 100_000
"""More pairs of equal words than this, as only captions of very many words have, would take minutes to align."""

__all__ = ["VERSION", "Meteor", "from_statistics"]


class Meteor:
    """METEOR of captions against references that are prepared once.

    `references` gives, for each image, one or more captions as Penn Treebank tokens. At its first use on a machine the
    table of paraphrases is indexed into the user's cache (some 15 seconds, 55 MB); `progress` is then called with the bytes
    read and all bytes. `files` are the data where they are not the installed ones.

    Captions of a thousand words and more that repeat each other's words are refused (`"too-long"`, on scoring).

    Raises `MissingExtraError` where PyStemmer or pycocoevalcap is not installed, and `PictellError` (`"damaged"`,
    `"not-writable"`) where the data cannot be read or their index cannot be kept.
    """

    def __init__(
        self,
        references: Sequence[Sequence[Sequence[str]]],
        *,
        progress: Progress | None = None,
        files: MeteorFiles | None = None,
    ) -> None:
        stem = snowball_stemmer()
        files = files or MeteorFiles.installed()
        self.version = f"{VERSION}, data {files.tag()}"
        """`VERSION` and a checksum of the data: scores may be compared where both agree."""
        self._phrase_matcher = PhraseMatcher(files.paraphrases(cache_folder(), progress))
        self._word_matcher = WordMatcher(files.words(), stem)
        self._references = self._prepare([caption for captions in references for caption in captions])
        self._word_matcher.learn({word for reference in self._references for word in reference.words})
        self._counts = [len(captions) for captions in references]

    def score(self, candidates: Sequence[Sequence[str]]) -> tuple[float, list[float]]:
        """The corpus score and one score an image, all from 0 to 1.

        `candidates` gives the tokens of one caption an image, in the order of the references. An image's score is that of
        its best reference; the corpus score is that of the summed statistics, not the mean.
        """
        statistics = self.statistics(candidates)  # (I, 9)
        corpus = from_statistics(statistics.sum(axis=0, keepdims=True))  # (1,)
        return float(corpus[0]), from_statistics(statistics).tolist()

    def statistics(self, candidates: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """What each image is scored by, (I, 9): the `Statistics` of its best reference, or zeros where it has none.

        `from_statistics` gives the score of any sum of these rows.
        """
        pairs: list[Statistics] = []
        begin = 0
        for candidate, count in zip(self._prepare(candidates), self._counts, strict=True):
            pairs += [self._statistics(reference, candidate) for reference in self._references[begin : begin + count]]
            begin += count
        rows = np.array([*pairs, Statistics()], np.float64)  # (P + 1, 9); the last is that of no reference
        scores = from_statistics(rows).tolist()  # (P + 1,)
        best: list[int] = []
        begin = 0
        for count in self._counts:
            best.append(max(range(begin, begin + count), key=scores.__getitem__, default=len(pairs)))
            begin += count
        return rows[best] if best else rows[:0]

    def _prepare(self, captions: Sequence[Sequence[str]]) -> list[_Sentence]:
        words = [meteor_words(caption) for caption in captions]
        matcher = self._word_matcher
        return [
            _Sentence(own, phrases, [matcher.is_function_word(word) for word in own])
            for own, phrases in zip(words, self._phrase_matcher.phrases(words), strict=True)
        ]

    def _statistics(self, reference: _Sentence, candidate: _Sentence) -> Statistics:
        if len(reference.words) * len(candidate.words) > _MOST_MATCHES:
            equal = sum(len(reference.places.get(word, ())) for word in candidate.words)
            if equal > _MOST_MATCHES:
                raise PictellError(
                    "too-long",
                    f"METEOR has {equal} ways to match the words of a caption of {len(candidate.words)} words with those "
                    f"of a reference of {len(reference.words)}: shorten them, or leave METEOR out",
                )
        matches, chunks = align(
            self._word_matcher.matches(reference.places, candidate.words)
            + self._phrase_matcher.matches(reference.phrases, candidate.phrases)
        )
        weighed = reference_weighed = 0.0
        matched = reference_matched = 0
        for start, length, candidate_start, candidate_length, matcher in matches:
            weighed += candidate.weight(candidate_start, candidate_length) * WEIGHTS[matcher]
            reference_weighed += reference.weight(start, length) * WEIGHTS[matcher]
            matched += candidate_length
            reference_matched += length
        if chunks == 1 and matched == len(candidate.words) and reference_matched == len(reference.words):
            chunks = 0
        return Statistics(
            len(candidate.words),
            len(reference.words),
            candidate.function_words,
            reference.function_words,
            weighed,
            reference_weighed,
            matched,
            reference_matched,
            chunks,
        )


class _Sentence:
    """A caption's words, where each of them is, the phrases of the table in it, and what its words weigh."""

    __slots__ = ("_weights", "function_words", "phrases", "places", "words")

    def __init__(self, words: Sequence[str], phrases: Phrases, function: Sequence[bool]) -> None:
        self.words = words
        self.phrases = phrases
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            self.places.setdefault(word, []).append(place)
        self.function_words = sum(function)
        self._weights = [1 - DELTA if each else DELTA for each in function]

    def weight(self, start: int, length: int) -> float:
        return sum(self._weights[start : start + length])
