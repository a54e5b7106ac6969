"""Finding texts of a library by what they mean, whatever words they use.

A text's vector is made once, kept in the library and shared by all photos with that text. It follows from the text and the
encoder alone, so that it never has to be kept in step with the photos: what is lacking is made when it is first needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pictell.albums.library import Library
from pictell.albums.sentences import SentenceEncoder
from pictell.errors import LibraryError

Progress = Callable[[int, int], None]
"""Is told how many texts are done, of how many."""

_AT_ONCE = 512
# Chosen on Flickr8k's validation photos, for libraries of 25 to 1000: benchmarks/search_quality.py.
_LESS_A_TENTH = 0.08
_FEWEST, _MOST = 25, 1000
_OF_THE_NEAREST = 0.6
_TEXTS = "SELECT text FROM captions WHERE text IS NOT NULL UNION SELECT text FROM own_words"


def remember_meanings(library: Library, encoder: SentenceEncoder, progress: Progress | None = None) -> int:
    """Makes the vectors that are lacking, and drops those of texts that are gone or by another encoder; how many were made.

    They are committed some at a time, so that it may be stopped at any moment.
    """
    lacking = _lacking(library, encoder)
    with library.transaction():
        library.forget_meanings(encoder.name)
    for first in range(0, len(lacking), _AT_ONCE):
        some = lacking[first : first + _AT_ONCE]
        vectors = _encode(encoder, some)
        with library.transaction():
            library.put_meanings(encoder.name, some, vectors)
        if progress is not None:
            progress(first + len(some), len(lacking))
    return len(lacking)


def least_cosine(nearest: float, texts: int, least: float) -> float:
    """The cosine from which on one of so many texts is taken to mean what is looked for.

    `least` is an encoder's for a thousand texts. The more there are, the nearer the nearest of those that have nothing to do
    with it: among a tenth as many a smaller cosine tells as much. And beside a text that means just that, with the cosine
    `nearest`, those far from it are not worth a look.
    """
    size = min(max(texts, _FEWEST), _MOST)
    return max(least + _LESS_A_TENTH * math.log10(size / _MOST), _OF_THE_NEAREST * nearest)


class Meanings:
    """The vectors of all texts of a library, in memory: (N, D), 1 KB a text.

    What is lacking is made and kept in the library; where that is not possible, since it is read-only or in use, it is made
    all the same.
    """

    def __init__(self, library: Library, encoder: SentenceEncoder, progress: Progress | None = None) -> None:
        self._encoder = encoder
        kept = library.rows("SELECT text, vector FROM meanings WHERE encoder = ?", (encoder.name,))
        self.texts: list[str] = [text for text, _ in kept]
        parts = [np.frombuffer(b"".join(vector for _, vector in kept), "<f2").reshape(len(kept), -1)] if kept else []
        del kept
        lacking = _lacking(library, encoder)
        for first in range(0, len(lacking), _AT_ONCE):
            some = lacking[first : first + _AT_ONCE]
            parts.append(_encode(encoder, some))
            with suppress(LibraryError), library.transaction():
                library.put_meanings(encoder.name, some, parts[-1])
            if progress is not None:
                progress(first + len(some), len(lacking))
        self.texts += lacking
        self._vectors: NDArray[np.float16] = np.concatenate(parts) if parts else np.empty((0, 1), "<f2")

    def closest(self, words: str, least: float | None = None) -> list[tuple[float, str]]:
        """The texts whose cosine with the words is at least `least`, `least_cosine` if `None`; the nearest first."""
        if not self.texts:
            return []
        query = self._encoder.encode([words])[0]
        cosines = np.empty(len(self.texts), np.float32)
        for first in range(0, len(self.texts), _AT_ONCE):  # float32 of all at once would be twice the memory
            some = self._vectors[first : first + _AT_ONCE]
            cosines[first : first + _AT_ONCE] = some.astype(np.float32) @ query
        if least is None:
            least = least_cosine(float(cosines.max()), len(self.texts), self._encoder.least)
        near = np.flatnonzero(cosines >= least)
        near = near[np.argsort(-cosines[near], kind="stable")]
        return [(float(cosines[place]), self.texts[place]) for place in near]


def _lacking(library: Library, encoder: SentenceEncoder) -> list[str]:
    query = f"{_TEXTS} EXCEPT SELECT text FROM meanings WHERE encoder = ?"
    return [text for (text,) in library.rows(query, (encoder.name,))]


def _encode(encoder: SentenceEncoder, texts: list[str]) -> NDArray[np.float16]:
    return cast("NDArray[np.float16]", encoder.encode(texts).astype("<f2"))
