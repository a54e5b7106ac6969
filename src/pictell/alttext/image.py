"""What the readers of HTML and Markdown hand out: an image that lacks alt text, and the place where it would stand."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

_MARKDOWN_SPECIAL = re.compile(r"[\\`*_~\[\]<>&!]")
# Nothing in HTML, but HTML may stand in Markdown or in a template.
_SPECIAL_AROUND_HTML = re.compile(r"[\\`*_~\[\]|{}]")


@dataclass(frozen=True)
class Edit:
    """The characters `start` to `end` of a page become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Place:
    """Where alt text goes: between `before` and `after`, instead of the characters `start` to `end` of the page."""

    start: int
    end: int
    syntax: Literal["html", "markdown"]
    before: str = ""
    after: str = ""

    def edit(self, alt: str) -> Edit:
        """The edit that writes `alt` there, escaped as the syntax needs."""
        alt = " ".join(alt.split())
        if self.syntax == "html":
            # Both kinds of quotes are escaped, so it does not matter which are around it.
            escaped = _SPECIAL_AROUND_HTML.sub(lambda found: f"&#{ord(found[0])};", html.escape(alt))
        else:
            # No bar at all: a line with one and the line below may be a table.
            escaped = _MARKDOWN_SPECIAL.sub(r"\\\g<0>", alt).replace("|", "&#124;")
        return Edit(self.start, self.end, f"{self.before}{escaped}{self.after}")


@dataclass(frozen=True)
class Image:
    """An image without alt text.

    `start` is the offset of its first character, `url` its address as the page has it, with character references resolved,
    relative to the page. `place` is where alt text goes; where there is none, or the text is for a person to write,
    `for_a_person` says why.
    """

    start: int
    url: str
    place: Place | None
    for_a_person: str | None = None


def for_a_person(start: int, url: str, purpose: str) -> Image:
    """An image whose alt text says what something is for, which is not to be seen on it."""
    return Image(start, url, None, f"{purpose}: its alt text says what that is for")
