"""A page: its file, the images in it that lack alt text, and the page with alt texts written into it."""

from __future__ import annotations

import codecs
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pictell.alttext.html import read_html
from pictell.alttext.image import Edit, Image
from pictell.alttext.markdown import read_markdown
from pictell.alttext.patch import unified_diff
from pictell.errors import PictellError
from pictell.photos import printable

_HTML = frozenset({".htm", ".html", ".xht", ".xhtml"})
_MARKDOWN = frozenset({".markdown", ".md", ".mdown", ".mkd"})
PAGE_SUFFIXES = _HTML | _MARKDOWN
"""The suffixes, in lower case, of the files that are read."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_CHARSET_WITHIN = 1024  # bytes, as browsers look
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class Page:
    """A page as it was read: its bytes, which are `text` in `encoding`, and the images without alt text, first to last."""

    path: Path
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str
    images: Sequence[Image]
    base: str = ""

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset in `text`, from 1."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]


def read_page(path: str | os.PathLike[str]) -> Page:
    """Reads an HTML or Markdown file and finds the images in it that lack alt text.

    Raises:
        PictellError: it is neither by its suffix, or cannot be read.
        MissingExtraError: it is Markdown, and the parser for it is not installed.

    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        raise PictellError("not-a-page", f"{printable(path)}: a directory; name the pages in it")
    if suffix not in PAGE_SUFFIXES:
        suffixes = ", ".join(sorted(PAGE_SUFFIXES))
        raise PictellError("not-a-page", f"{printable(path)}: neither HTML nor Markdown by its name ({suffixes})")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictellError("unreadable", f"{printable(path)}: cannot be read ({error.strerror})") from error
    text, encoding = _decoded(data)
    if suffix in _MARKDOWN:
        images, base = read_markdown(text)
    else:
        html = read_html(text)
        images, base = html.images, html.base
    return Page(path, data, text, encoding, images, base)


def changed_bytes(page: Page, edits: Iterable[Edit]) -> list[tuple[int, int, bytes]]:
    """Which bytes of a page become which others (start, end, instead) by edits that do not overlap, first to last."""
    changes: list[tuple[int, int, bytes]] = []
    at = offset = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        start = offset + len(page.text[at : edit.start].encode(page.encoding))
        offset = start + len(page.text[edit.start : edit.end].encode(page.encoding))
        # What the encoding lacks HTML and Markdown have a reference for.
        changes.append((start, offset, edit.text.encode(page.encoding, "xmlcharrefreplace")))
        at = edit.end
    return changes


def rewritten(page: Page, edits: Iterable[Edit]) -> bytes:
    """The page's bytes with edits that do not overlap; all others are as they were."""
    pieces: list[bytes] = []
    at = 0
    for start, end, instead in changed_bytes(page, edits):
        pieces += [page.data[at:start], instead]
        at = end
    return b"".join([*pieces, page.data[at:]])


def diff(page: Page, edits: Iterable[Edit], name: str) -> bytes:
    """The edits as a unified diff of the file `name`.

    Raises:
        PictellError: the page is in UTF-16, which programs that apply diffs do not read.

    """
    changes = changed_bytes(page, edits)
    if changes and page.encoding.startswith("utf-16"):
        message = f"{printable(page.path)}: is in UTF-16, which a patch cannot be of; --in-place writes it"
        raise PictellError("utf-16", message)
    return unified_diff(name, page.data, changes)


def _decoded(data: bytes) -> tuple[str, str]:
    """The text and an encoding that gives exactly these bytes for it again."""
    declared = _CHARSET.search(data[:_CHARSET_WITHIN])
    by_mark = [encoding for mark, encoding in _BOMS if data.startswith(mark)]
    for encoding in [*by_mark, "utf-8", *([declared[1].decode("ascii")] if declared else []), "cp1252"]:
        try:
            text = data.decode(encoding)
            if text.encode(encoding) == data:
                return text, encoding
        except (UnicodeError, LookupError):
            continue
    return data.decode("latin-1"), "latin-1"
