"""Explanations as pictures and pages: heat lies where it belongs, and everything is there."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pictell.errors import OptionError, PictellError
from pictell.insight import METHODS, Explanation, Method, draw_frames, draw_page, draw_panels, save
from pictell.insight.lettering import check_drawable, font, lines_of
from pictell.insight.overlay import heat_layer, over
from pictell.insight.page import where
from pictell.types import Photo, Word


def explanation(
    *words: str, width: int = 60, height: int = 40, method: Method = "attention", side: int = 7
) -> Explanation:
    """Of a grey photo; word number n comes from place n of the grid alone."""
    maps = np.eye(side * side, dtype=np.float32)[: len(words)].reshape(-1, side, side)
    photo = Photo(np.full((height, width, 3), 128, dtype=np.uint8), width, height, "array")
    return Explanation(
        photo, " ".join(words), tuple(Word(word, 0.5) for word in words), maps, method, "tiny@7", "en"
    )  # fmt: skip


@given(side=st.integers(2, 9), data=st.data())
def test_heat_is_brightest_over_its_place(side: int, data: st.DataObject) -> None:
    """The grid follows the photo's shape: its place (i, j) is at these parts of the height and the width."""
    row, column = data.draw(st.integers(0, side - 1)), data.draw(st.integers(0, side - 1))
    width, height = data.draw(st.tuples(st.integers(60, 200), st.integers(60, 200)))
    heat = np.zeros((side, side), dtype=np.float32)
    heat[row, column] = 1
    lit = np.asarray(over(Image.new("RGB", (width, height), (128, 128, 128)), heat).convert("L")).astype(float)
    assert lit.shape == (height, width)
    rows, columns = np.nonzero(lit == lit.max())
    assert row <= rows.mean() / height * side <= row + 1
    assert column <= columns.mean() / width * side <= column + 1


def test_lightness_rises_with_heat() -> None:
    heat = np.linspace(0, 1, 50, dtype=np.float32)[:, None] * np.ones((1, 2), dtype=np.float32)
    for grey in (0, 128, 255):
        photo = Image.new("RGB", (2, 50), (grey, grey, grey))
        lit = np.asarray(over(photo, heat).convert("L")).astype(int)[:, 0]
        assert (np.diff(lit) >= -1).all(), "more heat is never darker"
        assert lit[-1] > lit[0] + 40
    layer = np.asarray(heat_layer(heat, (2, 50)))
    assert layer.shape == (50, 2, 4)
    assert layer[..., 3].max() < 255, "the photo is seen through it"


@settings(max_examples=25)
@given(
    words=st.lists(st.text("abcdefghij's-", min_size=1, max_size=14), min_size=1, max_size=20),
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    method=st.sampled_from(METHODS),
)
def test_any_photo_and_caption_can_be_drawn(words: list[str], width: int, height: int, method: Method) -> None:
    drawn = explanation(*words, width=width, height=height, method=method)
    sheet = draw_panels(drawn)
    assert max(sheet.size) < 4000
    frames = draw_frames(drawn)
    assert len(frames) == len(words) + 1
    assert len({frame.size for frame in frames}) == 1
    assert len({frame.tobytes() for frame in frames}) == len(frames), "each word is marked"


@pytest.mark.parametrize("words", [("one",), ("a", "man", "in", "red"), tuple("abcdefghijk")])
def test_each_word_has_a_panel_with_its_heat(words: tuple[str, ...]) -> None:
    """Each word of these comes from one place, which lights one spot; the photo and the letters are grey."""
    ndimage = pytest.importorskip("scipy.ndimage")
    sheet = np.asarray(draw_panels(explanation(*words))).astype(int)
    above_legend = sheet[:-45]
    _, spots = ndimage.label(np.ptp(above_legend, axis=2) > 80)
    assert spots == len(words)


def test_lines_hold_every_word_once_and_fit() -> None:
    words = [
        "a",
        "man",
        "in",
        "a",
        "red",
        "shirt",
        "stands",
        "in",
        "front",
        "of",
        "a",
        "wonderfully",
        "decorated",
        "wall",
    ]
    for width in (40, 120, 500):
        lines = list(lines_of(words, 20, width))
        assert [number for line in lines for number, _ in line] == list(range(len(words)))
        for line in lines:
            last, x = line[-1]
            assert len(line) == 1 or x + font(20).getlength(words[last]) <= width


def test_letters_that_cannot_be_drawn_are_named() -> None:
    check_drawable("a dog's T-shirt, 2 (two)")
    for text in ("猫", "grün"):
        with pytest.raises(PictellError, match=r"\.html"):
            draw_panels(explanation("a", text))
        assert text in draw_page(explanation("a", text))


# -- the page -------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Buttons with their titles and texts, and every address that a tag names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.buttons: list[str] = []
        self.titles: list[str | None] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.open.append(tag)
        self.addresses += [str(given[name]) for name in ("src", "href", "action", "data", "srcset") if name in given]
        if tag == "button":
            self.buttons.append("")
            self.titles.append(given["title"])

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "button" in self.open:
            self.buttons[-1] += data


def test_the_page_needs_nothing_else() -> None:
    text = draw_page(explanation("two", "dogs"))
    page = _Page(text)
    assert page.buttons == ["two", "dogs"]
    assert len(page.addresses) == 3
    for address, format_name in zip(page.addresses, ("JPEG", "PNG", "PNG"), strict=True):
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
            assert image.format == format_name
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttp", text)


def test_what_words_hold_is_no_markup() -> None:
    evil = '<script>alert("x")</script>'
    page = _Page(draw_page(explanation(evil, "$text", "&amp;")))
    assert page.buttons == [evil, "$text", "&amp;"]
    assert str(page.titles[0]).startswith(evil)


def test_where_a_word_comes_from_in_words() -> None:
    def at(row: int, column: int, side: int = 7) -> str:
        heat = np.full((side, side), 0.1, dtype=np.float32)
        heat[row, column] = 1
        return where(heat)

    assert (at(0, 0), at(3, 3), at(6, 3), at(2, 6)) == ("top left", "centre", "bottom centre", "middle right")
    assert {at(row, column, 3) for row in range(3) for column in range(3)} == {
        "top left", "top centre", "top right", "middle left", "centre", "middle right", "bottom left", "bottom centre",
        "bottom right",
    }  # fmt: skip


# -- files ----------------------------------------------------------------------------------------------------------


def test_the_name_says_the_form(tmp_path: Path) -> None:
    drawn = explanation("two", "dogs")
    for name in ("a.png", "a.GIF", "a.html"):
        save(drawn, tmp_path / name)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(draw_panels(drawn)))
    with Image.open(tmp_path / "a.GIF") as image:
        assert (image.format, getattr(image, "n_frames", 1), image.info["loop"]) == ("GIF", 3, 0)
        assert image.size == draw_frames(drawn)[0].size
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == draw_page(drawn)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.GIF", "a.html", "a.png"]
    with pytest.raises(OptionError, match=r"\.png, \.gif, \.html"):
        save(drawn, str(tmp_path / "a.jpg"))
    with pytest.raises(PictellError, match="there is no directory"):
        save(drawn, tmp_path / "none" / "a.png")
