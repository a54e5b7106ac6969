"""Images without alt text in HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.alttext.html import read_html
from pictell.alttext.image import Edit
from pictell.alttext.tags import tags

PIECES = [
    "<img src=a.jpg>", '<img src="b.jpg" alt="b.jpg">', "<img alt=img_1.png src='c.jpg'/>", "<img src=d.jpg alt=''>",
    "<img SRC=e.jpg class=x>",
    "<img src=x alt='a dog'>", "<img src=x alt=' '>", "<a href=x>", "</a>", "<a name=x>", "<button>", "</button>",
    "<p>", "</p>", "<div aria-hidden=true>", "<div>",
    "</div>", "<picture>", "<source srcset=z.webp>", "</picture>", "<noscript>", "</noscript>", "<!--", "-->",
    "<script>", "</script>", "{{ x }}",
    "<img srcset='f.jpg 1x, g.jpg 2x'>", "<img src='data:,' data-src=h.jpg>", "text & é ", "\r\n", "\n", "<", "&lt;",
    '"', "<table><tr><td>", "<svg>", "</svg>", "<textarea>",
]  # fmt: skip
ALTS = st.text(alphabet="ab \n\"'<>&{}é", min_size=1).filter(lambda text: text.strip())


def write(text: str, edits: list[Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def urls(text: str) -> list[str]:
    """The addresses of the images that get a suggestion."""
    return [image.url for image in read_html(text).images if image.place]


def reason(text: str) -> str | None:
    [image] = read_html(text).images
    assert image.place is None
    return image.for_a_person


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), ALTS)
def test_nothing_but_alt_texts_changes(text: str, alt: str) -> None:
    html5lib = pytest.importorskip("html5lib")
    images = read_html(text).images
    edits = [image.place.edit(alt) for image in images if image.place]
    after = write(text, edits)

    def elements(page: str) -> list[tuple[str, dict[str, str], str, str]]:
        tree = html5lib.parse(page, namespaceHTMLElements=False)
        return [(str(e.tag), dict(e.attrib), e.text or "", e.tail or "") for e in tree.iter()]

    def without_alt(page: str) -> list[object]:
        return [
            (name, {k: v for k, v in attributes.items() if k != "alt"}, *texts)
            for name, attributes, *texts in elements(page)
        ]

    assert without_alt(after) == without_alt(text)
    words = " ".join(alt.split())
    written = [
        attributes for name, attributes, *_ in elements(after) if name == "img" and attributes.get("alt") == words
    ]
    assert len(written) == len(edits)
    assert (
        not [image for image in read_html(after).images if image.place] or alt.strip() in text
    )  # asks for nothing twice


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<img src=x.jpg>", '<img src=x.jpg alt="A &lt;dog&gt; &amp; &quot;I&quot;">'),
        ("<IMG  SRC='x.jpg'\n/>", "<IMG  SRC='x.jpg' alt=\"A &lt;dog&gt; &amp; &quot;I&quot;\"\n/>"),
        ("<img alt='x.jpg' src=x.jpg>", "<img alt='A &lt;dog&gt; &amp; &quot;I&quot;' src=x.jpg>"),
        ("<img alt=x.jpg src=x.jpg>", '<img alt="A &lt;dog&gt; &amp; &quot;I&quot;" src=x.jpg>'),
    ("<img src='data:image/gif,' data-src=x.jpg>",
    "<img src='data:image/gif,' alt=\"A &lt;dog&gt; &amp; &quot;I&quot;\" data-src=x.jpg>"),
    ],
)  # fmt: skip
def test_written_where_it_belongs(before: str, after: str) -> None:
    [image] = read_html(before).images
    assert image.place
    assert write(before, [image.place.edit('A <dog>\n & "I"')]) == after


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x.jpg alt=''>",
        "<img src=x.jpg alt>",
        "<img src=x.jpg alt='A dog'>",
        "<img src=dog.jpg alt=dog>",
        "<img src=x.jpg role=presentation>",
        "<img src=x.jpg role=NONE>",
        "<img src=x.jpg aria-hidden=true>",
        "<img src=x.jpg aria-label='A dog'>",
        "<div aria-hidden=true><b><img src=x.jpg></b></div>",
        "<img src=x.jpg :alt=title>",
        "<img src=x.jpg [attr.alt]=title>",
        "<img src=x.jpg {% if t %}alt='{{ t }}'{% endif %}>",
        "<img src=x.jpg {{ attributes }}>",
        "<img src=x.jpg alt='{{name}}.jpg'>",
        "<a href=/><img src=x.jpg alt=''>Home</a>",
        "<input type=text><input type=image src=x alt=Search><area alt=x href=/><area>",
    ],
)
def test_left_alone(text: str) -> None:
    assert read_html(text).images == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a href=/><b><img src=x.jpg></b></a>", "in a link"),
        ("<a href=/><img src=x.jpg alt=x.jpg></a>", "in a link"),
        ("<button><img src=x.jpg></button>", "in a button"),
        ("<span role=button><img src=x.jpg></span>", "serves as a button"),
        ("<summary><img src=x.jpg></summary>", "summary"),
        ("<div onclick=go()><img src=x.jpg></div>", "can be clicked"),
        ("<img onclick=go() src=x.jpg>", "can be clicked"),
        ("<img usemap=#m src=x.jpg>", "image map"),
        ("<area href=/>", "links"),
        ("<input type=image src=x.jpg>", "a button"),
        ("<input type=image src=x.jpg alt=''>", "a button"),
        ("<img src=x.jpg alt=' '>", "white space"),
        ("<img src='{{ x }}'>", "template"),
        ("<img src={photo}>", "template"),
        ("<img>", "no address"),
    ],
)
def test_for_a_person(text: str, why: str) -> None:
    assert why in (reason(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "<a href=/>x</a><img src=x.jpg>",
        "<a name=top><img src=x.jpg></a>",
        "<a name=top></a><a href=/></a><img src=x.jpg>",
        "<div aria-hidden=true><div></div></div><img src=x.jpg>",
        "<ul><li aria-hidden=true>a<li><img src=x.jpg></ul>",
        "<noscript><img src=x.jpg></noscript>",
        "<template><img src=x.jpg></template>",
        "<picture><source srcset=y.webp><img src=x.jpg></picture>",
        "<img srcset='x.jpg, y.jpg 2x'>",
        "<img src='  x.jpg '>",
        "<svg><title>x</title><path/></svg><img src=x.jpg>",
    ],
)
def test_found(text: str) -> None:
    assert urls(text) == ["x.jpg"]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_each_image_is_a_tag(text: str) -> None:
    starts = {tag.start for tag in tags(text)}
    for image in read_html(text).images:
        assert image.start in starts
        assert re.match("<(img|area|input)", text[image.start :], re.IGNORECASE)


def test_base() -> None:
    assert read_html("<base href='img/'><base href=x><img src=x.jpg>").base == "img/"
