"""Learning which pieces words are spelt in, and words spelt in pieces as the numbers that rewards compare."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pictell.errors import MissingExtraError
from pictell.language import Subwords, has_blocked_word
from pictell.language.subwords import WORD_END
from pictell.language.vocabulary import END, PAD, SPECIAL

_PRIVATE = 0xF0000  # the first of 65,534 characters that Unicode gives to nobody


def learn_subwords(captions: Iterable[Sequence[str]], *, size: int, min_count: int, language: str = "en") -> Subwords:
    """Pieces for the words of tokenised captions by byte-pair encoding, `size` of them with the special ones, or fewer where
    the words give no more.

    Every character that the captions use at least `min_count` times is a piece, by itself and (hyphens and apostrophes aside)
    at the end of a word, even if there are more of them than `size`; pairs that come as often are merged, the most
    frequent first. The same captions give the same pieces. Raises `MissingExtraError` without the extra `train`.
    """
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise MissingExtraError("data.bpe_size", "train") from error

    words = Counter(word for caption in captions for word in caption if not has_blocked_word([word]))
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    known = sorted(character for character, count in characters.items() if count >= min_count)
    # The library's own mark for the end of a word makes merges depend on the order of a hash table. So a character that
    # ends a word is another character to it.
    last = {character: chr(_PRIVATE + place) for place, character in enumerate(known) if character not in "-'"}
    alphabet = [*known, *last.values()]
    readable = [(word, count) for word, count in words.items() if word[-1] in last and set(word) <= set(known)]
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.train_from_iterator(
        ((word[:-1] + last[word[-1]] + " ") * count for word, count in sorted(readable)),
        trainers.BpeTrainer(
            vocab_size=size - len(SPECIAL),
            min_frequency=min_count,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    marked = str.maketrans({private: character + WORD_END for character, private in last.items()})
    model = json.loads(library.to_str())["model"]
    pieces = [piece.translate(marked) for piece in sorted(model["vocab"], key=model["vocab"].__getitem__)]
    merges = [(left.translate(marked), right.translate(marked)) for left, right in model["merges"]]
    return Subwords([*SPECIAL, *pieces], merges, language=language)


class SpeltWords:
    """Numbers for the words of references and for those that drawn pieces spell, so that rewards compare words.

    `captions` holds each photo's references as words. What is no word of theirs gets numbers that no reference has.
    """

    def __init__(self, vocabulary: Subwords, captions: Sequence[Sequence[Sequence[str]]]) -> None:
        self._vocabulary = vocabulary
        words = dict.fromkeys(chain.from_iterable(chain.from_iterable(captions)))
        self._numbers = {word: number for number, word in enumerate(words, start=len(SPECIAL))}
        self.references = [[[self._numbers[word] for word in text] for text in texts] for texts in captions]

    def read(self, drawn: NDArray[np.int64]) -> list[list[int]]:
        """The word numbers of drawn pieces `(N, T)`, each row up to its `END`, that included; a row may have none.

        A word that no last piece has ended is none that a reference could have.
        """
        strange: dict[str, int] = {}
        rows = []
        for pieces in drawn.tolist():
            over = END in pieces
            pieces = pieces[: pieces.index(END)] if over else [piece for piece in pieces if piece != PAD]
            words = self._vocabulary.to_words(pieces)
            if pieces and not self._vocabulary.ends_word(pieces[-1]):
                words[-1] += "-"  # as no word ends
            row = [
                self._numbers.get(word) or strange.setdefault(word, len(SPECIAL) + len(self._numbers) + len(strange))
                for word in words
            ]
            rows.append([*row, END] if over else row)
        return rows
