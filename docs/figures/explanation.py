"""Draws `explanation.png`: what each word that the shipped model says of the cat comes from, by attention.

python docs/figures/explanation.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import pictell
from pictell.insight import draw_panels, explain

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    sheet = draw_panels(explain(pictell.load(), ROOT / "examples" / "cat.jpg"))
    sheet.thumbnail((840, 840), Image.Resampling.LANCZOS)
    sheet.save(Path(__file__).with_name("explanation.png"), optimize=True)


if __name__ == "__main__":
    main()
