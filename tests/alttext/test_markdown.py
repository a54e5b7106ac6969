"""Images without alt text in Markdown."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pictell.alttext.image import Edit
from pictell.alttext.markdown import read_markdown
from pictell.errors import MissingExtraError

markdown_it = pytest.importorskip("markdown_it")

LINES = [
    "![](a.jpg)", "text ![](b.jpg 'title') more ![ ](c.jpg)", "![d.jpg][r]", "![e.jpg][]", "![e.jpg]",
    "![*f.jpg*](f.jpg)", "![a dog](x.jpg)", "![",
    "](g.jpg)", "# ![](h.jpg) #", "[![](i.jpg)](http://x)", "`![](j.jpg)`", "```", "    ![](k.jpg)", "\\![](l.jpg)",
    "", "", "===", "---", "| a | ![](m.jpg) |",
    "|---|---|", "| x \\| ![](n.jpg) | ![](n.jpg) |", "<img src=o.jpg>", "<div>", "</div>", "<a href=x>", "</a>",
    "text <img src='p.jpg'> <b>![](q.jpg)</b>", "<img", "src=s.jpg>",
    "<!--", "-->", "[r]: r.jpg", "[e.jpg]: e.jpg 'x'", "* * *", "1. ![](t.jpg)", "\t![](u.jpg)", "![é](v.jpg)\u00a0",
    "&amp; ![](w\\_.jpg)", "+++", "<script>", "\f",
]  # fmt: skip
PREFIXES = ["", "", "", "> ", "- ", "  ", "1. ", "> > ", "   - "]
ALTS = st.text(alphabet="ab \n[]()!*_`<>&\\|~{é", min_size=1).filter(lambda text: text.strip())


def write(text: str, edits: list[Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def rendered(text: str) -> str:
    front = re.match(r"\ufeff", text)
    return str(markdown_it.MarkdownIt("commonmark").enable("table").render(text[front.end() if front else 0 :]))


def without_alts(html: str) -> str:
    # As markdown-it writes them, and as pictell does.
    return re.sub(r' alt="[^"]*"', "", html)


pages = st.tuples(
    st.lists(st.tuples(st.sampled_from(PREFIXES), st.sampled_from(LINES)), max_size=10),
    st.sampled_from(["\n", "\r\n", "\r"]),
).map(lambda drawn: drawn[1].join(prefix + line for prefix, line in drawn[0]))


@example("text <img src='p.jpg'> <b>![](q.jpg)</b>\n<img src=o.jpg>\n[![](i.jpg)](http://x)", "<<<<")
@given(pages, ALTS)
def test_nothing_but_alt_texts_changes(text: str, alt: str) -> None:
    if re.match(r"---|\+\+\+", text):
        return  # front matter: below
    images, _ = read_markdown(text)
    edits = [image.place.edit(alt) for image in images if image.place]
    after = write(text, edits)
    assert without_alts(rendered(after)) == without_alts(rendered(text))
    again, _ = read_markdown(after)
    assert [(image.url, image.for_a_person) for image in again] == [
        (image.url, image.for_a_person) for image in images if not image.place
    ]


@given(pages)
def test_places_are_told(text: str) -> None:
    images, _ = read_markdown(text)
    assert not [image for image in images if "cannot be told" in (image.for_a_person or "")]
    for image in images:
        assert text.startswith(("![", "<img"), image.start)


@given(st.text(alphabet="![]()<>ax.\n\r |-`\\>#&\t\ufeff\u2028"))
def test_any_text_is_read(text: str) -> None:
    images, _ = read_markdown(text)
    after = write(text, [image.place.edit("A dog.") for image in images if image.place])
    assert not [image for image in read_markdown(after)[0] if image.place]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("![](x.jpg)", r"![A \[dog\] \& \*](x.jpg)"),
        ("![ ](x.jpg 'title')", r"![A \[dog\] \& \*](x.jpg 'title')"),
        ("![x.jpg](<x.jpg>)", r"![A \[dog\] \& \*](<x.jpg>)"),
        ("![][r]\n\n[r]: x.jpg", "![A \\[dog\\] \\& \\*][r]\n\n[r]: x.jpg"),
        ("![x.jpg][]\n\n[x.jpg]: x.jpg", "![A \\[dog\\] \\& \\*][x.jpg]\n\n[x.jpg]: x.jpg"),
        ("![x.jpg]\n\n[x.jpg]: x.jpg", "![A \\[dog\\] \\& \\*][x.jpg]\n\n[x.jpg]: x.jpg"),
        ("> a\n> <img\n>   src=x.jpg>", '> a\n> <img\n>   src=x.jpg alt="A &#91;dog&#93; &amp; &#42;">'),
    ],
)
def test_written_where_it_belongs(before: str, after: str) -> None:
    [image] = read_markdown(before)[0]
    assert image.place
    assert write(before, [image.place.edit("A [dog] & *")]) == after


@pytest.mark.parametrize(
    "text",
    [
        "![a dog](x.jpg)",
        "```\n![](x.jpg)\n```",
        "~~~ html\n<img src=x.jpg>\n~~~",
        "    ![](x.jpg)",
        "`![](x.jpg)` and ``<img src=x.jpg>``",
        "\\![](x.jpg)",
        "<!-- ![](x.jpg)\n<img src=x.jpg> -->",
        "---\nimage: ![](x.jpg)\n---\n",
        "\ufeff---\r\nimage: ![](x.jpg)\r\n---\r\n",
        "+++\nimage = '![](x.jpg)'\n+++\n",
        "![][no-such]",
        '<span aria-hidden="true">![](x.jpg)</span>',
        '<img src="x.jpg" alt="">',
    ],
)
def test_left_alone(text: str) -> None:
    assert read_markdown(text)[0] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[![](x.jpg)](http://x)", "in a link"),
        ("[*![](x.jpg)*][r]\n\n[r]: http://x", "in a link"),
        ("[<img src=x.jpg>](http://x)", "in a link"),
        ("<a href=x>\n\n![](x.jpg)\n\n</a>", "in a link"),
        ("<button>![](x.jpg)</button>", "in a button"),
        ("![]({{url}})", "template"),
    ],
)
def test_for_a_person(text: str, why: str) -> None:
    [image] = read_markdown(text)[0]
    assert image.place is None
    assert why in (image.for_a_person or "")


@pytest.mark.parametrize(
    "text", ["---\n\n![](x.jpg)\n\n---\n", "[a](b) ![](x.jpg)", "<a name=x></a>![](x.jpg)", "\ufeff![](x.jpg)"]
)
def test_found(text: str) -> None:
    assert [image.url for image in read_markdown(text)[0] if image.place] == ["x.jpg"]


def test_says_what_brings_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(MissingExtraError, match=r"pictell\[alt\]"):
        read_markdown("![](x.jpg)")
