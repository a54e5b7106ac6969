"""CIDEr-D (Vedantam, Zitnick and Parikh 2015, "CIDEr: consensus-based image description evaluation", section 7).

An n-gram weighs by how seldom it is: its idf is `log(images) - log(images whose references hold it)`. For each order
1..4 the candidate's and a reference's tf-idf vectors are compared by their cosine, the candidate's entries clipped to
the reference's, times a gaussian of the difference in length; the score is 10 times the mean over orders and
references.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pictell.errors import PictellError
from pictell.metrics.ngrams import (
    ORDERS,
    Counts,
    Floats,
    Integers,
    Numbering,
    Tokens,
    check_candidates,
    check_references,
    lengths_of,
    pair,
    unpair,
)

VERSION = "pictell-cider-d 1"

_SIGMA = 6.0
_SCALE = 10.0


@dataclass(frozen=True)
class _Order:
    """The references' n-grams of one order: R rows, sorted by image and n-gram."""

    weights: Floats  # (K,), each n-gram's squared idf
    place: Integers  # (R,), image and n-gram as a pair
    reference: Integers  # (R,), which caption this row is of
    count: Integers  # (R,)
    share: Floats  # (R,), what one match adds to the cosine, before the candidate's norm divides it


class CiderD:
    """CIDEr-D against fixed references, which are counted and weighted once however often candidates are scored.

    `references` holds, for each image, its reference captions as lists of words; together they are the corpus that the
    idf is taken from. Raises `PictellError` (`"empty"`, `"no-references"`) where there is no image, or an image
    without references. In a corpus of one image every idf is `log 1 - log 1 = 0`: it warns, and all scores are 0.
    """

    def __init__(self, references: Sequence[Sequence[Tokens]]) -> None:
        check_references(references)
        if len(references) == 1:
            warnings.warn("CIDEr-D of one image is always 0: its word weights need several images", stacklevel=2)
        captions = list(chain.from_iterable(references))
        self._references = lengths_of(references)  # (I,), captions of each image
        self._lengths = _caption_lengths(captions)  # (C,)
        # One table, so that the idf of an n-gram which all images have is exactly 0.
        self._logs = np.log(np.arange(1, len(references) + 1))  # (I,)
        self._numbering = Numbering()
        image = np.repeat(np.arange(len(references)), self._references)  # (C,)
        self._orders = [self._weigh(counts, image) for counts in self._numbering.learn(captions)]

    def score(self, candidates: Sequence[Tokens]) -> tuple[float, list[float]]:
        """Score one candidate for each image, in the order of the references.

        Gives the corpus's score, which is the mean of the images', and each image's, all in 0..10. Raises
        `PictellError` (`"missing-candidates"`) where the number of candidates is not that of the images.
        """
        check_candidates(candidates, len(self._references))
        per_image = self.score_images(range(len(candidates)), candidates)
        return float(np.mean(per_image)), per_image

    def score_images(self, images: Sequence[int], candidates: Sequence[Tokens]) -> list[float]:
        """Score candidates for some of the images, with the idf of the whole corpus.

        `images` are places in the references, in any order and as often as wanted, one for each of `candidates`: a
        trainer scores a batch of samples so. Gives one score (0..10) a candidate. Raises `PictellError`
        (`"missing-candidates"`, `"no-references"`) where the two differ in number or a place does not exist.
        """
        check_candidates(candidates, len(images))
        chosen = np.asarray(images, dtype=np.int64)  # (N,)
        if np.any((chosen < 0) | (chosen >= len(self._references))):
            raise PictellError("no-references", f"only images 0 to {len(self._references) - 1} have references")
        lengths = _caption_lengths(candidates)  # (N,)
        total = np.zeros(len(candidates))
        for order, counts in zip(self._orders, self._numbering.count(candidates), strict=True):
            total += self._similarities(order, counts, chosen, lengths)
        scores: list[float] = (_SCALE * total / (ORDERS * self._references[chosen])).tolist()
        return scores

    def _weigh(self, counts: Counts, image: Integers) -> _Order:
        """Weigh the references' n-grams of one order; `image` says whose each reference is."""
        place = pair(image[counts.caption], counts.ngram)  # (R,)
        _, ngram = unpair(np.unique(place))
        holding = np.bincount(ngram, minlength=counts.known)  # (K,), images that have each n-gram
        weights: Floats = (self._logs[-1] - self._logs[holding - 1]) ** 2  # (K,)
        weighted: Floats = counts.count * weights[counts.ngram]  # (R,)
        norms = np.sqrt(np.bincount(counts.caption, counts.count * weighted, minlength=len(image)))  # (C,)
        share = _divide(weighted, norms[counts.caption])
        rows = np.argsort(place, kind="stable")
        return _Order(weights, place[rows], counts.caption[rows], counts.count[rows], share[rows])

    def _similarities(self, order: _Order, counts: Counts, images: Integers, lengths: Integers) -> Floats:
        """For each candidate its similarity to each of its image's references, summed, in one order, `(N,)`.

        `counts` are the candidates' n-grams. Both vectors carry the same idf, so the clipped product
        `min(candidate, reference) * reference` of two tf-idf entries is that of the counts times the squared idf.
        """
        unseen = self._logs[-1] ** 2
        weights = np.append(order.weights, unseen)[np.minimum(counts.ngram, counts.known)]
        norms = np.sqrt(np.bincount(counts.caption, counts.count**2 * weights, minlength=len(images)))  # (N,)
        place = pair(images[counts.caption], counts.ngram)
        first = np.searchsorted(order.place, place)
        found = np.searchsorted(order.place, place, side="right") - first  # references that share each n-gram
        own = np.repeat(np.arange(len(place)), found)  # (M,), each match's row among the candidates'
        other = np.arange(len(own)) + np.repeat(first - np.cumsum(found) + found, found)  # (M,), and the references'
        candidate = counts.caption[own]
        apart = lengths[candidate] - self._lengths[order.reference[other]]
        gaussian = np.exp(-(apart**2) / (2 * _SIGMA**2))
        shared = np.minimum(counts.count[own], order.count[other]) * order.share[other] * gaussian
        return _divide(np.bincount(candidate, shared, minlength=len(images)), norms)


def _divide(above: Floats | Integers, below: Floats) -> Floats:
    """Divide, with 0 where a norm is 0: a caption whose n-grams all weigh nothing is like no other."""
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def _caption_lengths(captions: Sequence[Tokens]) -> Integers:
    """Lengths as the published evaluation measures them: in bigrams, so 0 for one word as for none."""
    return np.maximum(lengths_of(captions) - 1, 0)
