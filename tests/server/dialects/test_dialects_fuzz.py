"""Whatever a body says: it is understood, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from server_helpers import Served, base64_of, data_url, picture

from pictell.errors import PictellError
from pictell.server.bodies import object_of
from pictell.server.dialects import ollama, openai_messages
from pictell.server.dialects.reading import Message
from pictell.server.dialects.speaking import in_words, pieces

SMALL = picture(1, size=(16, 16), form="PNG")
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
WORDS = st.sampled_from(
    ["user", "system", "tool", "text", "image_url", "input_image", "input_text", "message", "json", "json_object", "auto",
     "required", "", "tiny", "tiny:alt", data_url(SMALL), base64_of(SMALL), "Describe", "How many?", "0s", "http://x/y"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["model", "messages", "content", "role", "type", "text", "image_url", "url", "images", "prompt", "input", "format",
     "response_format", "tools", "tool_choice", "stream", "n", "max_tokens", "max_output_tokens", "options", "num_predict",
     "keep_alive", "inputs", "parameters", "max_new_tokens", "image", "id", "version", "modalities", "stream_options",
     "image_path"]
)  # fmt: skip
VALUES = st.recursive(
    PLAIN | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": WORDS | VALUES}, optional={"text": WORDS | VALUES, "image_url": WORDS | VALUES, "content": VALUES}
    )
    | VALUES,
    max_size=3,
)
IMAGES = st.lists(WORDS | VALUES, max_size=2)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"role": WORDS | VALUES, "content": PARTS | VALUES, "images": IMAGES | VALUES})
    | VALUES,
    max_size=3,
)  # fmt: skip
BODIES = st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=5) | st.fixed_dictionaries(
    {}, optional={"model": WORDS, "messages": MESSAGES, "input": MESSAGES | PARTS, "images": VALUES, "prompt": WORDS}
)
READERS = [
    openai_messages.chat_message,
    openai_messages.response_message,
    ollama.generate_message,
    ollama.chat_message,
]


def _of(read: Callable[[Any], Any], body: Any) -> Any:
    try:
        return read(body)
    except PictellError as error:
        return error


@pytest.mark.parametrize("read", READERS)
@given(body=BODIES)
def test_a_body_is_a_message_or_refused(read: Callable[[dict[str, Any]], Message], body: dict[str, Any]) -> None:
    found = _of(read, body)
    if isinstance(found, PictellError):
        assert found.kind in ("bad-request", "not-offered")
        assert "\n" not in found.message
        assert len(found.message) < 300
    else:
        assert isinstance(found.text, str)
        assert all(isinstance(each, str) for each in found.pictures)


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"a": NaN}')
@example(b'{"a": ' + b"9" * 10_000 + b"}")
def test_a_body_is_an_object_or_refused(body: bytes) -> None:
    found = _of(object_of, body)
    assert isinstance(found, dict) or found.kind == "bad-request"


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/responses", "/api/chat", "/api/generate", "/api/show", "/api/pull", "/models/tiny",
     "/caption", "/sdapi/v1/interrogate", "/generate-caption"],
)  # fmt: skip
def test_no_body_breaks_the_service(served: Served, path: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(body=BODIES)
    def check(body: dict[str, Any]) -> None:
        answer = served.post(body, path)
        assert answer.status in (200, 201, 400, 403, 404, 413, 422), (answer.status, answer.body)
        if answer.status >= 400:
            assert answer.json["error"]

    check()
    assert not [event for event in served.events if event["event"] == "failed"]


@given(st.text(min_size=1))
def test_pieces_are_the_whole(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12))
def test_every_picture_has_its_words(texts: list[str]) -> None:
    answer = in_words(texts)
    if len(set(texts)) == 1:
        assert answer == texts[0]
        return
    found: dict[int, str] = {}
    for line in answer.splitlines():
        which, _, text = line.partition(": ")
        numbers = [int(word) for word in which.split() if word.isdigit()]
        found |= dict.fromkeys(range(numbers[0], numbers[-1] + 1), text)
    assert [found[number + 1] for number in range(len(texts))] == texts
