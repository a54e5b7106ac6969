"""An explanation as an animation: the photo, and over it word after word what it comes from."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from pictell.insight.explanation import Explanation
from pictell.insight.lettering import FAINT, INK, PAPER, check_drawable, font, lines_of, write
from pictell.insight.overlay import over
from pictell.insight.panels import fitted

_AREA, _LARGEST, _NARROWEST = 420 * 315, 640, 300
_MARGIN, _TEXT, _LINE = 16, 24, 36
_MARK = (255, 205, 70)
_FIRST_MS, _WORD_MS, _LAST_MS = 1500, 900, 1800


def draw_frames(explanation: Explanation) -> list[Image.Image]:
    """The photo with its caption, then for each word the photo with its heat and the word marked in the caption.

    Raises `PictellError` where a word has letters that the typeface lacks.
    """
    check_drawable(explanation.text)
    photo = fitted(Image.fromarray(explanation.photo.pixels), _AREA, _LARGEST)
    pictures = [photo, *(over(photo, heat) for heat in explanation.heat())]
    return [_frame(picture, explanation, number - 1) for number, picture in enumerate(pictures)]


def gif(explanation: Explanation) -> bytes:
    """The frames as a GIF that runs for ever, a word a little less than a second."""
    frames = [_in_few_colours(frame) for frame in draw_frames(explanation)]
    durations = [_FIRST_MS, *[_WORD_MS] * (len(frames) - 2), _LAST_MS]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return file.getvalue()


def _in_few_colours(frame: Image.Image) -> Image.Image:
    """The 256 colours of a GIF: of the lettering exactly, of the picture as they serve it best, mixed by dots."""
    palette = Image.new("P", (1, 1))
    lettering = [*INK, *FAINT, *PAPER, *_MARK]
    palette.putpalette([*(frame.quantize(256 - len(lettering) // 3).getpalette() or []), *lettering])
    return frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _frame(picture: Image.Image, explanation: Explanation, current: int) -> Image.Image:
    """`current` is the number of the word that is said, -1 for none."""
    words = [word.text for word in explanation.words]
    width = max(picture.width, _NARROWEST)
    lines = list(lines_of(words, _TEXT, width - 2 * _MARGIN))
    frame = Image.new("RGB", (width, picture.height + len(lines) * _LINE + _MARGIN), PAPER)
    frame.paste(picture, ((width - picture.width) // 2, 0))
    draw = ImageDraw.Draw(frame)
    for number, line in enumerate(lines):
        baseline = picture.height + number * _LINE + _LINE
        for word, x in line:
            left = _MARGIN + x
            if word == current:
                box = (left - 5, baseline - _TEXT, left + font(_TEXT).getlength(words[word]) + 5, baseline + 8)
                draw.rounded_rectangle(box, 6, fill=_MARK)
            write(draw, (left, baseline), words[word], font(_TEXT), INK if current in (-1, word) else FAINT)
    return frame
