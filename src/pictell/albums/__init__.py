"""Albums: what is written about photos, read and written where other programs look for it; captions of a library in files."""

from __future__ import annotations

from pictell.albums.entry import AlbumEntry
from pictell.albums.exporting import FORMS, export
from pictell.albums.gallery import draw_gallery
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
    "FORMS",
    "HOW",
    "AlbumEntry",
    "Field",
    "FoundCaption",
    "FoundKeyword",
    "GeneratedWords",
    "How",
    "Outcome",
    "PhotoWords",
    "Provenance",
    "draw_gallery",
    "export",
    "nouns_of",
    "read_words",
    "storable",
    "write_words",
]
