"""From a sentence to the words a captioner learns, and back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# A word: letters and digits, with hyphens or apostrophes only inside it.
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*|(?<![^\W_])'s(?![^\W_])")
_CLITIC = re.compile(r"(?<=[^\W_])('s|n't|'re|'ll|'ve|'d|'m)$")
_CLITICS = frozenset({"'s", "n't", "'re", "'ll", "'ve", "'d", "'m"})


def tokenise(text: str) -> list[str]:
    """Splits an English caption into lower-case words without punctuation.

    Hyphenated words stay whole (`t-shirt`), English clitics are words of their own as in the Penn Treebank
    (`dog's` -> `dog 's`), typographic apostrophes and compatibility forms are made plain first (NFKC).
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower()
    words: list[str] = []
    for word in _WORD.findall(text):
        clitic = _CLITIC.search(word)
        if clitic and clitic.start() > 0:
            words += [word[: clitic.start()], clitic.group(1)]
        else:
            words.append(word)
    return words


def detokenise(words: Sequence[str]) -> str:
    """Joins words to a caption; clitics go to the word before them (`dog 's` -> `dog's`)."""
    text = ""
    for word in words:
        text += word if not text or word in _CLITICS else f" {word}"
    return text
