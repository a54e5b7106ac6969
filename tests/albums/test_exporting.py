"""Exports: what goes in comes out of each form, whatever is in the names and words."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.albums import FORMS, AlbumEntry, draw_gallery, export
from pictell.albums.exporting import to_csv, to_jsonl, to_markdown
from pictell.errors import OptionError, PictellError

from .conftest import make_photo

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = '"><script>alert(1)</script> & $title <b onclick=x'

words = st.none() | st.text(st.characters(codec="utf-8"), min_size=1)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1).filter(
    lambda name: name not in (".", "..")
)
entries = st.builds(
    AlbumEntry,
    path=names.map(lambda name: f"/album/{name}"),
    text=words,
    alt=words,
    own=words,
    confidence=st.none() | st.floats(0, 1),
    band=st.sampled_from([None, "low", "medium", "high"]),
    model=st.sampled_from([None, "m@1"]),
)


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@given(st.lists(entries, max_size=4))
def test_json_lines_come_back(listed: list[AlbumEntry]) -> None:
    rows = [json.loads(line) for line in to_jsonl(listed, Path("/album")).splitlines()]
    assert [row.pop("caption") for row in rows] == [entry.shown for entry in listed]
    assert [f"/album/{row.pop('file')}" for row in rows] == [entry.path for entry in listed]
    assert [AlbumEntry(**row) for row in rows] == listed


@given(st.lists(entries, max_size=4))
def test_csv_comes_back_without_formulas(listed: list[AlbumEntry]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(listed, Path()), newline="")))
    for row, entry in zip(rows, listed, strict=True):
        for name in ("text", "alt", "own"):
            value = getattr(entry, name) or ""
            assert row[name] == (f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") and value else value)
        assert row["confidence"] == ("" if entry.confidence is None else str(entry.confidence))


@given(st.lists(entries, max_size=4))
def test_nothing_in_a_gallery_but_what_it_is_made_of(listed: list[AlbumEntry]) -> None:
    page = Page(draw_gallery(listed, Path("/album"), title=HOSTILE))
    assert {tag for tag, _ in page.elements} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "p", "ul", "li", "figure", "a", "span", "figcaption",
    }  # fmt: skip
    links = [str(attributes["href"]) for tag, attributes in page.elements if tag == "a"]
    assert [f"/album/{unquote(link)}" for link in links] == [entry.path for entry in listed]
    assert all(":" not in link for link in links)


@given(entries)
def test_markdown_has_an_image_on_one_line(entry: AlbumEntry) -> None:
    first = to_markdown([entry], Path("/album")).split("\n")[0]
    assert first.startswith("![")
    assert first.endswith(")")
    assert re.sub(r"\\.", "", first).count("](") == 1  # what is escaped left out


def test_a_persons_words_go_first() -> None:
    entry = AlbumEntry("/a/b.jpg", "a dog", "A dog.", own="Bello")
    assert to_markdown([entry], Path("/a")) == "![Bello](b.jpg)\n\nBello\n"
    assert to_markdown([AlbumEntry("/a/b c.jpg", "a dog", "A dog.")], Path("/a")) == "![A dog\\.](b%20c.jpg)\n\na dog\n"
    page = draw_gallery([entry], Path("/a"))
    assert "written by a person" in page
    assert "a dog" not in page
    accepted = draw_gallery([AlbumEntry("/a/b.jpg", own="a dog", review="accepted")], Path("/a"))
    assert "accepted by a person" in accepted
    assert 'lang=""' not in accepted


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path / "photo") + b"\xff.jpg")
    for suffix in FORMS:
        export([AlbumEntry(path, "a dog", "A dog.")], tmp_path / f"out{suffix}")
        assert (tmp_path / f"out{suffix}").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["path"] == path
    assert "%FF" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.csv, \.jsonl, \.md, \.html"):
        export([], tmp_path / "album.pdf")
    with pytest.raises(PictellError, match="cannot write"):
        export([], tmp_path / "none" / "album.csv")


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not on this machine (Debian: chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


def test_the_gallery_in_a_browser(tmp_path: Path, browser: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    photo = make_photo(tmp_path / "a photo & #1.jpg")
    export(
        [
            AlbumEntry(str(photo), "a dog", "A dog.", 0.3, "low", "m@1"),
            AlbumEntry(str(photo), own=HOSTILE),
            AlbumEntry(str(photo)),
            AlbumEntry(str(tmp_path / HOSTILE), "gone", "Gone."),
        ],
        tmp_path / "gallery.html",
    )
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto((tmp_path / "gallery.html").as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "gallery.html").as_uri()]
    assert said == []
    assert [image.get_attribute("alt") for image in page.get_by_role("img").all()] == [
        "A dog.",
        HOSTILE,
        f"Photo without a description: {photo.name}",
    ]
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        assert axe.Axe().run(page).violations_count == 0, axe.Axe().run(page).generate_report()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.tagName"))
    assert reached == ["A"] * 4
    page.get_by_role("link").first.press("Enter")
    page.wait_for_url("**/a%20photo%20%26%20%231.jpg")
