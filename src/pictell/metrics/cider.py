"""CIDEr and CIDEr-D (Vedantam, Zitnick and Parikh 2015, "CIDEr: consensus-based image description evaluation").

An n-gram weighs by how seldom it is: its idf is `log(images) - log(images whose references hold it)`. For each order
1..4 the candidate's and a reference's tf-idf vectors are compared by their cosine, and the score is 10 times the mean
over orders and references. CIDEr-D (section 7), which the COCO caption evaluation prints as "CIDEr", clips the
candidate's entries to the reference's, so that repeating a word gains nothing, and multiplies by a gaussian of the
difference in length.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pictell.errors import PictellError
from pictell.metrics.ngrams import (
    ORDERS,
    ByImage,
    Candidates,
    Counts,
    Floats,
    Integers,
    References,
    Tokens,
    as_candidates,
    as_references,
    find,
    pair,
)

_SIGMA = 6.0
_SCALE = 10.0


@dataclass(frozen=True)
class _Order:
    """The references' n-grams of one order, R rows in the order of their `Counts`."""

    weights: Floats  # (K,), each n-gram's squared idf
    reference: Integers  # (R,), which caption this row is of
    count: Integers  # (R,)
    share: Floats  # (R,), what one match adds to the cosine, before the candidate's norm divides it


class Cider:
    """CIDEr against fixed references, which are counted and weighted once however often candidates are scored.

    The words are taken as they are: the paper stems them first, the public programs do not.

    `references` holds, for each image, its reference captions as lists of words; or they are `References` that other
    metrics use too. Together they are the corpus that the idf is taken from, unless they come with document
    frequencies of their own. Raises `PictellError` (`"empty"`, `"no-references"`) where there is no image, or an image
    without references. In a corpus of one image every idf is `log 1 - log 1 = 0`: it warns, and all scores are 0.
    """

    NAME = "CIDEr"
    VERSION = "pictell-cider 1"
    _clips = False

    def __init__(self, references: References | Sequence[Sequence[Tokens]]) -> None:
        self._references = as_references(references)
        if self._references.corpus_images == 1:
            warnings.warn(f"{self.NAME} of one image is always 0: its word weights need several images", stacklevel=2)
        # One table, so that the idf of an n-gram which all images have is exactly 0.
        self._logs = np.log(np.arange(1, self._references.corpus_images + 1))
        self._lengths = _in_bigrams(self._references.lengths)  # (C,)
        self._orders = [
            self._weigh(counts, frequencies)
            for counts, frequencies in zip(self._references.ngrams, self._references.frequencies, strict=True)
        ]

    def score(self, candidates: Candidates | Sequence[Tokens]) -> tuple[float, list[float]]:
        """Score one candidate for each image, in the order of the references.

        Gives the corpus's score, which is the mean of the images', and each image's, all in 0..10. Raises
        `PictellError` (`"missing-candidates"`) where the number of candidates is not that of the images.
        """
        per_image = self.score_images(range(len(self._references)), candidates)
        return float(np.mean(per_image)), per_image

    def score_images(self, images: Sequence[int], candidates: Candidates | Sequence[Tokens]) -> list[float]:
        """Score candidates for some of the images, with the idf of the whole corpus.

        `images` are places in the references, in any order and as often as wanted, one for each of `candidates`: a
        trainer scores a batch of samples so. Gives one score (0..10) a candidate. Raises `PictellError`
        (`"missing-candidates"`, `"no-references"`) where the two differ in number or a place does not exist.
        """
        own = as_candidates(candidates, self._references, len(images))
        chosen = np.asarray(images, dtype=np.int64)  # (N,)
        if np.any((chosen < 0) | (chosen >= len(self._references))):
            raise PictellError("no-references", f"only images 0 to {len(self._references) - 1} have references")
        lengths = _in_bigrams(own.lengths)  # (N,)
        total = np.zeros(len(own))
        for order, by_image, counts in zip(self._orders, self._references.by_image, own.ngrams, strict=True):
            total += self._similarities(order, by_image, counts, chosen, lengths)
        scores: list[float] = (_SCALE * total / (ORDERS * self._references.each[chosen])).tolist()
        return scores

    def _weigh(self, counts: Counts, frequencies: Integers) -> _Order:
        """Weigh the references' n-grams of one order by how many images of the corpus have them."""
        weights: Floats = (self._logs[-1] - self._logs[np.clip(frequencies, 1, len(self._logs)) - 1]) ** 2  # (K,)
        weighted: Floats = counts.count * weights[counts.ngram]  # (R,)
        norms = np.sqrt(np.bincount(counts.caption, counts.count * weighted, minlength=len(self._lengths)))  # (C,)
        share = _divide(weighted, norms[counts.caption])
        return _Order(weights, counts.caption, counts.count, share)

    def _similarities(
        self, order: _Order, by_image: ByImage, counts: Counts, images: Integers, lengths: Integers
    ) -> Floats:
        """For each candidate its similarity to each of its image's references, summed, in one order, `(N,)`.

        `counts` are the candidates' n-grams. Both vectors carry the same idf, so the product of two tf-idf entries is
        that of the counts times the squared idf.
        """
        weights = np.append(order.weights, self._logs[-1] ** 2)[np.minimum(counts.ngram, counts.known)]
        norms = np.sqrt(np.bincount(counts.caption, counts.count**2 * weights, minlength=len(images)))  # (N,)
        place, missing = find(by_image.place, pair(counts.ngram, images[counts.caption]))
        met = np.flatnonzero(~missing)
        rows = by_image.rows[place[met]]  # references that share each n-gram
        own = np.repeat(met, rows)  # (M,), each match's row among the candidates'
        first = by_image.first[place[met]]
        other = np.arange(len(own)) + np.repeat(first - np.cumsum(rows) + rows, rows)  # (M,), and the references'
        candidate = counts.caption[own]
        times = counts.count[own]
        shared = order.share[other]
        if self._clips:
            apart = lengths[candidate] - self._lengths[order.reference[other]]
            times = np.minimum(times, order.count[other])
            shared = shared * np.exp(-(apart**2) / (2 * _SIGMA**2))
        return _divide(np.bincount(candidate, times * shared, minlength=len(images)), norms)


class CiderD(Cider):
    """CIDEr-D, otherwise like `Cider`: what the COCO caption evaluation calls CIDEr."""

    NAME = "CIDEr-D"
    VERSION = "pictell-cider-d 1"
    _clips = True


def _divide(above: Floats | Integers, below: Floats) -> Floats:
    """Divide, with 0 where a norm is 0: a caption whose n-grams all weigh nothing is like no other."""
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def _in_bigrams(lengths: Integers) -> Integers:
    """Lengths as the published evaluation measures them: in bigrams, so 0 for one word as for none."""
    return np.maximum(lengths - 1, 0)
