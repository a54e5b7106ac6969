"""What a model says of a photo, and how likely it finds the same words of a changed one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pictell.captioner import Captioner
from pictell.decoding import add_pieces, attention_maps, forced_log_probs, search
from pictell.types import Word


@dataclass(frozen=True, eq=False)
class Spoken:
    """A caption of one photo: T words, made of `tokens`, `pieces` of them each.

    `log_probs` (T,) are the words' natural logarithms. `attention` is `(T, G, G)`, each word's sum 1, or `None` where the
    decoder attends to no grid.
    """

    tokens: tuple[int, ...]
    words: tuple[str, ...]
    pieces: tuple[int, ...]
    log_probs: NDArray[np.float32]
    attention: NDArray[np.float32] | None

    def rated(self) -> tuple[Word, ...]:
        """The words with their probabilities."""
        return tuple(
            Word(word, min(1.0, math.exp(log_prob)))
            for word, log_prob in zip(self.words, self.log_probs.tolist(), strict=True)
        )


def speak(captioner: Captioner, pixels: NDArray[np.uint8]) -> Spoken:
    """The caption of one prepared photo, `(S, S, 3)`, as the bundle's own search finds it."""
    engine, usual = captioner.engine, captioner.bundle.generation
    options = replace(usual, attention=True, min_words=max(1, usual.min_words))
    [[best, *_]] = search(engine, engine.encode(pixels[None]), options)
    words, pieces = zip(*captioner.bundle.vocabulary.spell(best.tokens), strict=True)
    return Spoken(
        tokens=best.tokens,
        words=words,
        pieces=pieces,
        log_probs=add_pieces(np.array(best.word_log_probs[:-1], dtype=np.float32), pieces),
        attention=None if best.attention is None else attention_maps(best.attention, pieces),
    )


def read(captioner: Captioner, pixels: NDArray[np.uint8], spoken: Spoken) -> NDArray[np.float32]:
    """The log-probabilities `(P, T)` of the same words, said of other photos `(P, S, S, 3)` (teacher forcing)."""
    memory = captioner.engine.encode(pixels)
    found = forced_log_probs(
        captioner.engine, memory, [spoken.tokens] * len(pixels), range(len(pixels)), captioner.bundle.generation
    )
    return add_pieces(np.stack(found)[:, :-1], spoken.pieces)
