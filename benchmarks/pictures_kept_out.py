"""Kinds of pictures that are no photos and that the detector was not trained on, drawn in other ways than `recipes/detector`.

Each `KINDS[kind](random, photo)` draws one, a Pillow RGB image. Typefaces are other ones than in training, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

Random = np.random.Generator

_TYPEFACES = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10")
_WORDS = re.findall(
    r"\w+",
    "total amount paid river morning letter seven window number address street please return garden of the and to in for with "
    "from which about other chapter under between change order monday price quantity table open save file",
)


# -- of nothing, of noise, dark, out of focus ---------------------------------------------------------------------


def four_corners(random: Random, _: Image.Image) -> Image.Image:
    """Similar colours in the corners, mixed between them."""
    corners = random.uniform(0, 255, 3) + random.normal(0, 12, (2, 2, 3))
    return _image(corners).resize((300, 200), Image.Resampling.BILINEAR)


def faint_weave(random: Random, _: Image.Image) -> Image.Image:
    """A wall or a cloth, close up: hardly any relief."""
    down, across = np.mgrid[0:256, 0:256]
    wave = np.sin(across / random.uniform(1, 6)) + np.sin(down / random.uniform(1, 6))
    return _image(random.uniform(40, 220, 3) + random.uniform(0.3, 2) * wave[..., None])


def salt_and_pepper(random: Random, _: Image.Image) -> Image.Image:
    share = random.uniform(0.15, 0.5)
    drawn = random.random((224, 224, 1))
    return _image(np.where(drawn < share, 0, np.where(drawn > 1 - share, 255, 128)) * np.ones(3))


def television(random: Random, _: Image.Image) -> Image.Image:
    """A screen without a signal: snow in lines."""
    rows = random.exponential(70, (120, 320)) * random.uniform(0.3, 1, (120, 1))
    return _image(np.repeat(rows[..., None], 3, axis=2)).resize((320, 240), Image.Resampling.BILINEAR)


def confetti(random: Random, _: Image.Image) -> Image.Image:
    """Noise in the colours alone."""
    drawn = random.normal(0, 70, (240, 240, 3))
    return _image(128 + drawn - drawn.mean(axis=2, keepdims=True))


def underexposed(random: Random, photo: Image.Image) -> Image.Image:
    """A photo of which only the lights are left, faintly."""
    pixels = (np.asarray(photo, dtype=np.float32) / 255) ** random.uniform(5, 9) * random.uniform(10, 30)
    return _image(pixels + random.normal(0, random.uniform(0, 2), pixels.shape))


def hot_pixels(random: Random, _: Image.Image) -> Image.Image:
    """The lens cap on: black, with some dead points of a sensor."""
    pixels = np.abs(random.normal(0, 2, (224, 224, 3)))
    for _number in range(int(random.integers(3, 40))):
        pixels[tuple(random.integers(0, 224, 2))] = random.uniform(0, 255, 3)
    return _image(pixels)


def box_blurred(random: Random, photo: Image.Image) -> Image.Image:
    return photo.filter(ImageFilter.BoxBlur(random.uniform(16, 40)))


def out_of_focus(random: Random, photo: Image.Image) -> Image.Image:
    """Each point a disc, as a lens makes it; in linear light."""
    radius = int(random.integers(16, 34))
    down, across = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (np.hypot(down, across) <= radius).astype(np.float64)
    light = np.pad((np.asarray(photo) / 255.0) ** 2.2, ((radius,) * 2, (radius,) * 2, (0, 0)), "edge")
    height, width = light.shape[:2]
    spread = np.fft.irfft2(
        np.fft.rfft2(light, axes=(0, 1)) * np.fft.rfft2(disc / disc.sum(), (height, width))[..., None],
        (height, width), axes=(0, 1),
    )  # fmt: skip
    return _image(np.clip(spread[2 * radius :, 2 * radius :], 0, 1) ** (1 / 2.2) * 255)


def shaken(random: Random, photo: Image.Image) -> Image.Image:
    """Moved a third of the picture's width during the exposure, and out of focus."""
    photo = photo.rotate(random.uniform(0, 90), Image.Resampling.BICUBIC).crop((40, 40, 184, 184)).resize((224, 224))
    pixels = np.asarray(photo.filter(ImageFilter.GaussianBlur(3)), dtype=np.float32)
    path = int(random.integers(60, 110))
    padded = np.pad(pixels, ((0, 0), (path, path), (0, 0)), "edge")
    return _image(np.mean([padded[:, shift : shift + 224] for shift in range(path)], axis=0))


# -- of text ------------------------------------------------------------------------------------------------------


def formulas(random: Random, _: Image.Image) -> Image.Image:
    """A typeset page of mathematics."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    parts = (
        r"\int_0^1 f(x)\,dx",
        r"\sum_{i=1}^{n} a_i^2",
        r"\frac{\alpha+\beta}{1-\gamma}",
        r"\sqrt{x^2+y^2}",
        r"e^{-\lambda t}",
    )
    figure = Figure(figsize=(4, 5), dpi=70)
    for number in range(int(random.integers(6, 16))):
        line = f"{_line(random, 3)} ${random.choice(parts)} = {random.choice(parts)}$"
        figure.text(0.05, 0.95 - number * 0.06, line, fontsize=random.uniform(8, 13))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def receipt(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, size = _page(random, (360, 700), (250, 250, 245))
    for y in range(20, 660, int(size * 1.3)):
        draw.text((20, y), _line(random, 2), fill=(40, 40, 40), font=font)
        draw.text((290, y), f"{random.uniform(0, 99):.2f}", fill=(40, 40, 40), font=font)
    return page


def handwriting(random: Random, _: Image.Image) -> Image.Image:
    """Loops of a pen along lines of ruled paper."""
    page = Image.new("RGB", (500, 600), (252, 251, 240))
    draw = ImageDraw.Draw(page)
    ink = tuple(random.integers(0, 90, 3).tolist())
    for y in range(40, 580, 36):
        draw.line((0, y + 8, 500, y + 8), fill=(200, 210, 230))
        t = np.arange(0, random.uniform(200, 460), 1.2)
        tall = np.interp(t, np.arange(0, 480, 6), random.uniform(2, 14, 80))
        gaps = np.interp(t, np.arange(0, 480, 30), random.uniform(0, 1, 16)) > 0.2
        points = np.stack([20 + t + 4 * np.sin(t / 2.1), y - np.abs(tall * np.sin(t / 3.3))], axis=1)
        for first, last, down in zip(points[:-1], points[1:], gaps, strict=False):
            if down:
                draw.line((*first, *last), fill=ink, width=2)
    return page


def matrix_code(random: Random, _: Image.Image) -> Image.Image:
    """Black and white squares, as in codes that telephones read."""
    side = int(random.integers(21, 45))
    cells = random.integers(0, 2, (side, side)) * 255
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        cells[top : top + 7, left : left + 7] = 0
        cells[top + 1 : top + 6, left + 1 : left + 6] = 255
        cells[top + 2 : top + 5, left + 2 : left + 5] = 0
    code = _image(np.repeat(cells[..., None], 3, axis=2)).resize((side * 8, side * 8), Image.Resampling.NEAREST)
    return ImageOps.expand(code, int(random.integers(10, 60)), "white")


def bar_code(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, _size = _page(random, (400, 260), (255, 255, 255))
    x = 30.0
    while x < 370:
        wide = random.integers(1, 5) * 2
        draw.rectangle((x, 30, x + wide - 1, 200), fill=(0, 0, 0))
        x += wide + random.integers(1, 5) * 2
    draw.text((60, 210), " ".join(map(str, random.integers(0, 10, 12))), fill=(0, 0, 0), font=font)
    return page


def sheet_music(random: Random, _: Image.Image) -> Image.Image:
    page = Image.new("RGB", (600, 700), (255, 255, 250))
    draw = ImageDraw.Draw(page)
    for top in range(50, 650, 95):
        for line in range(5):
            draw.line((30, top + 9 * line, 570, top + 9 * line), fill=(0, 0, 0))
        for x in range(60, 560, int(random.integers(18, 40))):
            y = top + int(random.integers(-1, 10)) * 4.5
            draw.ellipse((x - 6, y - 4, x + 6, y + 4), fill=(0, 0, 0))
            draw.line((x + 6, y, x + 6, y - 30), fill=(0, 0, 0), width=2)
    return page


def slide(random: Random, _: Image.Image) -> Image.Image:
    """A few words in large letters on a coloured ground."""
    ground = tuple(random.integers(0, 256, 3).tolist())
    ink = (255, 255, 255) if sum(ground) < 380 else (0, 0, 0)
    page = Image.new("RGB", (640, 480), ground)
    draw = ImageDraw.Draw(page)
    draw.text((40, 40), _line(random, 3), fill=ink, font=_font(random, 48))
    for number in range(int(random.integers(3, 6))):
        draw.text((60, 140 + number * 62), "- " + _line(random, 4), fill=ink, font=_font(random, 30))
    return page


def crossword(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, _size = _page(random, (480, 480), (255, 255, 255))
    side = 480 // (cells := int(random.integers(9, 16)))
    for row in range(cells):
        for column in range(cells):
            box = (column * side, row * side, (column + 1) * side, (row + 1) * side)
            black = random.random() < 0.2
            draw.rectangle(box, outline=(0, 0, 0), fill=(0, 0, 0) if black else None)
            if not black and random.random() < 0.6:
                draw.text((box[0] + side / 4, box[1] + side / 5), chr(65 + int(random.integers(26))), fill=0, font=font)
    return page


# -- of screens ---------------------------------------------------------------------------------------------------


def terminal(random: Random, _: Image.Image) -> Image.Image:
    page, draw, *_rest = _page(random, (760, 520), tuple(random.integers(0, 40, 3).tolist()))
    font = _loaded("cmtt10", int(random.integers(13, 20)))
    for y in range(8, 500, 22):
        draw.text((8, y), "$ " * (random.random() < 0.2) + _line(random, int(random.integers(1, 10))), font=font,
                  fill=[(200, 200, 200), (90, 220, 90), (240, 200, 80), (110, 170, 255)][int(random.integers(4))])  # fmt: skip
    return page


def chat(random: Random, _: Image.Image) -> Image.Image:
    """Messages in bubbles on a telephone."""
    page, draw, font, size = _page(random, (400, 760), tuple(random.integers(200, 256, 3).tolist()))
    y = 20
    while y < 700:
        lines = int(random.integers(1, 4))
        own = random.random() < 0.5
        left = 120 if own else 20
        box = (left, y, left + 260, y + lines * size * 1.4 + 14)
        draw.rounded_rectangle(box, 14, fill=(190, 230, 190) if own else (255, 255, 255))
        for number in range(lines):
            draw.text((left + 10, y + 7 + number * size * 1.4), _line(random, 4), fill=(20, 20, 20), font=font)
        y += int(lines * size * 1.4) + 30
    return page


def spreadsheet(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, size = _page(random, (800, 560), (255, 255, 255))
    wide, high = int(random.integers(60, 120)), int(size * 1.6)
    for x in range(0, 800, wide):
        draw.line((x, 0, x, 560), fill=(205, 205, 205))
    for y in range(0, 560, high):
        draw.line((0, y, 800, y), fill=(205, 205, 205))
        if y == 0:
            draw.rectangle((0, 0, 800, high), fill=(225, 230, 240))
        for x in range(0, 800, wide):
            if random.random() < 0.7:
                text = f"{random.uniform(0, 1000):.1f}" if x else str(random.choice(_WORDS))
                draw.text((x + 4, y + 2), text, fill=(0, 0, 0), font=font)
    return page


def calculator(random: Random, _: Image.Image) -> Image.Image:
    """Keys with signs, in rows."""
    page, draw, *_rest = _page(random, (360, 560), tuple(random.integers(20, 240, 3).tolist()))
    draw.rectangle((20, 20, 340, 120), fill=(235, 240, 230))
    draw.text((150, 45), f"{random.uniform(0, 1e5):.2f}", fill=(0, 0, 0), font=_font(random, 44))
    for row in range(5):
        for column in range(4):
            x, y = 20 + column * 82, 140 + row * 82
            draw.rounded_rectangle((x, y, x + 70, y + 70), 8, fill=tuple(random.integers(60, 250, 3).tolist()))
            draw.text(
                (x + 25, y + 15), str(random.choice(list("0123456789+-x=%"))), fill=(0, 0, 0), font=_font(random, 32)
            )
    return page


def calendar(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, _size = _page(random, (700, 560), (255, 255, 255))
    draw.rectangle((0, 0, 700, 60), fill=tuple(random.integers(0, 256, 3).tolist()))
    for number in range(35):
        x, y = number % 7 * 100, 60 + number // 7 * 100
        draw.rectangle((x, y, x + 100, y + 100), outline=(190, 190, 190))
        draw.text((x + 6, y + 6), str(number + 1), fill=(60, 60, 60), font=font)
        if random.random() < 0.4:
            draw.rectangle((x + 4, y + 40, x + 96, y + 64), fill=tuple(random.integers(120, 256, 3).tolist()))
            draw.text((x + 8, y + 42), str(random.choice(_WORDS)), fill=(0, 0, 0), font=font)
    return page


# -- plots --------------------------------------------------------------------------------------------------------


def _plotting(draw: Callable[[Random, object], object], projection: str | None = None) -> Callable[..., Image.Image]:
    def make(random: Random, _: Image.Image) -> Image.Image:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(random.uniform(3, 6), random.uniform(3, 6)), dpi=60)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot(projection=projection)
        draw(random, axes)
        if random.random() < 0.5:
            axes.set_title(_line(random, 4))
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())

    return make


_MAPS = ("viridis", "hot", "coolwarm", "Blues", "gray")


def _surface(random: Random, axes: object) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 24), np.linspace(-3, 3, 24))
    axes.plot_surface(
        x, y, np.sin(x * random.uniform(0.5, 2)) * np.cos(y * random.uniform(0.5, 2)), cmap=random.choice(_MAPS)
    )


def _hills(random: Random) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 6, 50), np.linspace(0, 6, 50))
    return np.sin(x * random.uniform(0.5, 2)) + np.cos(y * random.uniform(0.5, 2) + x)


def _network(random: Random, axes: object) -> None:
    places = random.random((int(random.integers(6, 30)), 2))
    for _number in range(2 * len(places)):
        axes.plot(*places[random.integers(0, len(places), 2)].T, color="0.4", lw=1)
    axes.scatter(*places.T, s=random.uniform(60, 300), zorder=3)
    axes.set_axis_off()


def street_map(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, _size = _page(random, (600, 600), (240, 236, 226))
    for _number in range(int(random.integers(2, 6))):
        at = random.uniform(0, 600, 2)
        points = at + random.uniform(-150, 150, (6, 2))
        draw.polygon(
            [tuple(point) for point in points], fill=[(190, 225, 180), (170, 210, 240)][int(random.integers(2))]
        )
    for width, colour in ((5, (255, 255, 255)), (5, (255, 255, 255)), (10, (250, 215, 130))):
        for _number in range(int(random.integers(5, 14))):
            start, end = random.uniform(-50, 650, (2, 2))
            draw.line((*start, *end), fill=(200, 200, 200), width=width + 2)
            draw.line((*start, *end), fill=colour, width=width)
    for _number in range(12):
        draw.text(tuple(random.uniform(0, 560, 2)), str(random.choice(_WORDS)), fill=(70, 70, 70), font=font)
    return page


# -- drawings -----------------------------------------------------------------------------------------------------


def flow_chart(random: Random, _: Image.Image) -> Image.Image:
    page, draw, font, _size = _page(random, (600, 600), (255, 255, 255))
    last = None
    for row in range(4):
        for column in range(int(random.integers(1, 4))):
            x, y = 40 + column * 190, 30 + row * 145
            draw.rounded_rectangle((x, y, x + 140, y + 70), int(random.integers(0, 30)), outline=(0, 0, 0), width=3)
            draw.text((x + 12, y + 24), _line(random, 2), fill=(0, 0, 0), font=font)
            if last:
                draw.line((*last, x + 70, y), fill=(0, 0, 0), width=2)
            last = (x + 70, y + 70)
    return page


def maze(random: Random, _: Image.Image) -> Image.Image:
    page = Image.new("RGB", (480, 480), "white")
    draw = ImageDraw.Draw(page)
    side = int(random.integers(14, 32))
    for x in range(0, 480, side):
        for y in range(0, 480, side):
            end = (x + side, y) if random.random() < 0.5 else (x, y + side)
            draw.line((x, y, *end), fill=(0, 0, 0), width=int(random.integers(2, 5)))
    return page


def pencil(random: Random, photo: Image.Image) -> Image.Image:
    """A photo as a pencil sketch: divided by its own blur."""
    grey = photo.convert("L")
    inverted = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(random.uniform(1.5, 4)))
    base, blend = np.asarray(grey, dtype=np.float32), np.asarray(inverted, dtype=np.float32)
    sketch = np.clip(base * 255 / np.maximum(255 - blend, 1), 0, 255) ** 3 / 255**2
    return _image(np.repeat(sketch[..., None], 3, axis=2))


def level_lines(random: Random, photo: Image.Image) -> Image.Image:
    """The borders between a photo's levels, as on a map of heights."""
    soft = photo.convert("L").filter(ImageFilter.GaussianBlur(4))
    levels = soft.point(lambda level: level // 32 * 32)
    lines = ImageChops.difference(levels.filter(ImageFilter.MaxFilter(3)), levels)
    return lines.point(lambda level: 0 if level else 255).convert("RGB")


def rosette(random: Random, _: Image.Image) -> Image.Image:
    """What a drawing machine of wheels makes."""
    page = Image.new("RGB", (480, 480), "white")
    draw = ImageDraw.Draw(page)
    for _number in range(int(random.integers(1, 4))):
        t = np.linspace(0, 40 * math.pi, 2400)
        outer, inner, arm = random.uniform(60, 150), random.uniform(10, 70), random.uniform(20, 90)
        x = 240 + (outer - inner) * np.cos(t) + arm * np.cos((outer - inner) / inner * t)
        y = 240 + (outer - inner) * np.sin(t) - arm * np.sin((outer - inner) / inner * t)
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=tuple(random.integers(0, 180, 3).tolist()))
    return page


def stick_figures(random: Random, _: Image.Image) -> Image.Image:
    page = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(page)
    width = int(random.integers(2, 7))
    for _number in range(int(random.integers(2, 6))):
        x, y, size = random.uniform(40, 420), random.uniform(60, 180), random.uniform(20, 60)
        draw.ellipse((x - size / 2, y - size, x + size / 2, y), outline=0, width=width)
        draw.line((x, y, x, y + 2 * size), fill=0, width=width)
        for side in (-1, 1):
            draw.line((x, y + size / 2, x + side * size, y + random.uniform(-0.5, 1.5) * size), fill=0, width=width)
            draw.line((x, y + 2 * size, x + side * size * 0.7, y + 3.2 * size), fill=0, width=width)
    draw.line((0, 340, 480, 340), fill=0, width=width)
    return page


KINDS: dict[str, Callable[[Random, Image.Image], Image.Image]] = {
    "four corners": four_corners,
    "faint weave": faint_weave,
    "salt and pepper": salt_and_pepper,
    "television": television,
    "confetti": confetti,
    "underexposed": underexposed,
    "hot pixels": hot_pixels,
    "box blur": box_blurred,
    "out of focus": out_of_focus,
    "shaken": shaken,
    "formulas": formulas,
    "receipt": receipt,
    "handwriting": handwriting,
    "matrix code": matrix_code,
    "bar code": bar_code,
    "sheet music": sheet_music,
    "slide": slide,
    "crossword": crossword,
    "terminal": terminal,
    "chat": chat,
    "spreadsheet": spreadsheet,
    "calculator": calculator,
    "calendar": calendar,
    "heat map": _plotting(lambda random, axes: axes.imshow(random.random((8, 8)), cmap=random.choice(_MAPS))),
    "surface": _plotting(_surface, "3d"),
    "contours": _plotting(lambda random, axes: axes.contourf(_hills(random), cmap=random.choice(_MAPS))),
    "contour lines": _plotting(lambda random, axes: axes.contour(_hills(random), cmap=random.choice(_MAPS))),
    "polar": _plotting(lambda random, axes: axes.bar(np.arange(9), random.random(9), alpha=0.6), "polar"),
    "arrows": _plotting(lambda random, axes: axes.quiver(*random.normal(size=(2, 12, 12)))),
    "network": _plotting(_network),
    "street map": street_map,
    "flow chart": flow_chart,
    "maze": maze,
    "pencil": pencil,
    "level lines": level_lines,
    "rosette": rosette,
    "stick figures": stick_figures,
}


def _page(
    random: Random, size: tuple[int, int], ground: tuple[int, int, int]
) -> tuple[Image.Image, ImageDraw.ImageDraw, ImageFont.FreeTypeFont, int]:
    page = Image.new("RGB", size, ground)
    points = int(random.integers(13, 20))
    return page, ImageDraw.Draw(page), _font(random, points), points


def _line(random: Random, words: int) -> str:
    return " ".join(random.choice(_WORDS, words))


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _font(random: Random, size: int) -> ImageFont.FreeTypeFont:
    return _loaded(str(random.choice(_TYPEFACES)), size)


@cache
def _loaded(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)
