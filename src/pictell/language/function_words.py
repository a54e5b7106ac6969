"""Words that need another after them."""

from __future__ import annotations

# fmt: off
_WORDS = {
    "en": frozenset((
        "a", "an", "the", "his", "its", "their", "my", "your", "our", "this", "these", "every", "no",
        "of", "in", "on", "at", "with", "to", "by", "for", "from", "into", "onto", "as", "near", "beside", "between",
        "against", "among", "towards", "toward", "during", "without", "above", "below", "next", "front",
        "and", "or", "but", "while", "that", "which", "who", "where", "when",
        "is", "are", "was", "were", "be", "being", "has", "have", "very",
    )),
}
# fmt: on


def function_words(language: str) -> frozenset[str] | None:
    """Words of a language (`en`, `en-GB`) that no whole caption ends in, or `None` where they are not known here.

    Determiners, prepositions that hardly stand last, conjunctions, relatives, forms of "to be". English alone so far.
    """
    return _WORDS.get(language.partition("-")[0].lower())
