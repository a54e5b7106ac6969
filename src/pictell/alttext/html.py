"""Images without alt text in HTML."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from pictell.alttext.filenames import is_file_name
from pictell.alttext.image import Image, Place, for_a_person
from pictell.alttext.tags import Tag, tags

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
# Those whose end tag is often left out, so that the next one ends them.
_ENDED_BY_NEXT = frozenset(["a", "button", "dd", "dt", "li", "option", "p", "td", "th", "tr"])
_PURPOSEFUL_ROLES = frozenset(
    ["button", "checkbox", "link", "menuitem", "option", "radio", "switch", "tab", "treeitem"]
)
_PURPOSEFUL = {"button": "in a button", "summary": "in a summary that opens and closes", "label": "in a form's label"}
_DECORATIVE_ROLES = frozenset({"none", "presentation"})
_TEMPLATE = re.compile(r"\{\{|\{%|<%|<\?|\$\{")
# `:alt`, `v-bind:alt`, `[alt]`, `[attr.alt]`, `th:alt`: a program writes the alt text.
_BOUND = re.compile(r"(?:.*[:.\[])?alt\]?|v-bind|x-bind")

IN_A_LINK = "in a link"
"""Why the alt text of an image in a link is for a person."""


@dataclass(frozen=True)
class _Open:
    """An element that is open, and what it and those around it mean for the images in it."""

    name: str
    purpose: str | None
    hidden: bool


@dataclass
class Surroundings:
    """What the elements around each place of a text mean for an image there."""

    _changes: list[int] = field(default_factory=list)
    _innermost: list[_Open] = field(default_factory=list)

    def add(self, at: int, innermost: _Open) -> None:
        """From the offset `at` on, later than those before, this element is the innermost."""
        self._changes.append(at)
        self._innermost.append(innermost)

    def at(self, offset: int) -> _Open:
        """The innermost element at an offset."""
        index = bisect_right(self._changes, offset)
        return self._innermost[index - 1] if index else _NOTHING


_NOTHING = _Open("", None, False)


@dataclass(frozen=True)
class Html:
    """The images without alt text in an HTML text, what surrounds each place of it, and the `href` of its `<base>`."""

    images: list[Image]
    surroundings: Surroundings
    base: str


def read_html(text: str) -> Html:
    """Finds the images that need alt text and have none, or a file's name for one.

    Those that are said to be decorative (`alt=""`, `role="presentation"`, `aria-hidden="true"` of themselves or of what they are
    in), that are named otherwise (`aria-label`, `aria-labelledby`) or whose alt text comes from a template are none of them.
    """
    images: list[Image] = []
    surroundings = Surroundings()
    base = ""
    stack = [_NOTHING]
    counts: Counter[str] = Counter()

    def close(name: str) -> None:
        while counts[name]:
            closed = stack.pop()
            counts[closed.name] -= 1
            if closed.name == name:
                return

    for tag in tags(text):
        if tag.closing:
            close(tag.name)
        elif tag.name in _VOID:
            if tag.name == "base" and not base:
                base = tag.value("href") or ""
            elif image := _image(tag, stack[-1]):
                images.append(image)
            continue
        else:
            if tag.name == "a" or (stack[-1].name == tag.name and tag.name in _ENDED_BY_NEXT):
                close(tag.name)
            around = stack[-1]
            hidden = around.hidden or _is_hidden(tag)
            stack.append(_Open(tag.name, _purpose(tag) or around.purpose, hidden))
            counts[tag.name] += 1
        surroundings.add(tag.end, stack[-1])
    return Html(images, surroundings, base)


def _purpose(tag: Tag) -> str | None:
    """What an element is for, where the images in it say it."""
    role = (tag.value("role") or "").strip().lower()
    if (tag.name == "a" and "href" in tag.attributes) or role == "link":
        return IN_A_LINK
    if role in _PURPOSEFUL_ROLES:
        return f"in what serves as a {role}"
    if "onclick" in tag.attributes:
        return "in what can be clicked"
    return _PURPOSEFUL.get(tag.name)


def _image(tag: Tag, around: _Open) -> Image | None:
    alt = tag.attributes.get("alt")
    if around.hidden or _is_hidden(tag) or _is_named(tag):
        return None
    if tag.name == "area":
        lacks = "href" in tag.attributes and not (alt and alt.value.strip())
        return for_a_person(tag.start, "", "a part of an image map that links") if lacks else None
    if tag.name == "input":
        lacks = (tag.value("type") or "").strip().lower() == "image" and not (alt and alt.value.strip())
        return for_a_person(tag.start, tag.value("src") or "", "a button") if lacks else None
    if tag.name != "img" or (tag.value("role") or "").strip().lower() in _DECORATIVE_ROLES:
        return None
    url = _address(tag)
    if alt and (not alt.value or (alt.value.strip() and not _is_file_name(alt.value, url))):
        return None
    if alt and not alt.value.strip():
        return Image(tag.start, url, None, 'its alt text is only white space; alt="" would say that it is decorative')
    if _TEMPLATE.search(url) or url.startswith("{"):
        return Image(tag.start, url, None, "a template writes its address")
    if not url:
        return Image(tag.start, "", None, "it has no address")
    purpose = around.purpose or _purpose(tag) or ("an image map" if "usemap" in tag.attributes else None)
    if purpose:
        return for_a_person(tag.start, url, purpose)
    return Image(tag.start, url, _place(tag))


def _is_hidden(tag: Tag) -> bool:
    return (tag.value("aria-hidden") or "").strip().lower() == "true"


def _is_file_name(alt: str, url: str) -> bool:
    return not _TEMPLATE.search(alt) and is_file_name(alt, url)


def _is_named(tag: Tag) -> bool:
    """Whether the image has another name than its alt text, or a template may give it one."""
    if (tag.value("aria-label") or "").strip() or (tag.value("aria-labelledby") or "").strip():
        return True
    bound = (name for name in tag.attributes if name != "alt")
    return any(_BOUND.fullmatch(name) or any(mark in name for mark in "{}%<") for name in bound)


def _address(tag: Tag) -> str:
    """The address of the picture; behind a stand-in, as pages that load pictures late have it, that of the picture itself."""
    url = (tag.value("src") or "").strip()
    if not url or url.lower().startswith("data:"):
        late = tag.value("data-src") or _first_of(tag.value("srcset")) or _first_of(tag.value("data-srcset"))
        return (late or url).strip()
    return url


def _first_of(srcset: str | None) -> str:
    words = (srcset or "").split()
    return words[0].strip(",") if words else ""


def _place(tag: Tag) -> Place:
    alt = tag.attributes.get("alt")
    if alt:
        return Place(alt.start, alt.end, "html", *(() if alt.quoted else ('"', '"')))
    # Behind the address it reads well, and is in the tag however that ends.
    for name in ("src", "data-src", "srcset", "data-srcset"):
        if source := tag.attributes.get(name):
            at = source.end + source.quoted
            return Place(at, at, "html", ' alt="', '"')
    raise AssertionError("an image with an address has the attribute that it is from")
