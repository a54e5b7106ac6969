"""From a sentence to the words a captioner learns, and back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_CLITIC = "'s|n't|'re|'ll|'ve|'d|'m"
# What leans on the word before it: clitics, and the marks that some captioners say.
_LEANING = frozenset([*_CLITIC.split("|"), *".,;:!?"])
_CHAR = r"[^\W_]|[\u0300-\u036f]"  # a letter, a digit, or an accent that has no composed form
# Words hold hyphens and apostrophes only inside; of what begins with an apostrophe, a clitic that stands alone is kept.
_WORD = re.compile(rf"(?:{_CHAR})+(?:[-'](?:{_CHAR})+)*|(?<!{_CHAR})(?:{_CLITIC})(?!{_CHAR})")
_LAST_CLITIC = re.compile(rf"(?<={_CHAR})(?:{_CLITIC})$")
# Typographic hyphens and apostrophes are plain ones; soft hyphens and joiners are invisible.
_PLAIN = str.maketrans(
    {**dict.fromkeys("‘’ʼ", "'"), "\u2010": "-", **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff")}
)


def tokenise(text: str) -> list[str]:
    """Splits an English caption into lower-case words without punctuation.

    Hyphenated words stay whole (`t-shirt`), English clitics are words of their own as in the Penn Treebank
    (`dog's` -> `dog 's`), typographic apostrophes and compatibility forms are made plain first (NFKC).
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_PLAIN).lower())
    words: list[str] = []
    for word in _WORD.findall(text):
        clitics: list[str] = []
        while found := _LAST_CLITIC.search(word):
            clitics.insert(0, found.group())
            word = word[: found.start()]
        words += [word, *clitics]
    return words


def detokenise(words: Sequence[str]) -> str:
    """Joins words to a caption; clitics and closing marks go to the word before them (`dog 's .` -> `dog's.`)."""
    text, attachable = "", False
    for word in words:
        # What has no word before it has nothing to lean on, nor has the next one.
        attachable = attachable or word not in _LEANING
        text += word if not text or (word in _LEANING and attachable) else f" {word}"
    return text
