"""Albums: what is written about photos, read and written where other programs look for it; captions of a library in files."""

from __future__ import annotations

from pictell.albums.entry import AlbumEntry
from pictell.albums.exporting import FORMS, export
from pictell.albums.gallery import draw_gallery
from pictell.albums.indexing import OUTCOMES, IndexOptions, Plan, Result, index, plan
from pictell.albums.library import Library, default_library
from pictell.albums.lock import alone
from pictell.albums.looks import remember_looks
from pictell.albums.meaning import Meanings, remember_meanings
from pictell.albums.metadata import read_words
from pictell.albums.nouns import nouns_of
from pictell.albums.raw import picture_of
from pictell.albums.searching import Filters, Hit, search, similar
from pictell.albums.sentences import SentenceEncoder, sentence_encoder
from pictell.albums.sheet import draw_sheet
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
from pictell.albums.writing import HOW, How, Outcome, write_reviewed, write_words

__all__ = [
    "FIELDS",
    "FORMS",
    "HOW",
    "OUTCOMES",
    "AlbumEntry",
    "Field",
    "Filters",
    "FoundCaption",
    "FoundKeyword",
    "GeneratedWords",
    "Hit",
    "How",
    "IndexOptions",
    "Library",
    "Meanings",
    "Outcome",
    "PhotoWords",
    "Plan",
    "Provenance",
    "Result",
    "SentenceEncoder",
    "alone",
    "default_library",
    "draw_gallery",
    "draw_sheet",
    "export",
    "index",
    "nouns_of",
    "picture_of",
    "plan",
    "read_words",
    "remember_looks",
    "remember_meanings",
    "search",
    "sentence_encoder",
    "similar",
    "storable",
    "write_reviewed",
    "write_words",
]
