"""The tags of an HTML text with the offsets of their parts, read as browsers read them.

The tokenisation of the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html#tokenization), as far as it decides
where tags are. `html.parser` tells where a tag begins but not where its attributes are, and what it takes for a comment or
a script differs between versions of Python. Text is never changed here, so whatever is not understood does no harm.

Liberties are taken on the side of reading less: templates (`{{ }}`, `{% %}`, `<% %>`, `<? ?>`) and CDATA sections are passed
over to their own ends, and titles and styles are text in SVG too.
"""

from __future__ import annotations

import html
import html.entities
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = " \t\n\f\r"
_NEXT = re.compile(r"<|\{[{%#]")
_NAME = re.compile(rf"[a-zA-Z][^{_SPACE}/>]*")
_ATTRIBUTE = re.compile(
    rf"""[{_SPACE}/]*(?P<name>[^{_SPACE}/>][^{_SPACE}/>=]*)"""
    rf"""(?:[{_SPACE}]*=[{_SPACE}]*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^{_SPACE}>"'][^{_SPACE}>]*)"""
    r"""|(?=>)|(?P<cut>)))?"""
)
_TO_END = re.compile(rf"[{_SPACE}/]*>")
_EMPTY_COMMENT = re.compile(r"<!---?>")
_COMMENT_END = re.compile(r"--!?>")
# Their contents are text, not tags.
_RAW = frozenset({"iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"})
_FOREIGN = frozenset({"math", "svg"})
# On one line and not far: two braces are common enough for other things.
_EXPRESSION = re.compile(r"\{\{[^\n]{0,500}?\}\}")
_CLOSED_BY = {"{%": "%}", "{#": "#}", "<%": "%>", "<?": "?>", "<![CDATA[": "]]>"}


@dataclass(frozen=True)
class Attribute:
    """An attribute: its value with character references resolved, and the offsets of the value, without its quotes."""

    value: str
    start: int
    end: int
    quoted: bool


@dataclass(frozen=True)
class Tag:
    """A tag from `start` (its `<`) to `end` (after its `>`); names are in lower case, of equal ones the first counts."""

    name: str
    start: int
    end: int
    attributes: dict[str, Attribute]
    closing: bool = False

    def value(self, name: str) -> str | None:
        """The value of an attribute, `None` where the tag has none of this name."""
        found = self.attributes.get(name)
        return None if found is None else found.value


def tags(text: str) -> Iterator[Tag]:
    """The tags of a text in their order, without those in comments, scripts, templates and the like."""
    at = 0
    foreign = 0  # how deep in SVG or MathML, where a tag may end itself
    unclosed: set[str] = set()  # what was looked for to the end in vain
    while found := _NEXT.search(text, at):
        at = found.start()
        if (end := _template_end(text, at, unclosed)) is not None:
            at = end
        elif text.startswith("<!--", at):
            at = _comment_end(text, at)
        elif tag := _tag(text, at):
            yield tag
            at = tag.end
            ended = text.startswith("/>", at - 2)
            if tag.name in _FOREIGN:
                foreign = max(0, foreign + (-1 if tag.closing else not ended))
            if tag.name in _RAW and not tag.closing and not (foreign and ended):
                at = _raw_end(text, at, tag.name)
        elif text[at] == "<" and _NAME.match(text, at + 1 + text.startswith("/", at + 1)):
            return  # a tag that never ends
        elif text.startswith(("<!", "<?", "</"), at):
            at = _after(text, ">", at + 2)
        else:
            at += 1


def _template_end(text: str, at: int, unclosed: set[str]) -> int | None:
    if expression := _EXPRESSION.match(text, at):
        return expression.end()
    for opening, closing in _CLOSED_BY.items():
        if text.startswith(opening, at) and opening not in unclosed:
            if (end := text.find(closing, at + len(opening))) >= 0:
                return end + len(closing)
            unclosed.add(opening)
    return None


def _comment_end(text: str, at: int) -> int:
    if empty := _EMPTY_COMMENT.match(text, at):
        return empty.end()
    end = _COMMENT_END.search(text, at + 4)
    return end.end() if end else len(text)


def _raw_end(text: str, at: int, name: str) -> int:
    if name == "plaintext":
        return len(text)
    end = re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE).search(text, at)
    return end.start() if end else len(text)


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _tag(text: str, start: int) -> Tag | None:
    closing = text.startswith("</", start)
    named = _NAME.match(text, start + 1 + closing)
    if text[start] != "<" or not named:
        return None
    attributes: dict[str, Attribute] = {}
    at = named.end()
    while not (end := _TO_END.match(text, at)):
        found = _ATTRIBUTE.match(text, at)
        if not found or found["cut"] is not None:
            return None  # the text ends within the tag
        at = found.end()
        attributes.setdefault(found["name"].lower(), _attribute(found))
    return Tag(named[0].lower(), start, end.end(), attributes, closing)


def _attribute(found: re.Match[str]) -> Attribute:
    for kind in ("double", "single", "bare"):
        if found[kind] is not None:
            return Attribute(_REFERENCE.sub(_meant, found[kind]), *found.span(kind), quoted=kind != "bare")
    return Attribute("", found.end(), found.end(), quoted=False)


# A reference to a character, numbered or named, and what may keep it from being one.
_REFERENCE = re.compile(r"&(?:#[0-9A-Za-z]+;?|[A-Za-z][0-9A-Za-z]*[;=]?)")


def _meant(found: re.Match[str]) -> str:
    """What a reference in an attribute's value means: without a semicolon none is taken out of a longer word, or before "="."""
    text = found[0]
    if text.startswith("&#"):
        return html.unescape(text)
    return html.entities.html5.get(text[1:], text)
