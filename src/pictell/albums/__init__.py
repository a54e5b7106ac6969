"""Albums: what is written about photos, read and written where other programs look for it; captions of a library in files."""

from __future__ import annotations

from pictell.albums.metadata import read_words
from pictell.albums.nouns import nouns_of
from pictell.albums.words import (
    FIELDS,
    Field,
    FoundCaption,
    FoundKeyword,
    GeneratedWords,
    PhotoWords,
    Provenance,
    storable,
)
from pictell.albums.writing import HOW, How, Outcome, write_words

__all__ = [
    "FIELDS",
    "HOW",
    "Field",
    "FoundCaption",
    "FoundKeyword",
    "GeneratedWords",
    "How",
    "Outcome",
    "PhotoWords",
    "Provenance",
    "nouns_of",
    "read_words",
    "storable",
    "write_words",
]
