"""The words that METEOR compares: what its option `-norm` makes of words that were tokenised already.

Written from the program's output. It parts what the Penn Treebank's tokens keep together (`t-shirt`, `n't`) and joins some
of what they part, so that METEOR's words are not the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[a-z0-9 ]*")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "`": "'", "´": "'", "–": "-"})
_HYPHEN = re.compile(r"([^\W_]|\.)-([^\W_])")
_MARKS = "\u0300-\u036f"  # that combine with the letter before them
_SYMBOL = re.compile(rf"([^\w\s.',{_MARKS}-]|_|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
_LETTER = r"[^\W\d_]"
_OTHER = r"[\W\d_]"
# One after another, each without overlap: this is why of two apostrophes in a word the second may stay where it is.
_APOSTROPHES = (
    (re.compile(rf"({_OTHER})'({_OTHER})"), r"\1 ' \2"),
    (re.compile(rf"([\W_])'({_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_OTHER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_LETTER})"), r"\1 '\2"),
    (re.compile(r"(\d)'s"), r"\1 's"),
)
_ABBREVIATION = re.compile(r"(?:\w+\.){2,}")
_NO_SENTENCE_END = frozenset({"v", "vs", "rev"})


def meteor_words(tokens: Sequence[str]) -> list[str]:
    """Lower-case words of a caption whose Penn Treebank tokens are given; any text is allowed."""
    text = " ".join(tokens).lower()
    if _PLAIN.fullmatch(text):
        return text.split()
    text = text.translate(_QUOTES).replace("''", '"').replace("--", "-")
    text = _HYPHEN.sub(r"\1 \2", text)
    text = _SYMBOL.sub(r" \1 ", text)
    text = _COMMA.sub(" , ", text)
    if "'" in text:
        text = f" {text} "
        for pattern, parted in _APOSTROPHES:
            text = pattern.sub(parted, text)
    words = text.split()
    for place, word in enumerate(words):
        if word.endswith(".") and word.strip("."):
            words[place] = _without_period(word, words[place + 1] if place + 1 < len(words) else "")
    return " ".join(words).split()


def _without_period(word: str, following: str) -> str:
    """An abbreviation loses its periods; a period that may end a sentence becomes a word."""
    if _ABBREVIATION.fullmatch(word) and not word.replace(".", "").isdigit():
        return word.replace(".", "")
    stem = word[:-1]
    if stem in _NO_SENTENCE_END or "a" <= following[:1] <= "z" or stem.endswith("."):
        return word
    return f"{stem} ."
