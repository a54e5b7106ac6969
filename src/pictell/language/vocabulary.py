"""The words that a captioner can read and say, each with its number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pictell.errors import BundleError
from pictell.language.blocked import has_blocked_word

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
"""The tokens that every vocabulary begins with."""


class Vocabulary:
    """An ordered list of words; the first four are padding, start, end and unknown.

    Raises `BundleError` where the tokens do not begin with the four special ones or repeat a word.
    """

    pad, start, end, unk = PAD, START, END, UNKNOWN
    unit = "words"
    """What its tokens are."""

    def __init__(self, tokens: Sequence[str], *, language: str = "en") -> None:
        self.tokens = tuple(tokens)
        self.language = language
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if self.tokens[:4] != SPECIAL or len(self._numbers) != len(self.tokens):
            raise BundleError("vocabulary", f"a vocabulary begins with {' '.join(SPECIAL)} and has no word twice")

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], *, min_count: int = 5, language: str = "en") -> Vocabulary:
        """Every word that the tokenised captions use at least `min_count` times, most frequent first, then by spelling.

        Blocked words (see `pictell.language.blocked`) never enter.
        """
        counts = Counter(word for caption in captions for word in caption)
        kept = [word for word, count in counts.items() if count >= min_count and not has_blocked_word([word])]
        return cls([*SPECIAL, *sorted(kept, key=lambda word: (-counts[word], word))], language=language)

    def to_numbers(self, words: Iterable[str]) -> list[int]:
        """The words' numbers; a word outside the vocabulary is `unk`."""
        return [self._numbers.get(word, UNKNOWN) for word in words]

    def to_words(self, numbers: Iterable[int]) -> list[str]:
        """The words of the numbers, special tokens left out."""
        return [self.tokens[number] for number in numbers if number >= len(SPECIAL)]

    def spell(self, numbers: Iterable[int]) -> list[tuple[str, int]]:
        """The words as `to_words` gives them, each with how many of the numbers it has: one."""
        return [(word, 1) for word in self.to_words(numbers)]

    def most_tokens(self, max_words: int) -> int:
        """How many tokens a caption of `max_words` words may have."""
        return max_words

    def rule(self, max_words: int) -> Callable[[Sequence[int]], Sequence[int]] | None:
        """What a search has to keep to beside `most_tokens`, see `SearchOptions.not_after`: nothing."""
        return None

    def to_json(self) -> str:
        """The text of a bundle's `vocabulary.json`."""
        return json.dumps({"language": self.language, "tokens": list(self.tokens)}, ensure_ascii=False, indent=0)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Reads what `to_json` wrote: a vocabulary of words, or `Subwords` where its `kind` is `bpe`."""
        from pictell.language.subwords import Subwords  # which is built on this module

        try:
            content = json.loads(text)
            kind = content.get("kind", "word")
            if kind == "word":
                return cls([str(token) for token in content["tokens"]], language=str(content["language"]))
            if kind == "bpe":
                merges = [(left, right) for left, right in (str(merge).split(" ") for merge in content["merges"])]
                return Subwords([str(piece) for piece in content["pieces"]], merges, language=str(content["language"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                "vocabulary", "the vocabulary is not in the bundle's format (language, tokens)"
            ) from error
        raise BundleError("vocabulary", f"this pictell knows no vocabulary of the kind {kind!r}: install a newer one")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Reads a bundle's `vocabulary.json`; raises `BundleError` where it cannot."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except BundleError as error:
            raise BundleError(error.kind, f"{path}: {error.message}") from error
        except OSError as error:
            raise BundleError("vocabulary", f"cannot read the vocabulary {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BundleError("vocabulary", f"cannot read the vocabulary {path}: {error}") from error
