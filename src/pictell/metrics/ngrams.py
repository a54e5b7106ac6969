"""N-grams as numbers: what BLEU and CIDEr both count, in arrays, so that a large corpus stays small and quick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pictell.errors import PictellError

ORDERS = 4
"""The longest n-gram that is counted; both metrics use the orders 1, 2, 3 and 4."""

Tokens = Sequence[str]
"""One caption, as its words."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """The n-grams of one order in some captions: R rows, each saying which caption has which n-gram how often.

    Rows are sorted by caption, then by n-gram, and no such pair comes twice. N-grams are numbered from 0 to below
    `known`; higher numbers are those of n-grams which the numbering had not met, and hold for these rows only.
    """

    caption: Integers  # (R,)
    ngram: Integers  # (R,)
    count: Integers  # (R,), at least 1
    known: int


class Numbering:
    """Numbers for n-grams: `learn` those of some captions once, then `count` them in others as often as wanted."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}
        # For the orders from 2 up. An n-gram's key pairs the number of all its words but the last with that of the
        # last; keys are sorted, and the n-gram's own number is the place of its key.
        self._keys: list[Integers] = []

    def learn(self, captions: Sequence[Tokens]) -> list[Counts]:
        """Number all n-grams of the captions and count them, one `Counts` an order."""
        for word in chain.from_iterable(captions):
            self._words.setdefault(word, len(self._words))
        self._keys = []
        return list(self._count(captions, learn=True))

    def count(self, captions: Sequence[Tokens]) -> list[Counts]:
        """Count the n-grams of captions, met or not, one `Counts` an order."""
        return list(self._count(captions, learn=False))

    def _count(self, captions: Sequence[Tokens], *, learn: bool) -> Iterator[Counts]:
        lengths = lengths_of(captions)
        words = self._number_words(captions)  # (T,), all captions' words in a row
        caption = np.repeat(np.arange(len(lengths)), lengths)  # (T,), the caption of each
        stop = np.cumsum(lengths)[caption]  # (T,), where that caption ends
        start = np.arange(len(words))  # (S,), the places where n-grams start
        number = words  # (S,), the n-grams that start there
        yield _tally(caption, number, len(self._words))
        for order in range(2, ORDERS + 1):
            fits = start + order <= stop[start]
            start = start[fits]
            keys = pair(number[fits], words[start + order - 1])
            if learn:
                self._keys.append(np.unique(keys))
            known = self._keys[order - 2]
            number = _place(known, keys)
            yield _tally(caption[start], number, len(known))

    def _number_words(self, captions: Sequence[Tokens]) -> Integers:
        new: dict[str, int] = {}
        return np.array(
            [
                self._words[word] if word in self._words else new.setdefault(word, len(self._words) + len(new))
                for word in chain.from_iterable(captions)
            ],
            dtype=np.int64,
        )


def lengths_of(lists: Sequence[Sequence[object]]) -> Integers:
    """How many items each list has, such as each caption words: `(len(lists),)`."""
    return np.array([len(items) for items in lists], dtype=np.int64)


def pair(high: Integers, low: Integers) -> Integers:
    """One number for each two, all from 0 to below `2 ** 31`, which sorts as the pair `(high, low)` does."""
    return np.left_shift(high, 31, dtype=np.int64) | low


def unpair(pairs: Integers) -> tuple[Integers, Integers]:
    """Undo `pair`."""
    return pairs >> 31, pairs & (2**31 - 1)


def check_references(references: Sequence[Sequence[Tokens]]) -> None:
    """Raise `PictellError` (`"empty"`, `"no-references"`) unless there are images and each has a reference."""
    if not references:
        raise PictellError("empty", "there is nothing to score: no image has references")
    for image, captions in enumerate(references):
        if not captions:
            raise PictellError("no-references", f"image {image} has no references: give each image at least one")


def check_candidates(candidates: Sequence[Tokens], images: int) -> None:
    """Raise `PictellError` (`"missing-candidates"`) unless there is one candidate for each of the `images`."""
    if len(candidates) != images:
        raise PictellError(
            "missing-candidates",
            f"{len(candidates)} candidates for {images} images: give one for each, in the order of the references",
        )


def _tally(caption: Integers, number: Integers, known: int) -> Counts:
    pairs, count = np.unique(pair(caption, number), return_counts=True)
    return Counts(*unpair(pairs), count.astype(np.int64), known)


def _place(known: Integers, keys: Integers) -> Integers:
    """The place of each key among the sorted `known` ones; a key that is not there gets a number above them."""
    number = np.searchsorted(known, keys)
    new = np.ones(len(keys), dtype=bool)
    inside = number < len(known)
    new[inside] = known[number[inside]] != keys[inside]
    number[new] = len(known) + np.unique(keys[new], return_inverse=True)[1]
    return number
