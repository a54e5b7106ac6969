"""Words: from captions to numbers and back."""

from pictell.language.blocked import BLOCKED_WORDS, has_blocked_word
from pictell.language.subwords import Subwords
from pictell.language.vocabulary import Vocabulary
from pictell.language.words import detokenise, tokenise

__all__ = ["BLOCKED_WORDS", "Subwords", "Vocabulary", "detokenise", "has_blocked_word", "tokenise"]
