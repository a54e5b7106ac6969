"""The captions of an album in a file for other programs, in the form that its name asks for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path

from pictell.albums.entry import AlbumEntry
from pictell.albums.gallery import draw_gallery, link_to
from pictell.errors import OptionError, PictellError
from pictell.files import write_atomically
from pictell.photos import printable

# What a spreadsheet takes for the beginning of a formula. Photos from elsewhere bring captions from elsewhere.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+.!|~&-])")


def to_csv(entries: Iterable[AlbumEntry], folder: Path) -> str:
    """A table (RFC 4180) with the fields of `AlbumEntry`, an empty cell where there is nothing.

    An apostrophe goes before a text that a spreadsheet would take for a formula; what of a name is no valid text is escaped.
    """
    file = io.StringIO()
    table = csv.DictWriter(file, [field.name for field in fields(AlbumEntry)])
    table.writeheader()
    for entry in entries:
        row = asdict(entry) | {"path": printable(entry.path)}
        table.writerow({name: _cell(value) for name, value in row.items()})
    return file.getvalue()


def to_jsonl(entries: Iterable[AlbumEntry], folder: Path) -> str:
    """An object a line with the fields of `AlbumEntry`; a name's bytes that are no valid text are lone surrogates (PEP 383).

    `file`, the photo's place as seen from `folder`, and `caption`, a person's before pictell's, stand before them: for photos
    in the folder or below it that is a training set as `pictell.data.own_photos` reads it.
    """
    rows = ({"file": _file(entry.path, folder), "caption": entry.shown} | asdict(entry) for entry in entries)
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def to_markdown(entries: Iterable[AlbumEntry], folder: Path) -> str:
    """Each photo as an image with alt text, linked as seen from `folder`, and its caption below it."""
    parts = []
    for entry in entries:
        described, shown = (_escaped(text or "") for text in (entry.described, entry.shown))
        parts.append(f"![{described}]({link_to(entry.path, folder)})\n" + (f"\n{shown}\n" if shown else ""))
    return "\n".join(parts)


FORMS: Mapping[str, Callable[[Iterable[AlbumEntry], Path], str]] = {
    ".csv": to_csv,
    ".jsonl": to_jsonl,
    ".md": to_markdown,
    ".html": draw_gallery,
}
"""The forms, by the suffix of the file: of entries, and the folder that the file is in."""


def export(entries: Iterable[AlbumEntry], path: str | os.PathLike[str], form: str | None = None) -> None:
    """Writes a file in the form that its suffix asks for (`FORMS`), or `form`, such as "jsonl"; one that is there is replaced.

    Raises:
        OptionError: the suffix or the form is none of `FORMS`.
        PictellError: of kind `output`, when it cannot be written.
    """
    path = Path(path)
    draw = FORMS.get(path.suffix.lower() if form is None else f".{form.lower()}")
    if draw is None and form is not None:
        raise OptionError(f"an export's form is {', '.join(name[1:] for name in FORMS)}, not {form!r}")
    if draw is None:
        raise OptionError(f"{printable(path)}: an export is a file that ends in {', '.join(FORMS)}")
    try:
        write_atomically(path, draw(entries, path.parent))
    except OSError as error:
        raise PictellError("output", f"cannot write {printable(path)}: {error.strerror}") from error


def _file(path: str, folder: Path) -> str:
    try:
        return os.path.relpath(path, os.path.realpath(folder)).replace(os.sep, "/")
    except ValueError:  # another drive of Windows
        return path


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _escaped(text: str) -> str:
    """One line of Markdown that shows the text as it is (CommonMark, section 2.4)."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
