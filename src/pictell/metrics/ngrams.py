"""N-grams as numbers: what BLEU and CIDEr both count, in arrays, so that a large corpus stays small and quick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from pictell.errors import PictellError
from pictell.metrics.frequencies import DocumentFrequencies

ORDERS = 4
"""The longest n-gram that is counted; the metrics use the orders 1, 2, 3 and 4."""

Tokens = Sequence[Hashable]
"""One caption, as its words or as the numbers of its words."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """The n-grams of one order in some captions: R rows, each saying which caption has which n-gram how often.

    Rows are sorted by n-gram, then by caption, and no such pair comes twice. N-grams are numbered from 0 to below
    `known`; higher numbers are those of n-grams which the numbering had not met, and hold for these rows only.
    """

    ngram: Integers  # (R,)
    caption: Integers  # (R,)
    count: Integers  # (R,), at least 1
    known: int


class References:
    """The captions that people wrote, each word and n-gram numbered and counted once for all metrics and candidates.

    `captions` holds, for each of I images, its references as lists of words; C in all. `frequencies` says in how many
    images of another corpus each n-gram stands, instead of in how many of these. Raises `PictellError` (`"empty"`,
    `"no-references"`) where there is no image, or an image without references.
    """

    def __init__(self, captions: Sequence[Sequence[Tokens]], frequencies: DocumentFrequencies | None = None) -> None:
        if not captions:
            raise PictellError("empty", "there is nothing to score: no image has references")
        for number, own in enumerate(captions):
            if not own:
                raise PictellError("no-references", f"image {number} has no references: give each image at least one")
        self.each: Integers = lengths_of(captions)  # (I,), how many captions each image has
        self.image: Integers = np.repeat(np.arange(len(captions)), self.each)  # (C,), whose each caption is
        flat = list(chain.from_iterable(captions))
        self.lengths: Integers = lengths_of(flat)  # (C,), in words
        numbers: defaultdict[Hashable, int] = defaultdict(count().__next__)
        self.words: Integers = _number(numbers.__getitem__, flat, self.lengths)  # (T,), all captions' words in a row
        self.corpus_images = len(captions) if frequencies is None else frequencies.images
        self._foreign: _Foreign | None = None
        if frequencies is not None:
            lengths = lengths_of(list(frequencies.counts))
            words = _number(numbers.__getitem__, list(frequencies.counts), lengths)
            images = np.fromiter(frequencies.counts.values(), np.int64, len(frequencies.counts))
            self._foreign = _Foreign(words, lengths, images)
        self._numbers = dict(numbers)
        # For the orders from 2 up. An n-gram's key holds the number of all its words but the last and, in its lowest
        # bits, that of the last; keys are sorted, and the n-gram's own number is the place of its key.
        self._keys: list[Integers] = []
        self._bits = len(numbers).bit_length()

    def __len__(self) -> int:
        return len(self.each)

    @property
    def ngrams(self) -> list[Counts]:
        """The references' n-grams, one `Counts` an order; its captions are numbered from 0 to below C."""
        return self._counted[0]

    @property
    def frequencies(self) -> list[Integers]:
        """For each order, in how many images of the corpus each n-gram stands, `(K,)`."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[list[Counts], list[Integers]]:
        if self._foreign is None:
            own = list(self._count(self.words, self.lengths, learn=True))
            return own, [self._images_with(counts) for counts in own]
        # The other corpus's n-grams are numbered with ours, as if each were a caption that comes after all of ours.
        words = np.concatenate([self.words, self._foreign.words])
        lengths = np.concatenate([self.lengths, self._foreign.lengths])
        counted: tuple[list[Counts], list[Integers]] = [], []
        for order, counts in enumerate(self._count(words, lengths, learn=True), start=1):
            ours = counts.caption < len(self.lengths)
            counted[0].append(Counts(counts.ngram[ours], counts.caption[ours], counts.count[ours], counts.known))
            entry = counts.caption[~ours] - len(self.lengths)
            whole = self._foreign.lengths[entry] == order
            frequencies = np.zeros(counts.known, dtype=np.int64)
            frequencies[counts.ngram[~ours][whole]] = self._foreign.images[entry[whole]]
            counted[1].append(frequencies)
        return counted

    def _images_with(self, counts: Counts) -> Integers:
        pairs = pair(counts.ngram, self.image[counts.caption])
        return np.bincount(unpair(pairs[runs(pairs)])[0], minlength=counts.known)

    def count(self, candidates: Candidates) -> list[Counts]:
        """The n-grams of candidates, met in the references or not, one `Counts` an order."""
        assert self._counted  # numbers the keys
        return list(self._count(candidates.words, candidates.lengths, learn=False))

    def number(self, captions: Sequence[Tokens]) -> Candidates:
        """Number the words of other captions; a word that no reference has gets a number above all of theirs."""
        lengths = lengths_of(captions)
        new: defaultdict[Hashable, int] = defaultdict(count(len(self._numbers)).__next__)

        def number(word: Hashable) -> int:
            found = self._numbers.get(word)
            return new[word] if found is None else found

        return Candidates(self, _number(number, captions, lengths), lengths)

    def _count(self, words: Integers, lengths: Integers, *, learn: bool) -> Iterator[Counts]:
        caption = np.repeat(np.arange(len(lengths)), lengths)  # (T,), the caption of each word
        stop = np.cumsum(lengths)[caption]  # (T,), where that caption ends
        start = np.arange(len(words))  # (S,), the places where n-grams start
        number = words  # (S,), the n-grams that start there
        known = len(self._numbers)
        yield _tally(number, caption, known)
        for order in range(2, ORDERS + 1):
            fits = start + order <= stop[start]
            start = start[fits]
            before, last = number[fits], words[start + order - 1]
            if learn:
                keys, number = rank(before << self._bits | last)
                self._keys.append(keys)
            else:
                number = self._place(self._keys[order - 2], before, known, last)
            known = len(self._keys[order - 2])
            yield _tally(number, caption[start], known)

    def _place(self, keys: Integers, before: Integers, known: int, last: Integers) -> Integers:
        """The numbers of n-grams by those of their words `before` and of their `last` word; new ones get higher numbers."""
        new = (before >= known) | (last >= len(self._numbers))
        sought = before[~new] << self._bits | last[~new]
        number = np.zeros(len(before), dtype=np.int64)
        number[~new], new[~new] = find(keys, sought)
        number[new] = len(keys) + rank(pair(before[new], last[new]))[1]
        return number


@dataclass(frozen=True)
class _Foreign:
    """The n-grams of another corpus: F of them, W words in all."""

    words: Integers  # (W,), in a row
    lengths: Integers  # (F,), in words
    images: Integers  # (F,), how many images have each


@dataclass(frozen=True)
class Candidates:
    """Captions to be scored, their words numbered as those of `references`; N captions of T words in all."""

    references: References
    words: Integers  # (T,), all captions' words in a row
    lengths: Integers  # (N,), in words

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def ngrams(self) -> list[Counts]:
        """Their n-grams, one `Counts` an order."""
        return self.references.count(self)


def as_references(captions: References | Sequence[Sequence[Tokens]]) -> References:
    """References that may have been counted already."""
    return captions if isinstance(captions, References) else References(captions)


def as_candidates(captions: Candidates | Sequence[Tokens], references: References, images: int) -> Candidates:
    """Candidates that may have been numbered already, for the given references.

    Raises `PictellError` (`"missing-candidates"`) unless there is one for each of the `images`.
    """
    if len(captions) != images:
        raise PictellError(
            "missing-candidates",
            f"{len(captions)} candidates for {images} images: give one for each, in the order of the references",
        )
    if isinstance(captions, Candidates):
        if captions.references is not references:
            raise ValueError("these candidates were numbered for other references")
        return captions
    return references.number(captions)


def lengths_of(lists: Sequence[Sequence[object]]) -> Integers:
    """How many items each list has, such as each caption words: `(len(lists),)`."""
    return np.fromiter(map(len, lists), np.int64, len(lists))


def pair(high: Integers, low: Integers) -> Integers:
    """One number for each two, all from 0 to below `2 ** 31`, which sorts as the pair `(high, low)` does."""
    return np.left_shift(high, 31, dtype=np.int64) | low


def unpair(pairs: Integers) -> tuple[Integers, Integers]:
    """Undo `pair`."""
    return pairs >> 31, pairs & (2**31 - 1)


def runs(ordered: Integers) -> Integers:
    """Where each run of equal numbers begins in an ordered array."""
    if len(ordered) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def rank(keys: Integers) -> tuple[Integers, Integers]:
    """The different keys (none negative), sorted, and for each key its place among them."""
    if len(keys) == 0:
        return keys, keys
    bits = len(keys).bit_length()
    if int(keys.max()).bit_length() + bits > 63:
        distinct, places = np.unique(keys, return_inverse=True)
        return distinct, places.astype(np.int64, copy=False)
    # Each key carries its place in its lowest bits: to sort numbers in place is several times as fast as to sort places.
    packed = keys << bits | np.arange(len(keys))
    packed.sort()
    ordered = packed >> bits
    first = runs(ordered)
    places = np.empty(len(keys), dtype=np.int64)
    places[packed & (2**bits - 1)] = np.repeat(np.arange(len(first)), np.diff(first, append=len(keys)))
    return ordered[first], places


def find(keys: Integers, sought: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """For each number sought its place among sorted keys, and whether it is missing there."""
    place = np.searchsorted(keys, sought)
    if len(keys) == 0:
        return place, np.ones(len(sought), dtype=bool)
    return place, keys[np.minimum(place, len(keys) - 1)] != sought


def _number(number: Callable[[Hashable], int], captions: Sequence[Tokens], lengths: Integers) -> Integers:
    return np.fromiter(map(number, chain.from_iterable(captions)), np.int64, int(lengths.sum()))


def _tally(number: Integers, caption: Integers, known: int) -> Counts:
    pairs = pair(number, caption)
    pairs.sort()
    first = runs(pairs)
    return Counts(*unpair(pairs[first]), np.diff(first, append=len(pairs)), known)
