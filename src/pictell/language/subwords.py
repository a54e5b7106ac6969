"""Pieces of words (byte-pair encoding; Sennrich, Haddow and Birch 2016, arXiv 1508.07909) and how words are spelt in them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise

from pictell.errors import BundleError
from pictell.language.blocked import BLOCKED_WORDS
from pictell.language.vocabulary import END, SPECIAL, UNKNOWN, Vocabulary

WORD_END = "</w>"
"""The mark at the end of a piece that ends a word; the tokeniser leaves no such characters in words."""

PIECES_A_WORD = 4
"""A caption of at most so many words has at most this many times as many pieces; people's have fewer than two a word."""


class Subwords(Vocabulary):
    """A vocabulary whose tokens are pieces of words, so that any word of known characters can be read and said.

    `merges` are the pairs of pieces that become one, the first learnt first. A word with a character that is no piece is
    read as one unknown word. `tokens` begin with the same four as in any vocabulary.

    Raises `BundleError` where a merge makes no piece, or none of the pieces ends a word.
    """

    unit = "pieces"

    def __init__(self, tokens: Sequence[str], merges: Sequence[tuple[str, str]], *, language: str = "en") -> None:
        super().__init__(tokens, language=language)
        self.merges = tuple(merges)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._read: dict[str, list[int]] = {}
        self._texts = ["" if n < len(SPECIAL) else t.removesuffix(WORD_END) for n, t in enumerate(self.tokens)]
        own = range(len(SPECIAL), len(self))
        self._last = {number for number in own if self.tokens[number].endswith(WORD_END)}
        self._not_last = [number for number in own if number not in self._last]
        self._all_but_end = [number for number in range(len(self)) if number != END]
        self._blocked_after, self._blocked_anywhere = self._blocked()
        if len(self._ranks) != len(self.merges) or any(
            not {left, right, left + right} <= self._numbers.keys() for left, right in self.merges
        ):
            raise BundleError(
                "vocabulary", "each merge of a vocabulary of pieces makes a piece of two, and none comes twice"
            )
        if not all(self._texts[number] for number in own) or (
            own
            and any(self._last <= set(blocked) for blocked in (self._blocked_anywhere, *self._blocked_after.values()))
        ):
            raise BundleError("vocabulary", f"pieces are no empty texts, and some of them end words, with {WORD_END}")

    def __contains__(self, word: str) -> bool:
        return UNKNOWN not in self.to_numbers([word])

    def to_numbers(self, words: Iterable[str]) -> list[int]:
        """The numbers of the words' pieces."""
        return [number for word in words for number in self._spelt(word)]

    def to_words(self, numbers: Iterable[int]) -> list[str]:
        """The words that the pieces spell, special tokens left out; what no last piece has ended is a word too."""
        return [word for word, _ in self.spell(numbers)]

    def spell(self, numbers: Iterable[int]) -> list[tuple[str, int]]:
        """The words as `to_words` gives them, each with how many pieces it has."""
        words: list[tuple[str, int]] = []
        text, pieces = "", 0
        for number in numbers:
            text += self._texts[number]
            pieces += number >= len(SPECIAL)
            if pieces and self.ends_word(number):
                words.append((text, pieces))
                text, pieces = "", 0
        return [*words, (text, pieces)] if pieces else words

    def ends_word(self, number: int) -> bool:
        """Whether no word goes on after this piece."""
        return number < len(SPECIAL) or number in self._last

    def most_tokens(self, max_words: int) -> int:
        """How many pieces a caption of `max_words` words may have."""
        return PIECES_A_WORD * max_words

    def rule(self, max_words: int) -> Callable[[Sequence[int]], Sequence[int]]:
        """Which numbers may not follow those of a caption that is being said, so that it has whole words, at most
        `max_words` of them, and no blocked one.

        A sequence that keeps to it can always go on to an end within `most_tokens`.
        """
        return partial(self._not_after, max_words)

    def to_json(self) -> str:
        """The text of a bundle's `vocabulary.json`."""
        content = {
            "kind": "bpe",
            "language": self.language,
            "pieces": list(self.tokens),
            "merges": [" ".join(pair) for pair in self.merges],
        }
        return json.dumps(content, ensure_ascii=False, indent=0)

    def _spelt(self, word: str) -> list[int]:
        if word not in self._read:
            pieces = [*word[:-1], word[-1:] + WORD_END]
            known = all(piece in self._numbers for piece in pieces)
            self._read[word] = [self._numbers[piece] for piece in self._merged(pieces)] if known else [UNKNOWN]
        return self._read[word]

    def _merged(self, pieces: list[str]) -> list[str]:
        """The pieces after all merges, the earliest learnt first and, of equals, the leftmost."""
        never = len(self._ranks)
        while len(pieces) > 1:
            rank, place = min((self._ranks.get(pair, never), place) for place, pair in enumerate(pairwise(pieces)))
            if rank == never:
                break
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
        return pieces

    def _not_after(self, max_words: int, numbers: Sequence[int]) -> list[int]:
        words = self.spell(numbers)
        begun = words.pop()[0] if words and not self.ends_word(numbers[-1]) else ""
        if len(words) == max_words:
            return self._all_but_end
        barred = list(self._blocked_after.get(_parts(begun)[-1], self._blocked_anywhere))
        if begun:
            barred.append(END)
        if len(numbers) + 1 >= self.most_tokens(max_words):
            barred += self._not_last
        return barred

    def _blocked(self) -> tuple[dict[str, list[int]], list[int]]:
        """By how a part of a word may begin, the numbers that would make it, or a later part, a blocked word; and those that
        do so after anything else."""
        closing: defaultdict[str, list[int]] = defaultdict(list)
        anywhere: list[int] = []
        for number in range(len(SPECIAL), len(self)):
            parts = _parts(self._texts[number])
            closed = parts if number in self._last else parts[:-1]  # those that no later piece can lengthen
            if closed:
                closing[closed[0]].append(number)
            if not BLOCKED_WORDS.isdisjoint(closed[1:]):
                anywhere.append(number)
        after: dict[str, list[int]] = {}
        letters = set().union(*self._texts)
        for word in sorted(BLOCKED_WORDS):
            for cut in range(len(word) + 1):
                if letters.issuperset(word) and (numbers := closing.get(word[cut:])):
                    after[word[:cut]] = [*after.get(word[:cut], anywhere), *numbers]
        return after, anywhere


def _parts(word: str) -> list[str]:
    """The parts between hyphens and apostrophes: the tokeniser cuts clitics off, and a hyphen makes no word harmless."""
    return re.split("[-']", word)
