"""An explanation as one picture: the photo, and a panel for each word."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PIL import Image, ImageDraw

from pictell.insight.explanation import Explanation, Method
from pictell.insight.lettering import FAINT, INK, PAPER, check_drawable, fitting, font, lines_of, write
from pictell.insight.overlay import over, scale_bar

LEGENDS: Mapping[Method, str] = {
    "attention": "where the model looked to say the word (attention)",
    "occlusion": "what, hidden, makes the word less likely (occlusion)",
    "gradient": "what makes the word more likely (gradient)",
}
"""What heat shows, by method."""

_AREA = 250 * 190  # of a panel's photo, in pixels
_LARGEST = 520  # side of it
_NARROWEST = 110  # panel, so that words have room
_GAP, _MARGIN, _WORD, _TITLE, _SMALL = 14, 24, 22, 30, 15
_BAR, _LEGEND = (110, 12), 220  # the scale's size, and how far the text beside it is from the margin
_SHAPE = 1.6  # of the whole, width by height, as far as the number of panels lets it


def draw_panels(explanation: Explanation) -> Image.Image:
    """The photo first, then in the order of reading each word under the photo with its heat; a line says what heat is.

    Raises `PictellError` where a word has letters that the typeface lacks.
    """
    check_drawable(explanation.text)
    photo = fitted(Image.fromarray(explanation.photo.pixels), _AREA, _LARGEST)
    words = [word.text for word in explanation.words]
    panels = [("photo", photo), *zip(words, (over(photo, heat) for heat in explanation.heat()), strict=True)]
    width, height = max(photo.width, _NARROWEST), photo.height + _WORD + 16
    columns = _columns(len(panels), width + _GAP, height + _GAP)
    legend = LEGENDS[explanation.method]
    inside = max(columns * (width + _GAP) - _GAP, math.ceil(font(_SMALL).getlength(legend)) + _LEGEND)
    caption = explanation.text.split()
    lines = list(lines_of(caption, _TITLE, inside))
    top = _MARGIN + len(lines) * (_TITLE + 8) + 8
    bottom = top + math.ceil(len(panels) / columns) * (height + _GAP)

    sheet = Image.new("RGB", (inside + 2 * _MARGIN, bottom + _SMALL + _MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        for word, x in line:
            write(draw, (_MARGIN + x, _MARGIN + number * (_TITLE + 8) + _TITLE - 4), caption[word], font(_TITLE))
    for number, (name, picture) in enumerate(panels):
        left = _MARGIN + number % columns * (width + _GAP)
        above = top + number // columns * (height + _GAP)
        sheet.paste(picture, (left + (width - photo.width) // 2, above))
        at = (left + width / 2, above + photo.height + _WORD + 2)
        write(draw, at, name, fitting(name, _WORD, width), INK if number else FAINT, "ms")
    _draw_legend(sheet, draw, legend, (_MARGIN, bottom))
    return sheet


def fitted(photo: Image.Image, area: int, largest: int) -> Image.Image:
    """The photo in its own shape, with `area` pixels or, so that no side is above `largest`, fewer."""
    scale = min(math.sqrt(area / (photo.width * photo.height)), largest / max(photo.size))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    return photo.resize(size, Image.Resampling.LANCZOS)


def _columns(panels: int, width: int, height: int) -> int:
    """The number of columns whose sheet comes nearest to the shape wanted, with little of it left empty."""

    def misfit(columns: int) -> float:
        rows = math.ceil(panels / columns)
        shape = columns * width / (rows * height)
        return abs(math.log(shape / _SHAPE)) + 0.3 * (columns * rows - panels) / panels

    return min(range(1, panels + 1), key=misfit)


def _draw_legend(sheet: Image.Image, draw: ImageDraw.ImageDraw, legend: str, at: tuple[int, int]) -> None:
    x, y = at
    small, baseline = font(_SMALL), y + _SMALL - 2
    write(draw, (x, baseline), "less", small, FAINT)
    after_less = x + round(small.getlength("less")) + 8
    sheet.paste(scale_bar(_BAR, (150, 150, 150)), (after_less, y + 1))
    write(draw, (after_less + _BAR[0] + 8, baseline), "more", small, FAINT)
    write(draw, (x + _LEGEND, baseline), legend, small, FAINT)
