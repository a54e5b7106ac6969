"""Pictures to train the detector on: of each kind as many as wanted, no two alike, and photos as people have them.

Each `KINDS[kind](random, photo)` draws one picture, a Pillow RGB image of any size; `photo` is a photo to make it of,
where a kind needs one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Random = np.random.Generator
Draw = Callable[[Random, Image.Image], Image.Image]
Colour = tuple[int, int, int]

_VOWELS, _CONSONANTS = "aeiouy", "bcdfghjklmnpqrstvwxz"
_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic")


# -- photos -------------------------------------------------------------------------------------------------------


def photo(random: Random, picture: Image.Image) -> Image.Image:
    """A photo as it may come: cropped, dim or bright, grey, foggy, at night, a little soft or noisy, framed, written on."""
    picture = _cropped(random, picture)
    for chance, change in _CHANGES:
        if random.random() < chance:
            picture = change(random, picture)
    return picture


def _cropped(random: Random, picture: Image.Image) -> Image.Image:
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if random.random() < 0.6:
        share = random.uniform(0.6, 1.0)
        width, height = (round(side * share) for side in picture.size)
        left, top = (
            int(random.integers(0, side - part + 1)) for side, part in zip(picture.size, (width, height), strict=True)
        )
        picture = picture.crop((left, top, left + width, top + height)).resize((224, 224), Image.Resampling.BICUBIC)
    return picture


def _toned(random: Random, picture: Image.Image) -> Image.Image:
    gamma = math.exp(random.uniform(-0.7, 0.7))
    picture = picture.point([round(255 * (level / 255) ** gamma) for level in range(256)] * 3)
    picture = ImageEnhance.Contrast(picture).enhance(random.uniform(0.5, 1.5))
    return ImageEnhance.Color(picture).enhance(random.uniform(0.3, 1.8))


def _grey(random: Random, picture: Image.Image) -> Image.Image:
    grey = picture.convert("L")
    if random.random() < 0.4:
        return ImageOps.colorize(grey, _any_colour(random, 0, 60), _any_colour(random, 200, 256))
    return grey.convert("RGB")


def _foggy(random: Random, picture: Image.Image) -> Image.Image:
    return Image.blend(
        picture, Image.new("RGB", picture.size, _any_colour(random, 180, 256)), random.uniform(0.2, 0.65)
    )


def _at_night(random: Random, picture: Image.Image) -> Image.Image:
    return _with_noise(random, picture.point(lambda level: level * random.uniform(0.2, 0.5)), random.uniform(0, 5))


def _soft(random: Random, picture: Image.Image) -> Image.Image:
    if random.random() < 0.5:
        return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.5)))
    side = int(random.integers(64, 160))
    return picture.resize((side, side), Image.Resampling.BICUBIC).resize((224, 224), Image.Resampling.BICUBIC)


def _framed(random: Random, picture: Image.Image) -> Image.Image:
    """With bars on two sides or all around, of one colour."""
    frame = Image.new("RGB", (224, 224), _any_colour(random, *((0, 20) if random.random() < 0.5 else (220, 256))))
    across, down = (int(random.integers(0, 50)) if random.random() < 0.7 else 0 for _ in range(2))
    inside = picture.resize((224 - 2 * across, 224 - 2 * down), Image.Resampling.BICUBIC)
    frame.paste(inside, (across, down))
    return frame


def _written_on(random: Random, picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    size = int(random.integers(8, 28))
    at = (int(random.integers(0, 100)), int(random.integers(0, 210)))
    draw.text(at, _words(random, 4), fill=_any_colour(random, 0, 256), font=_font(random, size))
    return picture


def _many(random: Random, picture: Image.Image) -> Image.Image:
    """Four of it, mirrored and turned: finer than one, as a photo of more pixels is."""
    half = picture.resize((112, 112), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (224, 224))
    for number in range(4):
        part = ImageOps.mirror(half) if random.random() < 0.5 else half
        sheet.paste(part, (112 * (number % 2), 112 * (number // 2)))
    return sheet


_CHANGES: tuple[tuple[float, Draw], ...] = (
    (0.06, _many),
    (0.35, _toned),
    (0.12, _grey),
    (0.06, _foggy),
    (0.06, _at_night),
    (0.10, _soft),
    (0.08, lambda random, picture: picture.filter(ImageFilter.UnsharpMask(1, int(random.integers(50, 200))))),
    (0.10, lambda random, picture: _with_noise(random, picture, random.uniform(2, 14))),
    (0.08, _framed),
    (0.05, _written_on),
)


# -- pictures of nothing ------------------------------------------------------------------------------------------


def blank(random: Random, _: Image.Image) -> Image.Image:
    """One colour, or one that changes slowly; the grain of a sensor or of paper, a speck."""
    first = np.array(_any_colour(random, 0, 256), dtype=np.float32)
    change = random.normal(0, random.choice([0, 4, 25]), 3)
    down, across = np.mgrid[0:224, 0:224].astype(np.float32) / 223
    if random.random() < 0.5:
        angle = random.uniform(0, 2 * math.pi)
        slope = across * math.cos(angle) + down * math.sin(angle)
    else:
        middle = random.uniform(0, 1, 2)
        slope = np.hypot(across - middle[0], down - middle[1])
    pixels = first + slope[..., None] * change
    picture = _with_noise(random, _image(pixels), random.choice([0, 0, 1, 2, 4]))
    if random.random() < 0.2:
        x, y, r = random.integers(0, 224), random.integers(0, 224), random.integers(1, 8)
        ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=_any_colour(random, 0, 256))
    return picture


def noise(random: Random, _: Image.Image) -> Image.Image:
    """Random levels, fine or coarse, grey or coloured, of two distributions."""
    side = int(224 / random.choice([1, 1, 1, 2, 3, 5]))
    channels = int(random.choice([1, 3]))
    middle, spread = random.uniform(60, 200), random.uniform(20, 90)
    if random.random() < 0.5:
        pixels = random.normal(middle, spread, (side, side, channels))
    else:
        pixels = random.uniform(middle - 1.7 * spread, middle + 1.7 * spread, (side, side, channels))
    picture = _image(np.broadcast_to(pixels, (side, side, 3)))
    return picture.resize((224, 224), random.choice([Image.Resampling.NEAREST, Image.Resampling.BICUBIC]))


def dark(random: Random, picture: Image.Image) -> Image.Image:
    """A photo with next to no light in it, and the grain of the sensor; at times a small light."""
    scale = random.uniform(0, 0.07)
    picture = _with_noise(random, picture.point(lambda level: level * scale), random.choice([0, 1, 2, 3]))
    if random.random() < 0.2:
        x, y, r = random.integers(0, 224), random.integers(0, 224), random.integers(1, 5)
        ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=_any_colour(random, 120, 256))
    return picture


def blur(random: Random, picture: Image.Image) -> Image.Image:
    """A photo so far out of focus that nothing in it has a shape."""
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(8, 28)))
    return _with_noise(random, picture, random.choice([0, 0, 1, 2, 5]))


# -- text ---------------------------------------------------------------------------------------------------------


def text(random: Random, _: Image.Image) -> Image.Image:
    """A page or a part of one: columns, headings, paper and ink of any colour, straight or not, lit evenly or not."""
    width, height = int(random.integers(300, 900)), int(random.integers(300, 1100))
    paper, ink = _paper_and_ink(random)
    page = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(page)
    size = int(random.integers(9, 34))
    margin = int(random.integers(0, width // 6))
    columns = int(random.choice([1, 1, 1, 2, 3])) if size < 20 else 1
    gap = int(random.integers(10, 40))
    column = (width - 2 * margin - gap * (columns - 1)) // columns
    for number in range(columns):
        _column(random, draw, (margin + number * (column + gap), margin, column, height - 2 * margin), size, ink)
    if random.random() < 0.3:
        page = page.rotate(random.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=paper)
    if random.random() < 0.3:
        page = page.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.5)))
    return _lit(random, page)


def _column(random: Random, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, ink: Colour) -> None:
    left, top, width, height = box
    font = _font(random, size)
    leading = size * random.uniform(1.1, 1.9)
    letters = max(3, int(width / (size * 0.55)))
    y = float(top)
    while y + size < top + height:
        if random.random() < 0.06:
            heading = int(size * random.uniform(1.2, 2))
            draw.text((left, y), _words(random, 3)[: int(letters / 1.6)], fill=ink, font=_font(random, heading))
            y += heading * 1.6
        line = _words(random, letters // 4 + 1)[:letters]
        if random.random() < 0.12:
            line = line[: int(letters * random.uniform(0.1, 0.8))]
            draw.text((left, y), line, fill=ink, font=font)
            y += leading * random.choice([0, 0.7])
        else:
            draw.text((left, y), line, fill=ink, font=font)
        y += leading


def _paper_and_ink(random: Random) -> tuple[Colour, Colour]:
    light = _any_colour(random, 215, 256) if random.random() < 0.4 else (255, 255, 255)
    deep = _any_colour(random, 0, 90) if random.random() < 0.4 else (0, 0, 0)
    return (light, deep) if random.random() < 0.8 else (deep, light)


def _lit(random: Random, page: Image.Image) -> Image.Image:
    """As a camera or a scanner would see it, in half of all cases."""
    if random.random() < 0.5:
        return page
    page = page.resize((300, 300), Image.Resampling.BILINEAR)
    down, across = np.mgrid[0:300, 0:300].astype(np.float32) / 299
    light = random.uniform(0.6, 1) + random.uniform(-0.3, 0.3) * across + random.uniform(-0.3, 0.3) * down
    tint = random.uniform(0.85, 1, 3)
    return _with_noise(random, _image(np.asarray(page) * light[..., None] * tint), random.uniform(0, 5))


# -- screens ------------------------------------------------------------------------------------------------------


def screenshot(random: Random, _: Image.Image) -> Image.Image:
    """A window of a program: bars, a list, buttons, fields, text; light or dark; a desktop around it."""
    width, height = int(random.integers(500, 1200)), int(random.integers(400, 900))
    paper, ink = _paper_and_ink(random)
    accent = _any_colour(random, 30, 220)
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    shade: Colour = tuple(round(0.9 * p + 0.1 * i) for p, i in zip(paper, ink, strict=True))  # type: ignore[assignment]
    left, top = 0, 0
    if random.random() < 0.4:
        draw.rectangle((0, 0, width, height), fill=_any_colour(random, 0, 256))
        left, top = int(random.integers(10, width // 4)), int(random.integers(10, height // 4))
        draw.rectangle((left, top, width - left // 2, height - top // 2), fill=paper)
        width, height = width - left // 2, height - top // 2
    size = int(random.integers(11, 20))
    font = _font(random, size)
    bar = size * 2
    draw.rectangle((left, top, width, top + bar), fill=accent if random.random() < 0.5 else shade)
    draw.text((left + 10, top + size // 2), _words(random, 3), fill=ink, font=font)
    for number in range(3):
        x = width - (number + 1) * bar
        draw.ellipse((x, top + size // 2, x + size, top + size // 2 + size), fill=_any_colour(random, 60, 256))
    top += bar
    if random.random() < 0.6:
        side = int((width - left) * random.uniform(0.15, 0.35))
        draw.rectangle((left, top, left + side, height), fill=shade)
        for y in range(top + 10, height - size * 2, int(size * random.uniform(1.8, 3))):
            draw.rectangle((left + 8, y, left + 8 + size, y + size), fill=accent if random.random() < 0.3 else ink)
            draw.text((left + 16 + size, y), _words(random, 2)[: side // size], fill=ink, font=font)
        left += side
    y = top + size
    while y < height - 3 * size:
        choice = random.random()
        if choice < 0.5:
            for _ in range(int(random.integers(1, 6))):
                letters = int((width - left - 40) / (0.6 * size) * random.uniform(0.4, 1))
                if y < height - 2 * size:
                    draw.text((left + 20, y), _words(random, letters // 3 + 1)[:letters], fill=ink, font=font)
                    y += int(size * 1.5)
        elif choice < 0.75:
            box = (left + 20, y, left + int((width - left) * random.uniform(0.3, 0.95)), y + size * 2)
            draw.rectangle(box, outline=ink, fill=accent if random.random() < 0.4 else None)
            draw.text((left + 26, y + size // 2), _words(random, 2), fill=ink, font=font)
            y += size * 3
        else:
            bottom = min(height - size, y + int(random.integers(2, 8)) * size)
            draw.rectangle((left + 20, y, width - 20, bottom), fill=shade, outline=accent)
            draw.text((left + 30, y + 4), _words(random, 4), fill=ink, font=font)
            y = bottom + size
        y += size
    return screen


# -- plots --------------------------------------------------------------------------------------------------------


def plot(random: Random, _: Image.Image) -> Image.Image:
    """Lines, points, bars, a histogram, a pie, boxes, areas, with axes and words or without."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(random.uniform(3, 7), random.uniform(3, 6)), dpi=60)
    canvas = FigureCanvasAgg(figure)
    if random.random() < 0.25:
        figure.set_facecolor(np.array(_any_colour(random, 0, 256)) / 255)
    grid = (1, 1) if random.random() < 0.75 else (int(random.integers(1, 3)), 2)
    for axes in figure.subplots(*grid, squeeze=False).ravel():
        _plotted(random, axes)
        if random.random() < 0.25:
            axes.set_facecolor(np.array(_any_colour(random, 0, 256)) / 255)
        if random.random() < 0.6:
            axes.set_title(_words(random, 3))
            axes.set_xlabel(_words(random, 2))
            axes.set_ylabel(_words(random, 1))
        if random.random() < 0.4:
            axes.grid(visible=True)
        if random.random() < 0.1:
            axes.set_axis_off()
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _plotted(random: Random, axes: object) -> None:
    draw: dict[str, Callable[[], object]] = {
        "lines": lambda: [axes.plot(np.cumsum(random.normal(size=60)), lw=random.uniform(0.5, 4)) for _ in range(3)],
        "curves": lambda: axes.plot(np.sin(np.linspace(0, random.uniform(3, 30), 200)), color=random.random(3)),
        "points": lambda: axes.scatter(
            *random.normal(size=(2, int(random.integers(10, 400)))), s=random.uniform(4, 80)
        ),
        "bars": lambda: axes.bar(range(n := int(random.integers(3, 15))), random.random(n), color=random.random(3)),
        "lying": lambda: axes.barh(range(n := int(random.integers(3, 15))), random.random(n)),
        "histogram": lambda: axes.hist(
            random.normal(size=500), bins=int(random.integers(5, 50)), color=random.random(3)
        ),
        "pie": lambda: axes.pie(random.random(int(random.integers(2, 8)))),
        "boxes": lambda: axes.boxplot(random.normal(size=(30, int(random.integers(2, 8))))),
        "area": lambda: axes.fill_between(range(50), np.cumsum(random.random(50)), color=random.random(3)),
        "stems": lambda: axes.stem(random.random(20)),
    }  # type: ignore[attr-defined]
    draw[str(random.choice(list(draw)))]()


# -- drawings -----------------------------------------------------------------------------------------------------


def drawing(random: Random, picture: Image.Image) -> Image.Image:
    """Pen on paper: curves, polygons, circles, hatching; or the outlines of a photo."""
    paper, ink = _paper_and_ink(random)
    if random.random() < 0.35:
        return _outlined(random, picture, paper, ink)
    sheet = Image.new("RGB", (448, 448), paper)
    draw = ImageDraw.Draw(sheet)
    pen = int(random.integers(1, 8))
    coloured = random.random() < 0.2
    for _ in range(int(random.integers(3, 40))):
        colour = _any_colour(random, 0, 256) if coloured else ink
        at, size = random.uniform(0, 448, 2), random.uniform(10, 200)
        shape = random.choice(["curve", "polygon", "circle", "line", "hatching", "arc"])
        if shape == "curve":
            steps = np.cumsum(np.cumsum(random.normal(0, 1.2, (60, 2)), axis=0), axis=0)
            draw.line([tuple(point) for point in at + steps], fill=colour, width=pen, joint="curve")
        elif shape == "polygon":
            points = at + random.uniform(-size, size, (int(random.integers(3, 8)), 2))
            draw.polygon([tuple(point) for point in points], outline=colour, width=pen)
        elif shape == "circle":
            draw.ellipse((*at, *(at + random.uniform(8, size + 8, 2))), outline=colour, width=pen)
        elif shape == "arc":
            draw.arc((*at, *(at + random.uniform(8, size + 8, 2))), *random.uniform(0, 360, 2), fill=colour, width=pen)
        elif shape == "line":
            draw.line((*at, *random.uniform(0, 448, 2)), fill=colour, width=pen)
        else:
            apart = random.uniform(4, 14)
            for number in range(int(size / apart)):
                x, y = at[0] + number * apart, at[1]
                draw.line((x, y, x - size / 2, y + size / 2), fill=colour, width=max(1, pen // 2))
    if random.random() < 0.4:
        sheet = sheet.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.5)))
    return _lit(random, sheet)


def _outlined(random: Random, picture: Image.Image, paper: Colour, ink: Colour) -> Image.Image:
    """Where a photo changes most, as strokes."""
    grey = picture.convert("L").filter(ImageFilter.GaussianBlur(random.uniform(0.8, 2)))
    edges = np.asarray(
        ImageChops.add(*(grey.filter(ImageFilter.Kernel((3, 3), k, 1, 0)) for k in _SOBEL)), dtype=np.float32
    )
    least = np.percentile(edges, random.uniform(75, 95))
    strokes = Image.fromarray(((edges > least) * 255).astype(np.uint8))
    if random.random() < 0.5:
        strokes = strokes.filter(ImageFilter.GaussianBlur(0.6))
    return ImageOps.colorize(strokes, paper, ink)


_SOBEL = ((-1, 0, 1, -2, 0, 2, -1, 0, 1), (-1, -2, -1, 0, 0, 0, 1, 2, 1))

KINDS: dict[str, Draw] = {
    "blank": blank,
    "noise": noise,
    "dark": dark,
    "blur": blur,
    "text": text,
    "screenshot": screenshot,
    "plot": plot,
    "drawing": drawing,
}


# -- what all of them share ---------------------------------------------------------------------------------------


def finished(random: Random, picture: Image.Image) -> np.ndarray:
    """The picture as a model sees it, (224, 224, 3) uint8: squashed as photos are, and in half of all cases a JPEG before
    or after, as photos often are."""
    when = random.random()
    if when < 0.25:
        picture = _as_jpeg(random, picture)
    picture = picture.resize((224, 224), Image.Resampling.BICUBIC)
    if when > 0.75:
        picture = _as_jpeg(random, picture)
    return np.asarray(picture)


def _as_jpeg(random: Random, picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(random.integers(30, 96)))
    return Image.open(buffer).convert("RGB")


def _with_noise(random: Random, picture: Image.Image, spread: float) -> Image.Image:
    if not spread:
        return picture
    return _image(np.asarray(picture) + random.normal(0, spread, (picture.height, picture.width, 3)))


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _any_colour(random: Random, low: int, high: int) -> Colour:
    red, green, blue = random.integers(low, high, 3).tolist()
    return red, green, blue


def _words(random: Random, count: int) -> str:
    """Words of no language, of as many letters as English ones have."""
    syllables = random.integers(1, 5, count)
    consonants = iter(random.choice(list(_CONSONANTS), syllables.sum()))
    vowels = iter(random.choice(list(_VOWELS), syllables.sum()))
    return " ".join("".join(next(consonants) + next(vowels) for _ in range(own)) for own in syllables)


def _font(random: Random, size: int) -> ImageFont.FreeTypeFont:
    return _loaded(str(random.choice(_FONTS)), size)


@cache
def _loaded(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)
