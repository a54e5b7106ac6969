"""N-grams as numbers: what BLEU and CIDEr both count, in arrays, so that a large corpus stays small and quick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
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
"""One caption: its words, the numbers of its words, or (then all captions are) a text, its words parted by blanks."""

_END = "\0"  # the word after the last of each caption, while captions are text

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """The n-grams of one order in some captions: R rows, each saying which caption has which n-gram how often.

    The rows of an n-gram stand together, sorted by caption, and no such pair comes twice. N-grams are numbered from 0
    to below `known`, and rows are sorted by these; higher numbers are those of n-grams which the numbering had not met,
    stand anywhere and hold for these rows only.
    """

    ngram: Integers  # (R,)
    caption: Integers  # (R,)
    count: Integers  # (R,), at least 1
    known: int


@dataclass(frozen=True)
class ByImage:
    """The n-grams of one order in the references of each image: P different pairs of an n-gram and an image."""

    place: Integers  # (P,), n-gram and image as a pair, sorted
    first: Integers  # (P,), the first of its rows in the `Counts` of the references
    rows: Integers  # (P,), how many they are: the captions of the image that have the n-gram


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
        numbers: defaultdict[Hashable, int] = defaultdict(count().__next__)
        # (T,), all captions' words in a row; (C,), how many each has
        self.words, self.lengths = _number(numbers, flat)
        self.corpus_images = len(captions) if frequencies is None else frequencies.images
        self._foreign: _Foreign | None = None
        if frequencies is not None:
            words, lengths = _number(numbers, list(frequencies.counts))
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

    @cached_property
    def frequencies(self) -> list[Integers]:
        """For each order, in how many images of the corpus each n-gram stands, `(K,)`."""
        if self._foreign is not None:
            return self._counted[1]
        both = zip(self.by_image, self.ngrams, strict=True)
        return [np.bincount(unpair(own.place)[0], minlength=counts.known) for own, counts in both]

    @cached_property
    def by_image(self) -> list[ByImage]:
        """The references' n-grams, those of an image's captions together, one `ByImage` an order."""
        return [self._by_image(counts) for counts in self.ngrams]

    def _by_image(self, counts: Counts) -> ByImage:
        pairs = pair(counts.ngram, self.image[counts.caption])
        first = runs(pairs)
        return ByImage(pairs[first], first, np.diff(first, append=len(pairs)))

    @cached_property
    def _counted(self) -> tuple[list[Counts], list[Integers]]:
        """The n-grams of each order and, where the frequencies are another corpus's, those of each order."""
        if self._foreign is None:
            return list(self._count(self.words, self.lengths, learn=True)), []
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

    def count(self, candidates: Candidates) -> list[Counts]:
        """The n-grams of candidates, met in the references or not, one `Counts` an order."""
        assert self._counted  # numbers the keys
        return list(self._count(candidates.words, candidates.lengths, learn=False))

    def number(self, captions: Sequence[Tokens]) -> Candidates:
        """Number the words of other captions; a word that no reference has gets a number above all of theirs."""
        numbers = defaultdict(count(len(self._numbers)).__next__, self._numbers)
        return Candidates(self, *_number(numbers, captions))

    def _count(self, words: Integers, lengths: Integers, *, learn: bool) -> Iterator[Counts]:
        caption = np.repeat(np.arange(len(lengths)), lengths)  # (T,), the caption of each word
        stop = np.cumsum(lengths)[caption]  # (T,), where that caption ends
        start = np.arange(len(words))  # (S,), the places where n-grams start
        number = words  # (S,), the n-grams that start there
        known = len(self._numbers)
        bits = max(self._bits, int(words.max(initial=0)).bit_length())
        yield _tally(*in_order(words), caption, known)
        for order in range(2, ORDERS + 1):
            fits = start + order <= stop[start]
            start = start[fits]
            keys, places = in_order(number[fits] << bits | words[start + order - 1])
            first = runs(keys)
            distinct = keys[first]
            if learn:
                numbers = np.arange(len(distinct))
                self._keys.append(distinct)
            else:
                numbers = self._place(self._keys[order - 2], distinct >> bits, known, distinct & (1 << bits) - 1)
            known = len(self._keys[order - 2])
            ordered = np.repeat(numbers, np.diff(first, append=len(keys)))
            number = np.empty(len(keys), dtype=np.int64)
            number[places] = ordered
            yield _tally(ordered, places, caption[start], known)

    def _place(self, keys: Integers, before: Integers, known: int, last: Integers) -> Integers:
        """The numbers of different n-grams by those of their words `before` and of their `last` word.

        Ones that are not among the keys get numbers above those that are.
        """
        place, missing = find(keys, before << self._bits | last)
        missing |= (before >= known) | (last >= len(self._numbers))
        place[missing] = len(keys) + np.arange(np.count_nonzero(missing))
        return place


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


def in_order(keys: Integers) -> tuple[Integers, Integers]:
    """The keys (none negative), sorted, and the place that each had; of equal keys the first stays first."""
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > 63:
        places = np.argsort(keys, kind="stable")
        return keys[places], places
    # Each key carries its place in its lowest bits: to sort numbers in place is several times as fast as to sort places.
    packed = keys << bits | np.arange(len(keys))
    packed.sort()
    return packed >> bits, packed & (1 << bits) - 1


def find(keys: Integers, sought: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """For each number sought its place among sorted keys, and whether it is missing there."""
    place = np.searchsorted(keys, sought)
    if len(keys) == 0:
        return place, np.ones(len(sought), dtype=bool)
    return place, keys[np.minimum(place, len(keys) - 1)] != sought


def _number(numbers: defaultdict[Hashable, int], captions: Sequence[Tokens]) -> tuple[Integers, Integers]:
    """The numbers of all captions' words, in a row, and how many words each caption has; new words get new numbers."""
    if captions and isinstance(captions[0], str):
        marked = f" {_END} ".join([*map(str, captions), ""]).split()
        number = np.fromiter(map(numbers.__getitem__, marked), np.int64, len(marked))
        is_end = number == numbers[_END]
        return number[~is_end], np.diff(np.flatnonzero(is_end), prepend=-1) - 1
    lengths = lengths_of(captions)
    words = map(numbers.__getitem__, chain.from_iterable(captions))
    return np.fromiter(words, np.int64, int(lengths.sum())), lengths


def _tally(ordered: Integers, places: Integers, caption: Integers, known: int) -> Counts:
    """Count n-grams, given in order with the place of each; `caption` says which caption each place is in."""
    captions = caption[places]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]) | (captions[1:] != captions[:-1])
    first = np.flatnonzero(new)
    return Counts(ordered[first], captions[first], np.diff(first, append=len(ordered)), known)
