"""Tags are where browsers see them: html5lib, which follows the HTML standard, sees the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.alttext.tags import tags

html5lib = pytest.importorskip("html5lib")

PIECES = [
    "<img", "<IMG", "<a", "<div", "</a", "</div", "</script", "</title", "<script", "<style", "<textarea", "<title",
    "<noscript", ">", "/>",
    " src=x", " src='a>b'", ' src = "c"', " alt", " alt=", ' alt=""', " =x", "/", " a/b", "x", " ", "\n", "<", "</",
    "</>", "<!--", "-->",
    "--!>", "<!-->", "<!--->", "<!-", "-", "<!doctype html>", "<!x>", "&quot;", "&ampx", '"', "'", "é", "\t", "=",
]  # fmt: skip


def seen(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(tag.name, {n: a.value for n, a in tag.attributes.items()}) for tag in tags(text) if not tag.closing]


def seen_by_html5lib(text: str) -> list[tuple[str, dict[str, str]]]:
    from html5lib._tokenizer import HTMLTokenizer
    from html5lib.constants import tokenTypes

    class WithRawText(HTMLTokenizer):
        """A tokeniser whose state the parser would set."""

        def emitCurrentToken(self) -> None:
            token = self.currentToken
            super().emitCurrentToken()
            if token["type"] == tokenTypes["StartTag"]:
                if token["name"] in ("style", "noembed", "noframes", "iframe", "xmp"):
                    self.state = self.rawtextState
                elif token["name"] in ("textarea", "title"):
                    self.state = self.rcdataState
                elif token["name"] == "script":
                    self.state = self.scriptDataState

    found = WithRawText(text)
    return [(token["name"], dict(token["data"])) for token in found if token["type"] == tokenTypes["StartTag"]]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_sees_what_the_standard_does(text: str) -> None:
    if "<script" in text and "<!--" in text:
        return  # scripts in comments in scripts: read as the standard's authors wish one did not have to
    assert seen(text) == seen_by_html5lib(text)


@given(st.text(alphabet="<>/!-='\" aimgsc{}%?#\n"))
def test_any_text_is_read(text: str) -> None:
    for tag in tags(text):
        assert text[tag.start] == "<"
        assert text[tag.end - 1] == ">"
        assert all(tag.start < value.start <= value.end < tag.end for value in tag.attributes.values())


@pytest.mark.parametrize(
    "text",
    [
        "<!-- <img src=x> -->",
        "<script>'<img src=x>'</script>",
        "<textarea><img src=x></textarea>",
        "{{ '<img src=x>' }}",
        "{% comment %}{% x '<img src=x>' %}",
        "{# <img src=x> #}",
        "<%= '<img src=x>' %>",
        "<?php if ($a > 1) echo '<img src=x>'; ?>",
        "<![CDATA[ <img src=x> <img src=y> ]]>",
        '<img src="x',
        "<img src=x",
    ],
)
def test_what_is_no_tag(text: str) -> None:
    assert [tag.name for tag in tags(text) if tag.name == "img"] == []


@pytest.mark.parametrize("text", ["{{ <img>", "{% <img>", "a {# <img>", "<svg><style/></svg><img>", "{{\n<img>\n}}"])
def test_what_only_looks_like_a_template_hides_nothing(text: str) -> None:
    assert [tag.name for tag in tags(text)][-1] == "img"


@pytest.mark.parametrize(
    "piece", ["<", "{{", "{%", "<!--", "<a ", "<a b='", "<a b", "</", "<?", "<script>", "<title><!--", "<svg>"]
)
def test_time_grows_with_the_length(piece: str) -> None:
    # A minute if it grew with the square.
    assert sum(1 for _ in tags(piece * 100_000)) <= 100_000
