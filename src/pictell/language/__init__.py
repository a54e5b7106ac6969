"""Words: from captions to numbers and back, and captions worded in other ways."""

from pictell.language.blocked import BLOCKED_WORDS, has_blocked_word
from pictell.language.function_words import function_words
from pictell.language.styles import (
    ALT_LENGTH,
    ALT_PREAMBLE,
    HEDGES,
    STYLES,
    Style,
    alt_text,
    in_style,
    says_gender_or_age,
)
from pictell.language.subwords import Subwords
from pictell.language.vocabulary import Vocabulary
from pictell.language.words import detokenise, tokenise

__all__ = [
    "ALT_LENGTH",
    "ALT_PREAMBLE",
    "BLOCKED_WORDS",
    "HEDGES",
    "STYLES",
    "Style",
    "Subwords",
    "Vocabulary",
    "alt_text",
    "detokenise",
    "function_words",
    "has_blocked_word",
    "in_style",
    "says_gender_or_age",
    "tokenise",
]
