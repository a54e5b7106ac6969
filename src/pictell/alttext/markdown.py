"""Images without alt text in Markdown: CommonMark with GitHub's tables, and the HTML in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pictell.alttext.filenames import is_file_name
from pictell.alttext.html import IN_A_LINK, read_html
from pictell.alttext.image import Image, Place, for_a_person
from pictell.errors import MissingExtraError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

    _Rule = Callable[[StateInline, bool], bool]

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
# Of Jekyll, Hugo and others: YAML or TOML before the text.
_FRONT_MATTER = re.compile(
    r"\ufeff?(?:---[ \t]*(?:\r\n?|\n)(?=\S).*?[\r\n](?:---|\.\.\.)|\+\+\+[ \t]*[\r\n].*?[\r\n]\+\+\+)[ \t]*(?=[\r\n]|\Z)",
    re.DOTALL,
)


def read_markdown(text: str) -> tuple[list[Image], str]:
    """The images whose alt text is empty, white space or a file's name, those of the HTML as by `read_html`, and its base.

    Raises:
        MissingExtraError: the parser, markdown-it-py, is not installed.

    """
    source = _Source(text)
    parser = _parser()
    found: list[tuple[Token, _Content, bool]] = []
    markup: list[tuple[int, int]] = []
    linked_tags: set[int] = set()
    before = ""
    for token in parser.parse(source.parsed):
        if token.type == "html_block":
            content = source.content(token)
            markup.extend(content.parts(0, len(token.content)))
        elif token.type == "inline":
            content = source.content(token, cell=before in ("td_open", "th_open"))
            links = 0
            for child in token.children or ():
                links += {"link_open": 1, "link_close": -1}.get(child.type, 0)
                if child.type == "image":
                    found.append((child, content, links > 0))
                elif child.type == "html_inline":
                    parts = list(content.parts(*child.meta["span"]))
                    markup += parts
                    linked_tags.update(start for start, _ in parts if links)
        before = token.type
    html = read_html(_only(text, markup))
    images = [
        for_a_person(image.start, image.url, IN_A_LINK) if image.start in linked_tags else image
        for image in html.images
    ]
    for token, content, linked in found:
        if image := _image(text, parser, token, content):
            around = html.surroundings.at(image.start)
            if purpose := IN_A_LINK if linked else around.purpose:
                image = for_a_person(image.start, image.url, purpose)
            if not around.hidden:
                images.append(image)
    return sorted(images, key=lambda image: image.start), html.base


def _parser() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
        from markdown_it.rules_inline import html_inline, image
    except ImportError as error:
        raise MissingExtraError("reading Markdown", "alt") from error

    def with_span(rule: _Rule) -> _Rule:
        # Inline tokens do not say where they are from; the rule that makes one knows.
        def marked(state: StateInline, silent: bool) -> bool:
            start = state.pos
            if not rule(state, silent):
                return False
            if not silent:
                end = state.pos
                # Asked for where there is a label alone: the parser keeps in mind what it skips on the way.
                label_end = state.md.helpers.parseLinkLabel(state, start + 1, False) if rule is image else -1
                state.pos = end
                state.tokens[-1].meta |= {"span": (start, end), "label_end": label_end}
            return True

        return marked

    parser = MarkdownIt("commonmark").enable("table")
    parser.inline.ruler.at("image", with_span(image))
    parser.inline.ruler.at("html_inline", with_span(html_inline))
    return parser


def _image(text: str, parser: MarkdownIt, token: Token, content: _Content) -> Image | None:
    from markdown_it.renderer import RendererHTML

    url = str(token.attrs["src"])
    alt = RendererHTML(parser).renderInlineAsText(token.children or [], parser.options, {})
    if alt.strip() and not is_file_name(alt, url):
        return None
    begin, end = token.meta["span"]
    start, label_end, last = (content.offset(at) for at in (begin, token.meta["label_end"], end - 1))
    if start is None or label_end is None or last is None:
        return Image(content.start, url, None, "where it stands in the file cannot be told")
    if "{{" in unquote(url):
        return Image(start, url, None, "a template writes its address")
    name = text[start + 2 : label_end]
    if text[label_end + 1 : last + 1] in ("", "[]"):  # ![name] and ![name][] find their address by the alt text
        return Image(start, url, Place(start + 2, last + 1, "markdown", after=f"][{name}]"))
    return Image(start, url, Place(start + 2, label_end, "markdown"))


def _only(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with all but some parts of it blank, so that what is found in it is where it was."""
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        parts += [" " * (start - at), text[start:end]]
        at = end
    return "".join([*parts, " " * (len(text) - at)])


@dataclass(frozen=True)
class _Line:
    """A line of a token's content: where it begins there, where in the text, and what it is."""

    begin: int
    start: int | None
    text: str
    in_cell: bool


class _Content:
    """The way from the content of a token, of which the parser has stripped what is around it, back to the text."""

    def __init__(self, start: int, lines: list[_Line]) -> None:
        self.start = start
        """The offset in the text of the line that the token begins in."""
        self._lines = lines
        self._begins = [line.begin for line in lines]

    def offset(self, at: int) -> int | None:
        """The offset in the text of a character of the content, `None` where it cannot be told."""
        line = self._lines[max(0, bisect_right(self._begins, at) - 1)]
        if line.start is None:
            return None
        before = line.text[: max(0, at - line.begin)]
        return line.start + len(_as_in_cell(before) if line.in_cell else before)

    def parts(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of the text that a part of the content is made of, one a line."""
        for line in self._lines:
            first, last = max(begin, line.begin), min(end, line.begin + len(line.text))
            if (
                first < last
                and (start := self.offset(first)) is not None
                and (stop := self.offset(last - 1)) is not None
            ):
                yield start, stop + 1


class _Source:
    """A Markdown text by its lines."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [match.span() for match in _LINE.finditer(text)]
        self._cells_end = [start for start, _ in self._lines]
        front = _FRONT_MATTER.match(text)
        head = front.end() if front else 0
        self.parsed = re.sub(r"[^\r\n]", "", text[:head]) + text[head:].removeprefix("\ufeff")
        """What the parser is to read: the same lines, empty where they are no Markdown."""

    def content(self, token: Token, *, cell: bool = False) -> _Content:
        """Where the content of a block's token comes from; the cells of a row are asked for from left to right."""
        assert token.map is not None
        content = token.content.split("\n")
        first, end = token.map
        if not cell:  # lines of form feeds and the like are in the block, but not in its content
            text = content[0].strip()
            first = next((number for number in range(first, end) if self._end_of_line(number, text) is not None), first)
        lines = []
        begin = 0
        for number, line in enumerate(content, first):
            text = line.strip()
            start = self._cell(number, text) if cell else self._end_of_line(number, text)
            lines.append(_Line(begin + len(line) - len(line.lstrip()), start, text, cell))
            begin += len(line) + 1
        return _Content(self._lines[token.map[0]][0], lines)

    def _end_of_line(self, number: int, content: str) -> int | None:
        """Where content is that nothing but the marks of a heading may follow."""
        if number >= len(self._lines):
            return None
        start, end = self._lines[number]
        line = self._text[start:end].rstrip()
        column = len(line) - len(content) if line.endswith(content) else line.find(content)
        return start + column if column >= 0 else None

    def _cell(self, number: int, content: str) -> int | None:
        found = self._text.find(_as_in_cell(content), self._cells_end[number], self._lines[number][1])
        if found < 0:
            return None
        self._cells_end[number] = found + len(_as_in_cell(content))
        return found


def _as_in_cell(content: str) -> str:
    """The content of a table's cell as the text has it."""
    return content.replace("|", r"\|")
