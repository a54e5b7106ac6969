"""Whose words they are: pictell's note in a packet, and setting pictell's words without touching a person's.

The note is in a namespace of pictell's own: program, model and version, confidence, the time of captioning (a photo's own dates
are never touched), and the words as they were written. A text that is equal to what the note says is pictell's and may be
refreshed; a person who changes it makes it theirs. `photoshop:CaptionWriter` ("Description Writer" in IPTC's terms) says for
other programs that a program wrote. IPTC's fields for generated pictures (`DigitalSourceType`, `AISystemUsed`) are left
alone: the words are generated, the photo is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from pictell import __version__
from pictell.albums.words import Field, GeneratedWords, Provenance, same_keyword, same_text, storable
from pictell.albums.xmp import Packet
from pictell.language.styles import ALT_LENGTH, alt_text

PROGRAM = "pictell"

_TEXTS = {"caption": "pictell:Caption", "alt": "pictell:AltText", "extended": "pictell:ExtendedDescription"}
XMP_FIELDS: tuple[Field, ...] = (
    "dc:description",
    "tiff:ImageDescription",
    "Iptc4xmpCore:AltTextAccessibility",
    "Iptc4xmpCore:ExtDescrAccessibility",
)


def provenance_of(packet: Packet) -> Provenance | None:
    """Pictell's note in a packet, `None` where there is none; what cannot be read of it is left out."""
    texts = {key: text for key, name in _TEXTS.items() if (text := packet.text(name)) is not None}
    earlier, reviewed = tuple(packet.texts("pictell:Earlier")), tuple(packet.texts("pictell:Reviewed"))
    if not texts and not earlier and not reviewed:
        return None
    confidence = at = None
    with suppress(ValueError):
        confidence = float(packet.text("pictell:Confidence") or "")
    with suppress(ValueError):
        at = datetime.fromisoformat(packet.text("pictell:CaptionedAt") or "").astimezone()
    model, version = packet.text("pictell:Model") or "", packet.text("pictell:ModelVersion")
    return Provenance(
        program=packet.text("pictell:Program") or "",
        model=f"{model}@{version}" if version else model,
        confidence=confidence if confidence is not None and 0 <= confidence <= 1 else None,
        at=at,
        texts=texts,
        earlier=earlier,
        keywords=tuple(packet.texts("pictell:Keywords")),
        reviewed=reviewed,
    )


def put_words(packet: Packet, words: GeneratedWords, keywords: Sequence[str] | None, *, again: bool = False) -> bool:
    """Sets pictell's words in a packet, and tells whether that changes anything but the time.

    The fields are set for `x-default`, whoever wrote them: whether they may be is for the caller to know. Of `keywords`,
    those that are new are added to a person's, and pictell's earlier ones that are not among them leave; one that a person
    took out stays out, unless `again`. With `None` keywords stay as they are.
    """
    before, noted = packet.canonical(), provenance_of(packet)
    unchanged_at = packet.text("pictell:CaptionedAt") if noted else None
    _put(packet, words, keywords, noted, again)
    # As if nothing but the time were new: what another version would write in the same words is no change.
    if unchanged_at is not None and noted is not None:
        packet.set_text("pictell:CaptionedAt", unchanged_at)
        packet.set_text("pictell:Program", noted.program or None)
        if packet.canonical() == before:
            return False
    packet.set_text("pictell:Program", f"{PROGRAM} {__version__}")
    packet.set_text("pictell:CaptionedAt", words.at.isoformat(timespec="seconds"))
    return True


def _put(
    packet: Packet, words: GeneratedWords, keywords: Sequence[str] | None, noted: Provenance | None, again: bool
) -> None:
    packet.set_default("dc:description", words.text)
    packet.set_default("tiff:ImageDescription", words.text)
    packet.set_default("Iptc4xmpCore:AltTextAccessibility", words.alt)
    if words.extended is not None:
        packet.set_default("Iptc4xmpCore:ExtDescrAccessibility", words.extended)
    elif noted is not None and "extended" in noted.texts:
        packet.remove_default("Iptc4xmpCore:ExtDescrAccessibility")
    if packet.text("photoshop:CaptionWriter") is None:
        packet.set_text("photoshop:CaptionWriter", PROGRAM)
    model, _, version = words.model.partition("@")
    packet.set_text("pictell:Model", model or None)
    packet.set_text("pictell:ModelVersion", version or None)
    packet.set_text("pictell:Confidence", None if words.confidence is None else f"{words.confidence:.4f}")
    now = {"caption": words.text, "alt": words.alt, "extended": words.extended}
    for key, text in now.items():
        packet.set_text(_TEXTS[key], text)
    if noted is not None:
        earlier = dict.fromkeys([*noted.earlier, *noted.texts.values()])
        packet.set_list("pictell:Earlier", [text for text in earlier if text not in now.values()])
    if keywords is not None:
        _put_keywords(packet, [kept for keyword in keywords if (kept := storable(keyword))], noted, again)


def put_reviewed(packet: Packet, text: str | None, keywords: Sequence[str] | None) -> bool:
    """Sets what a person decided in a review in the place of pictell's words, and tells whether that changes anything.

    The text is a person's from then on, without a note that pictell wrote it. `None` takes pictell's words and keywords out, and
    those of an earlier review. What pictell had written stays noted (`Earlier`), since other programs may have copied it to EXIF
    or IPTC, and so do the words of reviews (`Reviewed`), so that the next one may replace them. `keywords` are as in `put_words`.
    """
    before, noted = packet.canonical(), provenance_of(packet)
    drafts = [*noted.earlier, *noted.texts.values()] if noted else []
    reviewed = list(noted.reviewed) if noted else []
    if text is None:
        ours = set(map(same_text, [*(noted.texts.values() if noted else ()), *reviewed]))
        for field in XMP_FIELDS:
            if any(same_text(found) in ours for found in packet.texts(field)[:1]):
                packet.remove_default(field)
        keywords = []
    else:
        alt = alt_of(text)
        packet.set_default("dc:description", text)
        packet.set_default("tiff:ImageDescription", text)
        packet.set_default("Iptc4xmpCore:AltTextAccessibility", alt)
        if alt != text:
            packet.set_default("Iptc4xmpCore:ExtDescrAccessibility", text)
        else:
            packet.remove_default("Iptc4xmpCore:ExtDescrAccessibility")
        reviewed += [text, alt]
    if packet.text("photoshop:CaptionWriter") == PROGRAM:
        packet.set_text("photoshop:CaptionWriter", None)
    for name in ("Program", "Model", "ModelVersion", "Confidence", "CaptionedAt"):
        packet.set_text(f"pictell:{name}", None)
    for name in _TEXTS.values():
        packet.set_text(name, None)
    if keywords is not None:
        _put_keywords(packet, [kept for keyword in keywords if (kept := storable(keyword))], noted, False)
    packet.set_list("pictell:Reviewed", list(dict.fromkeys(reviewed)))
    packet.set_list("pictell:Earlier", [draft for draft in dict.fromkeys(drafts) if draft not in reviewed])
    return packet.canonical() != before


def alt_of(text: str) -> str:
    """A person's caption as alt text: as they wrote it, as far as there is room."""
    return text if len(text) <= ALT_LENGTH else alt_text(text)


def _put_keywords(packet: Packet, wanted: list[str], noted: Provenance | None, again: bool) -> None:
    """The note keeps those that a person took out, so that they stay out."""
    there = packet.texts("dc:subject")
    ours = set(map(same_keyword, noted.keywords)) if noted else set()
    now = set(map(same_keyword, there))
    rejected = set() if again else ours - now
    wanted_forms = set(map(same_keyword, wanted))
    kept = [word for word in there if same_keyword(word) not in ours or same_keyword(word) in wanted_forms]
    taken = set(map(same_keyword, kept)) | rejected
    added: dict[str, str] = {}
    for word in wanted:
        if same_keyword(word) not in taken:
            added.setdefault(same_keyword(word), word)
    packet.set_list("dc:subject", [*kept, *added.values()])
    still = [word for word in (noted.keywords if noted else ()) if same_keyword(word) in wanted_forms | rejected]
    packet.set_list("pictell:Keywords", [*still, *(word for form, word in added.items() if form not in ours)])


def newest(notes: Iterable[Provenance]) -> Provenance | None:
    """The newest note; those without a time count as oldest."""
    return max(notes, key=lambda note: note.at.timestamp() if note.at else float("-inf"), default=None)


def is_generated(field: Field, text: str, notes: Iterable[Provenance]) -> bool:
    """Whether a text is what pictell says it wrote.

    In the fields that pictell never writes, EXIF's and IPTC-IIM's, what it wrote earlier counts too: it is another program's
    copy. In its own fields, an earlier text is there because a person wanted it back.
    """
    form = same_text(text)
    return any(
        form in map(same_text, [*note.texts.values(), *(() if field in XMP_FIELDS else note.earlier)]) for note in notes
    )


def is_reviewed(text: str, notes: Iterable[Provenance]) -> bool:
    """Whether a text is what a person chose in a review."""
    form = same_text(text)
    return any(form in map(same_text, note.reviewed) for note in notes)


def written_keywords(notes: Iterable[Provenance]) -> set[str]:
    """All keywords that pictell says it added, in the form for comparing."""
    return {same_keyword(word) for note in notes for word in note.keywords}
