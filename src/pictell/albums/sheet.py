"""A contact sheet: photos that were found, side by side, with what is written about them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pictell.albums.raw import picture_of
from pictell.albums.searching import Hit
from pictell.errors import PhotoError
from pictell.files import write_atomically
from pictell.photos import open_photo, printable

_SIDE = 240
_MARGIN = 12
_LINES = 3
_SIZE = 13
_LINE = 18
_COLUMNS = 5


def draw_sheet(hits: Sequence[Hit], path: Path) -> None:
    """Writes a PNG with the photos of `hits`, five in a row; one that cannot be opened has an empty place.

    Raises `OSError` where it cannot be written.
    """
    columns = max(min(_COLUMNS, len(hits)), 1)
    rows = max(-(-len(hits) // columns), 1)
    width, height = _SIDE + _MARGIN, _SIDE + _MARGIN + _LINES * _LINE + _MARGIN
    sheet = Image.new("RGB", (columns * width + _MARGIN, rows * height + _MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_SIZE)
    for number, hit in enumerate(hits):
        left, top = _MARGIN + number % columns * width, _MARGIN + number // columns * height
        try:
            photo = Image.fromarray(open_photo(picture_of(Path(hit.path)), smallest_side=_SIDE).pixels)
            photo.thumbnail((_SIDE, _SIDE))
            sheet.paste(photo, (left + (_SIDE - photo.width) // 2, top + (_SIDE - photo.height) // 2))
        except PhotoError:
            draw.rectangle((left, top, left + _SIDE, top + _SIDE), outline="grey")
        text = printable(f"{Path(hit.path).name}: {hit.own or hit.caption or ''}")
        for line, words in enumerate(_lines(text, font.getlength)):
            draw.text((left, top + _SIDE + 4 + line * _LINE), words, fill="black", font=font)
    picture = io.BytesIO()
    sheet.save(picture, "PNG")
    write_atomically(path, picture.getvalue())


def _lines(text: str, length: Callable[[str], float]) -> list[str]:
    """A text as lines no longer than a photo, and the beginning of one that is too long; `length` is of a text in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if length(longer) <= _SIDE:
            lines[-1] = longer
            continue
        lines += [""] * bool(lines[-1])
        for character in word:  # a file's name may be longer than a line
            if length(lines[-1] + character) > _SIDE:
                lines.append("")
            lines[-1] += character
    if len(lines) <= _LINES:
        return lines
    last = lines[_LINES - 1]
    while last and length(f"{last} ...") > _SIDE:
        last = last[:-1]
    return [*lines[: _LINES - 1], f"{last.rstrip()} ..."]
