"""Reading bodies: whatever the bytes are, pictures and options come out, or one of the errors that are told."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_helpers import form_of

from pictell.errors import OptionError, PictellError
from pictell.server.bodies import asked_of
from pictell.server.options import OPTIONS, options_of, value_of
from pictell.server.pictures import picture_of
from pictell.server.refusals import Refusal, status_of

FORM = "multipart/form-data; boundary=XX"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from([*OPTIONS, "image", "images", "model", "stream", "exact"]) | st.text(max_size=10)


def read(kind: str, body: bytes, query: list[tuple[str, str]] | None = None) -> bool:
    """Whether it could be read; it may fail in the ways that are told, with a status for clients' mistakes."""
    try:
        asked_of(kind, body, query or [], most=8)
    except (Refusal, OptionError) as raised:
        error = raised
    else:
        return True
    assert 400 <= status_of(error) < 500
    assert "\n" not in error.message
    assert len(error.message) < 1000
    return False


@given(st.binary(max_size=400))
def test_any_bytes(body: bytes) -> None:
    for kind in (FORM, "application/json", "image/png", ""):
        read(kind, body)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_json(value: dict[str, object]) -> None:
    read("application/json", json.dumps(value).encode())


@given(st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=8))
def test_any_query(query: list[tuple[str, str]]) -> None:
    read("image/png", b"x", query)


@given(st.text(max_size=60))
def test_any_content_type(kind: str) -> None:
    read(kind, b"x")
    read(f"multipart/form-data; boundary={kind}", form_of(("image", b"x")))


@given(st.data())
def test_forms_that_are_damaged(data: st.DataObject) -> None:
    body = bytearray(form_of(("image", ("a.jpg", b"\xff\xd8\r\n--X")), ("beam", "2"), ("must", "dog")))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[at] = data.draw(st.integers(0, 255))
        else:
            del body[at : at + data.draw(st.integers(1, 20))]
    read(FORM, bytes(body))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_forms_come_back_as_they_were_sent(pictures: list[bytes]) -> None:
    # The boundary is the sender's to choose so that it is in no picture.
    sent = [each.replace(b"--XX", b"") for each in pictures]
    asked = asked_of(
        FORM, form_of(*[("image", (f"{i}.jpg", each)) for i, each in enumerate(sent)], ("num", "3")), most=8
    )
    assert asked.pictures == [(f"{i}.jpg", each) for i, each in enumerate(sent)]
    assert asked.options.num == 3


@pytest.mark.parametrize(
    ("kind", "body"),
    [("image/png", b"x"), (FORM, form_of(("image", b"x"))), ("application/json", b'{"image": "eA=="}')],
)
def test_options_of_the_query_count_for_every_body(kind: str, body: bytes) -> None:
    asked = asked_of(kind, body, [("num", "3"), ("must", "cat"), ("stream", "true"), ("model", "tiny")])
    assert (asked.options.num, asked.options.must, asked.stream, asked.model) == (3, ("cat",), True, "tiny")
    for wrong in (("num", ""), ("no_dangling", ""), ("no_such", "1"), ("num", "many")):
        with pytest.raises(OptionError):
            asked_of(kind, body, [wrong])


def test_options_of_the_body_go_before_those_of_the_query() -> None:
    form = form_of(("image", b"x"), ("num", "3"), ("beam", ""))
    assert asked_of(FORM, form, [("num", "2"), ("beam", "7")]).options.num == 3
    assert asked_of(FORM, form, [("num", "2"), ("beam", "7")]).options.beam == 7, "blank fields ask nothing"
    assert asked_of("application/json", b'{"image": "eA==", "num": 3}', [("num", "2")]).options.num == 3


def test_a_boundary_may_be_quoted() -> None:
    assert read('multipart/form-data; charset=utf-8; boundary="XX"', form_of(("image", b"x")))


@given(st.binary(min_size=1, max_size=300))
def test_base64_comes_back(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    for way in (text, text.rstrip("="), base64.urlsafe_b64encode(content).decode(), f"data:x/y;a=b;base64,{text}"):
        assert picture_of(way) == content
    assert picture_of(f"data:,{''.join(f'%{byte:02X}' for byte in content)}") == content


@given(st.text(max_size=100))
def test_any_text_is_a_picture_or_an_error(text: str) -> None:
    kind = None
    try:
        picture_of(text)
    except PictellError as error:
        kind = error.kind
    assert kind in (None, "base64")


def test_the_table_of_options_says_what_is_taken() -> None:
    """Each bound of the document is the one that is enforced."""
    for name, schema in OPTIONS.items():
        more = {"sample": True} if name in ("temperature", "top_k", "top_p", "seed") else {}
        if name == "diversity":
            more = {"num": 2}
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in schema:
                value = schema[bound]
                if not (name == "top_p" and bound == "minimum"):
                    options_of({name: value, **more})
                with pytest.raises(OptionError):
                    options_of({name: value + step, **more})
        if "exclusiveMinimum" in schema:
            with pytest.raises(OptionError):
                options_of({name: schema["exclusiveMinimum"], **more})
        for style in schema.get("enum", []):
            options_of({name: style})
        if "default" in schema:
            assert options_of({name: schema["default"]}) == options_of({})


def test_texts_of_forms_become_values() -> None:
    assert value_of("beam", "3") == 3
    assert value_of("temperature", "0.5") == 0.5
    assert value_of("force", "on") is True
    assert value_of("force", "No") is False
    assert value_of("start", "3") == "3"
    for name, text in (("beam", "3.5"), ("temperature", "warm"), ("force", "maybe")):
        with pytest.raises(OptionError, match=name):
            value_of(name, text)
