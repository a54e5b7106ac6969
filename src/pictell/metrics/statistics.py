"""What scores alone do not show: how varied, how long, how finished and how new captions are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pictell.metrics.ngrams import Tokens
from pictell.metrics.ptb import VERSION as TOKENS
from pictell.metrics.ptb import ptb_tokens

VERSION = "pictell-statistics 1"

# fmt: off
FUNCTION_WORDS = frozenset((
    "a", "an", "the", "his", "its", "their", "of", "in", "on", "at", "with", "and", "or", "but", "to", "by", "for",
    "from", "into", "onto", "as", "while", "is", "are", "was", "were", "be",
))
# fmt: on
"""Words that hardly any whole English caption ends in: determiners, prepositions, conjunctions, forms of "to be"."""

REPEATED = (2, 3, 4)
"""The lengths of n-grams whose repetition inside a caption is counted."""


@dataclass(frozen=True)
class Range:
    """The least, the mean and the greatest of some numbers."""

    least: int
    mean: float
    greatest: int


@dataclass(frozen=True)
class CaptionStatistics:
    """What `describe` found of candidates, on words as `ptb_tokens` gives them. Shares are 0..1 of all candidates.

    `distinct` counts different captions and `words` different words. `length` is in words. `empty` is the share without
    a word, `function_word_endings` that of those which end in one of `FUNCTION_WORDS` ("a man with a").
    `repeated_ngrams` gives, for n of `REPEATED`, the share that has an n-gram twice ("a dog and a dog").
    `training_copies` is the share that is word for word a training caption, `None` where those are not known.
    `references` is the number of references an image has.
    """

    captions: int
    distinct: int
    words: int
    length: Range
    empty: float
    function_word_endings: float
    repeated_ngrams: dict[int, float]
    training_copies: float | None
    references: Range
    version: str = f"{VERSION}, tokens {TOKENS}"


def describe(
    references: Mapping[str, Sequence[str]],
    candidates: Mapping[str, str],
    training: Collection[str] | None = None,
) -> CaptionStatistics:
    """Describe the candidates, one or more, as captions; of the references only their number is told.

    `training` are the captions that the captioner was trained on.
    """
    split = [tuple(words) for words in ptb_tokens(list(candidates.values()))]
    known = None if training is None else {tuple(words) for words in ptb_tokens(list(training))}
    return CaptionStatistics(
        captions=len(split),
        distinct=len(set(split)),
        words=len(set(chain.from_iterable(split))),
        length=_range([len(words) for words in split]),
        empty=_share([not words for words in split]),
        function_word_endings=_share([bool(words) and words[-1] in FUNCTION_WORDS for words in split]),
        repeated_ngrams={n: _share([_repeats(words, n) for words in split]) for n in REPEATED},
        training_copies=None if known is None else _share([bool(words) and words in known for words in split]),
        references=_range([len(captions) for captions in references.values()]),
    )


def _repeats(words: Tokens, n: int) -> bool:
    grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
    return len(set(grams)) < len(grams)


def _share(holds: Sequence[bool]) -> float:
    return sum(holds) / len(holds)


def _range(numbers: Sequence[int]) -> Range:
    return Range(min(numbers), sum(numbers) / len(numbers), max(numbers))
