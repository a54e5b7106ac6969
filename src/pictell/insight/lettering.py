"""Words in pictures, in the one typeface that Pillow brings along, so that they look the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from PIL import ImageDraw, ImageFont

from pictell.errors import PictellError

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK, FAINT, PAPER = (28, 28, 36), (110, 110, 122), (255, 255, 255)
"""Red, green, blue."""


@lru_cache
def font(size: int) -> Font:
    """The typeface at a size in pixels."""
    return ImageFont.load_default(size)


def fitting(text: str, size: int, width: int) -> Font:
    """The typeface at `size`, or as much smaller as lets `text` be no wider than `width`; never below 8 pixels."""
    while size > 8 and font(size).getlength(text) > width:
        size -= 1
    return font(size)


def check_drawable(text: str) -> None:
    """Raises `PictellError` where the typeface lacks a letter of `text`: it has no more than those of English."""
    plain = font(20)
    unknown = bytes(plain.getmask("\uffff"))
    for letter in text:
        if not letter.isspace() and bytes(plain.getmask(letter)) == unknown:
            raise PictellError("letters", f"no typeface here draws {letter!r}: write an .html page instead")


def lines_of(words: Sequence[str], size: int, width: int) -> Iterator[list[tuple[int, float]]]:
    """Lines no wider than `width`, each the numbers of its words and where they begin; a longer word has its own line."""
    typeface = font(size)
    space = size * 0.35
    line: list[tuple[int, float]] = []
    x = 0.0
    for number, word in enumerate(words):
        length = typeface.getlength(word)
        if line and x + length > width:
            yield line
            line, x = [], 0.0
        line.append((number, x))
        x += length + space
    if line:
        yield line


def write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, typeface: Font, colour: tuple[int, int, int] = INK,
    anchor: str = "ls",
) -> None:  # fmt: skip
    """Writes a line of text, by default from its left end on its baseline."""
    draw.text(at, text, fill=colour, font=typeface, anchor=anchor)
