"""What is written about a photo, in it and beside it: whose words they are, and what pictell writes of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from pictell.errors import MetadataError
from pictell.language.styles import ALT_LENGTH, alt_text
from pictell.types import Caption

Field = Literal[
    "dc:description",
    "tiff:ImageDescription",
    "Iptc4xmpCore:AltTextAccessibility",
    "Iptc4xmpCore:ExtDescrAccessibility",
    "IPTC:Caption-Abstract",
    "EXIF:ImageDescription",
    "EXIF:UserComment",
]
FIELDS: tuple[Field, ...] = get_args(Field)
"""Where captions are looked for, the likeliest to be a whole description first."""

# What XML 1.0 cannot hold (section 2.2): lone surrogates, two noncharacters, most control characters. The other ones go too,
# since Adobe's XMP toolkit changes some.
_NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# What cameras, phones and their programs put where a description belongs.
_BY_CAMERAS = re.compile(
    r"""(?:olympus|minolta|konica|kodak|samsung|sony|pentax|vivitar|polaroid)?[ _]*
    (?:digital[ ](?:still[ ])?camera|dsc|dcim.*|dji.*|default|exif_jpeg_\w+|image[ ]description|untitled|screenshot|hisilicon.*
    |cof|edf|rbt|hdr|mde|oznor|ptr|rhdr|sdr|vtr|nor|cav|\{.*\})""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class FoundCaption:
    """A caption in one field of one file; `generated` where it is, to the letter, what pictell once wrote there. One that is
    `reviewed` is a person's, put there from a review of the library."""

    field: Field
    text: str
    source: Path
    generated: bool
    reviewed: bool = False


@dataclass(frozen=True)
class FoundKeyword:
    """A keyword of one file; `generated` where pictell added it."""

    text: str
    source: Path
    generated: bool


@dataclass(frozen=True)
class Provenance:
    """What pictell noted when it wrote: by which program and model (`name@version`), how sure (0..1), when, and its words.

    `texts` maps what was written (`caption`, `alt`, `extended`) to the text, `earlier` are texts that those replaced;
    `keywords` are those that were added. After a review `texts` is empty, and `reviewed` are the words that a person chose then.
    """

    program: str
    model: str
    confidence: float | None
    at: datetime | None
    texts: Mapping[str, str]
    earlier: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhotoWords:
    """Everything that is written about a photo, in itself and in its sidecars.

    `captions` has a person's before pictell's, each in the order of `FIELDS`; `provenance` is the newest note of pictell's.
    `camera` is make and model; `taken` the camera's local time, without a zone. `problems` are files or parts of them that
    could not be read: what a person wrote there is not known.
    """

    captions: tuple[FoundCaption, ...] = ()
    keywords: tuple[FoundKeyword, ...] = ()
    provenance: Provenance | None = None
    camera: str | None = None
    taken: datetime | None = None
    problems: tuple[MetadataError, ...] = ()

    @property
    def own(self) -> str | None:
        """A person's caption, `None` where there is none."""
        return next((found.text for found in self.captions if not found.generated), None)

    @property
    def generated(self) -> str | None:
        """Pictell's caption, as far as nobody changed it; `None` where there is none."""
        return next((found.text for found in self.captions if found.generated), None)

    @property
    def own_keywords(self) -> tuple[str, ...]:
        """The keywords that a person gave, each once."""
        return tuple(dict.fromkeys(found.text for found in self.keywords if not found.generated))


@dataclass(frozen=True)
class GeneratedWords:
    """What pictell says of a photo, to be written: each text is one line that XML can hold (see `storable`).

    `alt` is the caption as alt text, `extended` a longer text where there is one. `model` is `name@version`, `confidence`
    in 0..1, `at` the time of captioning with its zone.

    Raises:
        ValueError: nothing of the caption can be stored, or `at` has no zone.
    """

    text: str
    alt: str
    model: str
    at: datetime
    confidence: float | None = None
    extended: str | None = None

    def __post_init__(self) -> None:
        for name in ("text", "alt", "model"):
            object.__setattr__(self, name, storable(getattr(self, name)))
        object.__setattr__(self, "extended", storable(self.extended or "") or None)
        if not self.text or not self.alt:
            raise ValueError("a caption without a character that could be written")
        if self.at.tzinfo is None:
            raise ValueError("a time of captioning without a zone")

    @classmethod
    def of(cls, caption: Caption, at: datetime) -> GeneratedWords:
        """The words of a caption that was made at a time; what alt text has no room for goes to `extended`.

        Raises `ValueError` where the caption is withheld.
        """
        if caption.text is None:
            raise ValueError("a withheld caption has no words to write")
        said = caption.raw or caption.text
        return cls(
            text=caption.text,
            alt=alt_text(said) or said,
            model=caption.model,
            at=at,
            confidence=caption.confidence,
            extended=said if len(said) > ALT_LENGTH else None,
        )


def is_by_camera(text: str) -> bool:
    """Whether a text is what cameras and phones put where a description belongs, or the settings of one: nobody's words."""
    return _BY_CAMERAS.fullmatch(text.strip()) is not None


def storable(text: str) -> str:
    """The text as one line without what XML cannot hold; what is left out or stands for a line's end becomes a space."""
    return " ".join(_NOT_XML.sub(" ", text).split())


def same_text(text: str) -> str:
    """The form in which two texts are compared: other programs change accents' composition and spaces as they save."""
    return unicodedata.normalize("NFC", storable(text))


def same_keyword(keyword: str) -> str:
    """The form in which two keywords are compared: the case of letters makes no other keyword."""
    return same_text(keyword).casefold()
