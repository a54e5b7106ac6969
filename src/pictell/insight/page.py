"""An explanation as one HTML page that needs nothing else: pointing at a word, or moving to it, lights what it comes from."""

from __future__ import annotations

import base64
import html
import io
from importlib import resources
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pictell.insight.explanation import Explanation
from pictell.insight.overlay import COLOUR_LEFT, heat_layer
from pictell.insight.panels import LEGENDS, fitted

_AREA, _LARGEST = 900 * 675, 1600
_LAYER = 96  # the longest side of a heat layer in pixels: it is smooth, and the browser makes it larger

_DOWN, _ACROSS = ("top", "middle", "bottom"), ("left", "centre", "right")


def draw_page(explanation: Explanation) -> str:
    """The page, which asks for nothing from anywhere: pictures, style and script are in it, and it forbids itself more.

    Where each word comes from is also told in words, for those who do not see it.
    """
    photo = fitted(Image.fromarray(explanation.photo.pixels), _AREA, _LARGEST)
    small = fitted(photo, _LAYER * _LAYER, _LAYER).size
    layers = [_data(heat_layer(heat, small), "PNG") for heat in explanation.heat()]
    buttons = [
        f'<button type="button" aria-pressed="false" title="{html.escape(word.text)}: most at the {where(heat)}">'
        f"{html.escape(word.text)}</button>"
        for word, heat in zip(explanation.words, explanation.heat(), strict=True)
    ]
    template = Template(resources.files("pictell.insight").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        text=html.escape(explanation.text),
        language=html.escape(explanation.language),
        model=html.escape(explanation.model),
        legend=html.escape(LEGENDS[explanation.method]),
        colour=COLOUR_LEFT,
        width=photo.width,
        height=photo.height,
        photo=_data(photo, "JPEG", quality=85),
        buttons=" ".join(buttons),
        layers="".join(f'<img class="heat" src="{layer}" alt="">' for layer in layers),
    )


def where(heat: NDArray[np.float32]) -> str:
    """In which ninth of the photo a map `(G, G)` is highest, in words: "top left", "centre"."""
    side = len(heat)
    row, column = divmod(int(heat.argmax()), side)
    named = f"{_DOWN[(2 * row + 1) * 3 // (2 * side)]} {_ACROSS[(2 * column + 1) * 3 // (2 * side)]}"
    return "centre" if named == "middle centre" else named


def _data(image: Image.Image, format_name: str, **options: int) -> str:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return f"data:image/{format_name.lower()};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
