"""How sure a corpus score is, and a difference between two systems: resampling over images.

Confidence intervals are percentiles of the bootstrap (Efron and Tibshirani 1993, "An introduction to the bootstrap",
chapter 13). Two systems are compared on the same resampled images, as Koehn 2004 ("Statistical significance tests for
machine translation evaluation") does, with the p-value of Berg-Kirkpatrick, Burkett and Klein 2012 ("An empirical
investigation of statistical significance in NLP"): how often a resampled difference is away from the observed one by at
least as much as that is from 0. The second test is approximate randomisation (Noreen 1989; Riezler and Maxwell 2005, "On
some pitfalls in automatic evaluation and significance testing for MT"): how often a difference at least as large comes
about where it is left to chance, image by image, which system said which caption.

Only the images are resampled: words weigh in CIDEr as they do in the whole corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pictell.errors import PictellError
from pictell.metrics.ngrams import Floats

RESAMPLES = 1000
LEVEL = 0.95

# How many drawn images are held at once, which bounds the memory.
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class CorpusScore:
    """A corpus score, as a function of what the images add up to.

    `per_image` is `(I, S)`, S numbers of each image; `of_sums` takes B sums of them over images, `(B, S)`, and gives B
    scores, `(B,)`.
    """

    per_image: Floats
    of_sums: Callable[[Floats], Floats]

    def value(self) -> float:
        """The score of the corpus itself."""
        return float(self.of_sums(self.per_image.sum(axis=0, keepdims=True))[0])


@dataclass(frozen=True)
class Comparison:
    """Two systems' scores on the same images.

    `difference` is the first's less the second's and `interval` where it is likely to be. The two p-values (0..1) are
    two-sided: `bootstrap` and `randomisation` say how likely so large a difference would be if there were none.
    """

    difference: float
    interval: tuple[float, float]
    bootstrap: float
    randomisation: float


def mean_score(per_image: ArrayLike) -> CorpusScore:
    """The corpus score that is the mean of the images' scores, `(I,)`, such as CIDEr-D or ROUGE-L."""
    values = np.asarray(per_image, dtype=np.float64)
    return CorpusScore(np.stack([values, np.ones_like(values)], axis=1), lambda sums: sums[:, 0] / sums[:, 1])


def intervals(
    scores: Mapping[str, CorpusScore], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The interval in which each score lies with the probability `level`, by the percentile bootstrap over images.

    All scores must be of the same images, which are drawn `resamples` times. The same seed gives the same intervals.
    Raises `PictellError` (`"resamples"`, `"images"`).
    """
    images = _images(scores.values(), resamples)
    found: dict[str, list[Floats]] = {name: [] for name in scores}
    for weights in _draws(images, resamples, np.random.default_rng(seed)):
        for name, score in scores.items():
            found[name].append(score.of_sums(weights @ score.per_image))
    return {name: _percentiles(np.concatenate(parts), level) for name, parts in found.items()}


def compare(
    first: Mapping[str, CorpusScore],
    second: Mapping[str, CorpusScore],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Compare two systems by every score, on the same images in the same order.

    With R resamples no p-value is below `1 / (R + 1)`. The same seed gives the same numbers. Raises `PictellError`
    (`"resamples"`, `"images"`).
    """
    images = _images([*first.values(), *second.values()], resamples)
    random = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in first}
    swapped: dict[str, list[Floats]] = {name: [] for name in first}
    for weights in _draws(images, resamples, random):
        for name, score in first.items():
            other = second[name]
            drawn[name].append(score.of_sums(weights @ score.per_image) - other.of_sums(weights @ other.per_image))
    for kept in _coins(images, resamples, random):
        for name, score in first.items():
            other = second[name]
            own, others = kept @ score.per_image, kept @ other.per_image
            both = score.per_image.sum(axis=0) + other.per_image.sum(axis=0)
            # What is not kept is swapped: the first system's sums hold the rest of the second's, and the reverse.
            mixed = own + other.per_image.sum(axis=0) - others
            swapped[name].append(score.of_sums(mixed) - other.of_sums(both - mixed))
    return {
        name: _compared(
            score.value() - second[name].value(), np.concatenate(drawn[name]), np.concatenate(swapped[name]), level
        )
        for name, score in first.items()
    }


def _compared(difference: float, drawn: Floats, swapped: Floats, level: float) -> Comparison:
    # Where sums differ only in the order in which they were added, their last digits do.
    least = abs(difference) * (1 - 1e-9)
    return Comparison(
        difference,
        _percentiles(drawn, level),
        _p_value(np.abs(drawn - difference) >= least),
        _p_value(np.abs(swapped) >= least),
    )


def _p_value(as_large: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """The observed difference counts among the others, so that no p-value is 0 (Noreen 1989)."""
    return (int(as_large.sum()) + 1) / (len(as_large) + 1)


def _percentiles(values: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def _images(scores: Iterable[CorpusScore], resamples: int) -> int:
    if resamples < 1:
        raise PictellError("resamples", f"{resamples} resamples tell nothing: take at least 1, better {RESAMPLES}")
    numbers = {len(score.per_image) for score in scores}
    if len(numbers) != 1 or 0 in numbers:
        raise PictellError("images", "scores can be resampled together only where they are of the same images")
    return numbers.pop()


def _draws(images: int, resamples: int, random: np.random.Generator) -> Iterator[Floats]:
    """How often each resample has each image, `(B, I)` at a time."""
    for rows in _batches(images, resamples):
        drawn = random.integers(images, size=(rows, images)) + np.arange(rows)[:, None] * images
        counts = np.bincount(drawn.ravel(), minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float64)


def _coins(images: int, resamples: int, random: np.random.Generator) -> Iterator[Floats]:
    """A 1 for each image that stays with its system and a 0 for each that is swapped, `(B, I)` at a time."""
    for rows in _batches(images, resamples):
        yield random.integers(2, size=(rows, images)).astype(np.float64)


def _batches(images: int, resamples: int) -> Iterator[int]:
    at_once = max(1, _AT_ONCE // images)
    for done in range(0, resamples, at_once):
        yield min(at_once, resamples - done)
