"""Which words and phrases of a candidate and a reference can be matched: METEOR's four matchers.

As published (Denkowski and Lavie 2014, section 2): equal words; words with equal Snowball stems; words with a WordNet
synonym set in common; phrases that the paraphrase table pairs. A word's synonym sets are also those of its base forms, as
WordNet's `morphy` finds them: the listed ones of an irregular form, else that of the first ending whose base is a word.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pictell.errors import MissingExtraError
from pictell.metrics.meteor.align import Match
from pictell.metrics.meteor.data import LONGEST, Paraphrases, WordData

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)

_ENDINGS = (
    ("s", ""),
    ("ies", "y"),
    ("es", ""),
    ("men", "man"),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", ""),
    ("est", ""),
    ("er", "e"),
    ("est", "e"),
)


def snowball_stemmer() -> Callable[[str], str]:
    """Snowball's English stemmer as it was before 2024; `MissingExtraError` where PyStemmer is not installed."""
    try:
        module = importlib.import_module("Stemmer")
    except ImportError:
        raise MissingExtraError("METEOR", "metrics") from None
    stem: Callable[[str], str] = module.Stemmer("english").stemWord
    return stem


class WordMatcher:
    """Finds pairs of words that are equal, have one stem or are synonyms; what it found it remembers."""

    def __init__(self, data: WordData, stem: Callable[[str], str]) -> None:
        self._data = data
        self._stem = stem
        self._stems: dict[str, str] = {}
        self._synsets: dict[str, frozenset[str]] = {}
        self._known: dict[str, list[str]] = {}  # reference words by their stems and synonym sets
        self._kin: dict[str, dict[str, tuple[int, ...]]] = {}

    def is_function_word(self, word: str) -> bool:
        """Whether a word counts as a function word, as punctuation also does."""
        return word in self._data.function_words

    def learn(self, words: Iterable[str]) -> None:
        """Takes in the words, each once, that references may have; before they are matched."""
        for word in words:
            for trace in self._traces(word):
                self._known.setdefault(trace, []).append(word)

    def matches(self, reference: Mapping[str, Sequence[int]], candidate: Sequence[str]) -> list[Match]:
        """All pairs of single words as they come in the candidate; two words that match in two ways are there twice.

        `reference` has the places of each of its words.
        """
        found: list[Match] = []
        for place, word in enumerate(candidate):
            kin = self._kin.get(word)
            if kin is None:
                others = {other for trace in self._traces(word) for other in self._known.get(trace, ())}
                kin = self._kin[word] = {other: ways for other in others if (ways := self._ways(word, other))}
            for other in kin.keys() & reference.keys():
                found += [(start, 1, place, 1, way) for start in reference[other] for way in kin[other]]
        return found

    def _traces(self, word: str) -> frozenset[str]:
        """Words that match in any way have one of these in common."""
        return self._synsets_of(word) | {self._stem_of(word)}

    def _ways(self, word: str, other: str) -> tuple[int, ...]:
        if word == other:
            return (EXACT,)
        ways = []
        if self._stem_of(word) == self._stem_of(other):
            ways.append(STEM)
        if not self._synsets_of(word).isdisjoint(self._synsets_of(other)):
            ways.append(SYNONYM)
        return tuple(ways)

    def _stem_of(self, word: str) -> str:
        if word not in self._stems:
            self._stems[word] = self._stem(word)
        return self._stems[word]

    def _synsets_of(self, word: str) -> frozenset[str]:
        if word not in self._synsets:
            forms = [word, *base_forms(word, self._data)]
            self._synsets[word] = frozenset(
                number for form in forms for number in self._data.synsets.get(form, "").split()
            )
        return self._synsets[word]


def base_forms(word: str, data: WordData) -> tuple[str, ...]:
    """The base forms of an inflected English word, as far as the data know them."""
    if word in data.irregular:
        return data.irregular[word]
    if len(word) > 2 and not word.endswith("ss"):
        for ending, replaced in _ENDINGS:
            base = word.removesuffix(ending) + replaced
            if word.endswith(ending) and base in data.synsets:
                return (base,)
    return ()


Phrases = Mapping[int, Sequence[tuple[int, int]]]
"""Where each phrase of a sentence is, by its number in the table: first words and numbers of words."""


class PhraseMatcher:
    """Finds phrases that the table pairs, either way round; a pair that is listed both ways is found twice."""

    def __init__(self, table: Paraphrases) -> None:
        self._table = table
        self._paraphrases: dict[int, dict[int, int]] = {}  # with the place of each in the table

    def phrases(self, sentences: Sequence[Sequence[str]]) -> list[Phrases]:
        """The phrases of each sentence that the table knows."""
        owners = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
        numbers = self._table.words
        words = np.array([numbers.get(word, -1) for sentence in sentences for word in sentence], np.int64)
        found: list[dict[int, list[tuple[int, int]]]] = [{} for _ in sentences]
        begins = np.cumsum([0, *(len(sentence) for sentence in sentences)])
        starts = np.arange(len(words))
        nodes = np.zeros(len(words), np.int64)
        for length in range(1, LONGEST + 1):
            ends = starts + length - 1
            inside = ends < begins[owners[starts] + 1]
            starts, nodes, ends = starts[inside], nodes[inside], ends[inside]
            known = words[ends] >= 0
            starts, nodes, ends = starts[known], nodes[known], ends[known]
            nodes = self._table.children(nodes, words[ends])
            starts, nodes = starts[nodes > 0], nodes[nodes > 0]
            owner = owners[starts]
            for sentence, place, node in zip(
                owner.tolist(), (starts - begins[owner]).tolist(), nodes.tolist(), strict=True
            ):
                found[sentence].setdefault(node, []).append((place, length))
        self._learn({node for phrases in found for node in phrases})
        return list(found)

    def matches(self, reference: Phrases, candidate: Phrases) -> list[Match]:
        """All pairs of phrases in the order in which the program tries them, which decides between equal alignments.

        First those that the table lists in the direction from reference to candidate, as it lists them for each phrase of
        the reference; then those of the other direction, as they come in the candidate.
        """
        found: list[tuple[tuple[int, int, int, int], Match]] = []
        back: list[Match] = []
        for other, others in reference.items():
            if listed := self._paraphrases.get(other):
                for node in listed.keys() & candidate.keys():
                    rank, here = listed[node], candidate[node]
                    found += [
                        ((*there, rank, place[0]), (*there, *place, PARAPHRASE)) for there in others for place in here
                    ]
        for node, places in candidate.items():
            if listed := self._paraphrases.get(node):
                for other in listed.keys() & reference.keys():
                    back += [(*there, *here, PARAPHRASE) for here in places for there in reference[other]]
        return [match for _, match in sorted(found)] + sorted(back, key=_in_candidate)

    def _learn(self, nodes: Iterable[int]) -> None:
        """Keeps what the table has for the phrases, so that each is looked up once."""
        new = np.array(sorted(set(nodes) - self._paraphrases.keys()), np.int64)
        for node, others in self._table.of(new):
            self._paraphrases[node] = {other: place for place, other in enumerate(others.tolist())}


def _in_candidate(match: Match) -> tuple[int, int, int, int]:
    return match[2], match[3], match[0], match[1]
