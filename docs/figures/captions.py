"""Draws `captions.png`: the photos of `examples/` with what the shipped model says of them, as it comes out.

python docs/figures/captions.py
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

import pictell

ROOT = Path(__file__).resolve().parents[2]
WIDTH, PICTURE, TEXT, MARGIN = 300, 220, 92, 12


def main() -> None:
    photos = sorted((ROOT / "examples").glob("*.jpg"))
    captions = pictell.load().caption_many(photos)
    columns = 3
    rows = -(-len(photos) // columns)
    size = (columns * (WIDTH + MARGIN) + MARGIN, rows * (PICTURE + TEXT + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font, small = ImageFont.load_default(17), ImageFont.load_default(12)
    for number, (photo, caption) in enumerate(zip(photos, captions, strict=True)):
        if isinstance(caption, pictell.PictellError):
            raise caption
        left = MARGIN + number % columns * (WIDTH + MARGIN)
        top = MARGIN + number // columns * (PICTURE + TEXT + MARGIN)
        with Image.open(photo) as image:
            picture = ImageOps.pad(image.convert("RGB"), (WIDTH, PICTURE), color="#eeeeee")
        sheet.paste(picture, (left, top))
        draw.multiline_text((left, top + PICTURE + 6), textwrap.fill(caption.text or "", 34), "black", font, spacing=3)
        draw.text(
            (left, top + PICTURE + TEXT - 20),
            f"{photo.name}   log-probability {caption.log_prob:.1f}",
            "#777777",
            small,
        )
    sheet.save(Path(__file__).with_name("captions.png"), optimize=True)


if __name__ == "__main__":
    main()
