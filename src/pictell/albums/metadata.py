"""Reading what is written about a photo: in the file itself and in its sidecars."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pictell.albums.embedded import exif_time, read_embedded
from pictell.albums.own_words import XMP_FIELDS, is_generated, is_reviewed, newest, provenance_of, written_keywords
from pictell.albums.sidecar import belongs, read_sidecar, sidecars_of
from pictell.albums.words import (
    FIELDS,
    Field,
    FoundCaption,
    FoundKeyword,
    PhotoWords,
    Provenance,
    is_by_camera,
    same_keyword,
)
from pictell.albums.xmp import Packet
from pictell.errors import MetadataError
from pictell.photos import printable


def read_words(photo: str | os.PathLike[str]) -> PhotoWords:
    """Reads all captions and keywords of a photo, the camera and the time, and tells a person's words from pictell's.

    No pixel is decoded. A photo in a format that is not read here (raw files) has the words of its sidecars. What is broken
    is in `problems`, the rest is read.

    Raises:
        MetadataError: the photo is `missing`, `unreadable` or `not-a-file`.
        MissingExtraError: there is XMP, and `lxml` (the extra `albums`) is not installed.
    """
    return _words(_gather(Path(photo)))


def sidecar_packets(photo: Path) -> list[tuple[Path, Packet]]:
    """The photo's sidecars, read; raises what `read_sidecar` raises."""
    packets = ((path, read_sidecar(path)) for path in sidecars_of(photo))
    return [(path, packet) for path, packet in packets if belongs(packet, path, photo)]


@dataclass
class _Gathered:
    captions: list[tuple[Field, str, Path]] = field(default_factory=list)
    keywords: list[tuple[str, Path]] = field(default_factory=list)
    notes: list[Provenance] = field(default_factory=list)
    camera: str | None = None
    taken: datetime | None = None
    problems: list[MetadataError] = field(default_factory=list)

    def add_packet(self, packet: Packet, source: Path) -> None:
        """Takes what a packet has; EXIF's camera and time go before XMP's."""
        self.captions += [(name, text, source) for name in XMP_FIELDS for text in packet.texts(name)]
        self.keywords += [(text, source) for text in packet.texts("dc:subject")]
        if note := provenance_of(packet):
            self.notes.append(note)
        self.camera = self.camera or packet.text("tiff:Model")
        self.taken = self.taken or next(
            (
                time
                for name in ("exif:DateTimeOriginal", "photoshop:DateCreated")
                if (time := _xmp_time(packet.text(name)))
            ),
            None,
        )


def _gather(photo: Path) -> _Gathered:
    embedded = read_embedded(photo)
    found = _Gathered(camera=embedded.camera, taken=embedded.taken)
    found.captions += [(name, text, photo) for name, text in embedded.captions]
    found.keywords += [(text, photo) for text in embedded.keywords]
    if embedded.xmp is not None:
        try:
            found.add_packet(Packet(embedded.xmp, printable(photo)), photo)
        except MetadataError as error:
            found.problems.append(error)
    for sidecar in sidecars_of(photo):
        try:
            packet = read_sidecar(sidecar)
        except MetadataError as error:
            found.problems.append(error)
            continue
        if belongs(packet, sidecar, photo):
            found.add_packet(packet, sidecar)
    return found


def _words(found: _Gathered) -> PhotoWords:
    words = written_keywords(found.notes)
    captions = [
        FoundCaption(name, text.strip(), source, is_generated(name, text, found.notes), is_reviewed(text, found.notes))
        for name, text, source in found.captions
        if not is_by_camera(text)
    ]
    return PhotoWords(
        captions=tuple(sorted(captions, key=lambda each: (each.generated, FIELDS.index(each.field)))),
        keywords=tuple(
            FoundKeyword(text.strip(), source, same_keyword(text) in words) for text, source in found.keywords
        ),
        provenance=newest(found.notes),
        camera=found.camera,
        taken=found.taken,
        problems=tuple(found.problems),
    )


def _xmp_time(text: str | None) -> datetime | None:
    """A time of XMP (ISO 8601, of any precision) as the camera's own, without a zone."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None) if text else None
    except ValueError:
        return exif_time(text or "")
