"""OpenAI's own client, as it is installed from PyPI, against the running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from server_helpers import Served, base64_of, data_url, picture

from pictell import Captioner
from pictell.language.styles import alt_text
from pictell.server.dialects.openai_messages import chat_message
from pictell.server.dialects.speaking import GREETING

openai = pytest.importorskip("openai")


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def image(content: bytes, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(content), **more}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def user(*parts: dict[str, Any] | str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def ask(client: Any, *parts: dict[str, Any] | str, **more: Any) -> str:
    completion = client.chat.completions.create(**{"model": "tiny", "messages": user(*parts), **more})
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    return str(choice.message.content)


# -- chat -------------------------------------------------------------------------------------------------------------


def test_a_picture_is_described(client: Any, pictures: list[bytes], said: list[str]) -> None:
    for content, caption in zip(pictures[:4], said[:4], strict=True):
        assert ask(client, text("Describe this image."), image(content, detail="low")) == caption


def test_the_ways_to_give_a_picture(client: Any, pictures: list[bytes], said: list[str]) -> None:
    """A bare string as Ollama's examples have it, base64 without `data:`, and the picture before the text."""
    [one, caption] = pictures[0], said[0]
    assert ask(client, {"type": "image_url", "image_url": data_url(one)}) == caption
    assert ask(client, {"type": "image_url", "image_url": {"url": base64_of(one)}}) == caption
    assert ask(client, image(one), text("What is this?")) == caption
    assert ask(client, image(one), "a bare string among the parts") == caption


def test_several_pictures_are_told_apart(client: Any, pictures: list[bytes], said: list[str]) -> None:
    """As LLM Vision sends them: a system message, "Image 1:" before each picture, the prompt last."""
    different = [said.index(caption) for caption in dict.fromkeys(said)][:3]
    parts = [part for i, n in enumerate(different) for part in (text(f"Image {i + 1}:"), image(pictures[n]))]
    messages = [{"role": "system", "content": "Be brief, answer in JSON."}, *user(*parts, text("What do you see?"))]
    lines = ask(client, messages=messages).splitlines()
    assert lines == [f"Image {i + 1}: {said[n]}" for i, n in enumerate(different)]
    first, second = different[:2]
    answer = ask(client, *[image(pictures[n]) for n in (first, first, first, second)])
    assert answer.splitlines() == [f"Images 1 to 3: {said[first]}", f"Image 4: {said[second]}"]
    assert ask(client, image(pictures[first]), image(pictures[first])) == said[first]


def test_of_a_conversation_the_last_picture_counts(client: Any, pictures: list[bytes], said: list[str]) -> None:
    other = next(i for i, caption in enumerate(said) if caption != said[0])
    before = [*user(image(pictures[other]), text("How many?")), {"role": "assistant", "content": "Two."}]
    assert ask(client, messages=[*before, *user(text("And this?"), image(pictures[0]))]) == said[0]
    assert ask(client, messages=[*before, *user(text("Describe it once more"))]) == said[other]


def test_a_text_alone_is_answered_where_it_is_short(client: Any) -> None:
    assert ask(client, messages=[{"role": "user", "content": "Hi"}]) == GREETING
    assert ask(client, text("Hi"), max_tokens=1) == GREETING
    with pytest.raises(openai.BadRequestError, match="describes pictures"):
        ask(client, text("Create a title for this text: " + "a dog runs on the grass " * 20))


def test_choices_are_different_captions(client: Any, library: Captioner, pictures: list[bytes]) -> None:
    completion = client.chat.completions.create(model="tiny", n=3, messages=user(image(pictures[0])))
    caption = library.caption(pictures[0], num=3)
    assert [choice.message.content for choice in completion.choices] == [
        caption.text,
        *(other.text for other in caption.alternatives),
    ]
    assert [choice.index for choice in completion.choices] == [0, 1, 2]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_limit_shortens_the_caption(client: Any, library: Captioner, pictures: list[bytes], limit: str) -> None:
    assert ask(client, image(pictures[0]), **{limit: 4}) == library.caption(pictures[0], max_words=4).text
    assert ask(client, image(pictures[0]), **{limit: 300}) == library.caption(pictures[0]).text
    assert len(ask(client, image(pictures[0]), **{limit: 1}).split()) == 1
    lines = ask(client, image(pictures[0]), image(pictures[1]), **{limit: 2}).splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        library.caption(each, max_words=1).text for each in pictures[:2]
    ]


def test_what_is_not_known_changes_nothing(client: Any, pictures: list[bytes], said: list[str]) -> None:
    unknown = {"temperature": 1.9, "top_p": 0.1, "seed": 3, "stop": ["a"], "user": "me", "logprobs": True, "store": False,
               "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "tool_choice": "auto",
               "response_format": {"type": "text"}, "extra_body": {"chat_template_kwargs": {"x": False}}}  # fmt: skip
    assert ask(client, image(pictures[0]), **unknown) == said[0]


def test_styles_are_models(client: Any, pictures: list[bytes], said: list[str]) -> None:
    assert ask(client, image(pictures[0]), model="tiny:alt") == alt_text(said[0])
    assert ask(client, image(pictures[0]), model="tiny:latest") == said[0]
    assert ask(client, image(pictures[0]), model="TINY@7") == said[0]
    assert ask(client, image(pictures[0]), model="tiny:hedged").endswith(f": {said[0]}")


def test_a_stream_is_the_same_in_pieces(client: Any, pictures: list[bytes], said: list[str]) -> None:
    parts = user(image(pictures[0]), image(pictures[1]))
    whole = client.chat.completions.create(model="tiny", messages=parts)
    chunks = list(
        client.chat.completions.create(
            model="tiny", messages=parts, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert sum(map(bool, deltas)) == len(whole.choices[0].message.content.split())
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_ends_as_server_sent_events_do(served: Served, pictures: list[bytes]) -> None:
    body = {"stream": True, "messages": user(image(pictures[0]))}
    answer = served.post(body, "/v1/chat/completions")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") and "usage" not in json.loads(event[6:]) for event in events[:-2])


def test_one_broken_picture_spoils_no_other(client: Any, pictures: list[bytes], said: list[str]) -> None:
    lines = ask(client, image(pictures[0]), image(b"GIF89a, not"), image(pictures[1])).splitlines()
    assert lines[0] == f"Image 1: {said[0]}"
    assert lines[1].startswith("Image 2: No description: ")
    assert lines[2] == f"Image 3: {said[1]}"
    with pytest.raises(openai.BadRequestError, match="not a photo"):
        ask(client, image(b"not a picture"))


# -- what a captioner cannot do ---------------------------------------------------------------------------------------

SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    "asked",
    [{"response_format": SCHEMA}, {"response_format": {"type": "json_object"}}, {"tool_choice": "required"},
     {"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"extra_body": {"function_call": {"name": "f"}}},
     {"n": 11}, {"n": 0}, {"modalities": ["text", "audio"]}],
)  # fmt: skip
def test_what_cannot_be_is_refused(client: Any, pictures: list[bytes], asked: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, image(pictures[0]), **asked)
    assert raised.value.code == "not-offered"
    assert raised.value.type == "invalid_request_error"
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "code", "param"}


def test_questions_are_refused(client: Any, pictures: list[bytes]) -> None:
    for question in ("How many dogs are there?", "Is the gate open?", "Answer as JSON.", "Describe it in German."):
        with pytest.raises(openai.BadRequestError) as raised:
            ask(client, image(pictures[0]), text(question))
        assert raised.value.code == "not-offered"


def test_sound_and_files_are_refused(client: Any, pictures: list[bytes]) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    for part in (sound, {"type": "file", "file": {"file_id": "x"}}, {"type": "video_url", "video_url": {"url": "x"}}):
        with pytest.raises(openai.BadRequestError, match="no part of type"):
            ask(client, image(pictures[0]), part)


def test_an_unknown_model_is_named_with_those_there_are(client: Any, pictures: list[bytes]) -> None:
    for name in ("gpt-4o", "tiny:large", "tiny:", ":alt", "../../etc/passwd", "tiny/../tiny"):
        with pytest.raises(openai.NotFoundError, match=r"there are: tiny, tiny:alt, .*other") as raised:
            ask(client, image(pictures[0]), model=name)
        assert raised.value.code == "model_not_found"
        assert raised.value.param == "model"


def test_urls_are_not_fetched_unless_allowed(client: Any) -> None:
    for url in ("http://127.0.0.1/x.jpg", "https://example.org/x.jpg"):
        with pytest.raises(openai.PermissionDeniedError):
            ask(client, {"type": "image_url", "image_url": {"url": url}})
    with pytest.raises(openai.BadRequestError):
        ask(client, {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}})


def test_a_key_is_asked_for_in_this_shape(locked: Served, pictures: list[bytes]) -> None:
    wrong = openai.OpenAI(base_url=f"{locked.url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as raised:
        ask(wrong, image(pictures[0]))
    assert raised.value.code == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError):
        wrong.models.list()
    right = openai.OpenAI(base_url=f"{locked.url}/v1", api_key=locked.key, max_retries=0)
    assert ask(right, image(pictures[0]))


def test_too_large_is_said_in_this_shape(locked: Served) -> None:
    client = openai.OpenAI(base_url=f"{locked.url}/v1", api_key=locked.key, max_retries=0)
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, image(bytes(1 << 20)))
    assert raised.value.status_code == 413
    assert raised.value.code == "body-too-large"


# -- responses --------------------------------------------------------------------------------------------------------


def test_a_response_describes(client: Any, pictures: list[bytes], said: list[str]) -> None:
    """As PhotoPrism asks: a system message, then a user's with text and picture."""
    content = [
        {"type": "input_text", "text": "Write a caption."},
        {"type": "input_image", "image_url": data_url(pictures[0]), "detail": "low"},
    ]
    system = {"role": "system", "type": "message", "content": [{"type": "input_text", "text": "You describe."}]}
    response = client.responses.create(
        model="tiny",
        input=[system, {"role": "user", "type": "message", "content": content}],
        max_output_tokens=512,
        reasoning={"effort": "low"},
    )
    assert response.output_text == said[0]
    assert response.status == "completed"
    assert response.error is None
    assert client.responses.create(model="tiny", input=content).output_text == said[0]
    assert client.responses.create(model="tiny", input="Hi").output_text == GREETING


def test_a_response_streams(client: Any, pictures: list[bytes], said: list[str]) -> None:
    content = [{"type": "input_image", "image_url": data_url(pictures[0])}]
    with client.responses.stream(model="tiny", input=[{"role": "user", "content": content}]) as stream:
        events = list(stream)
        assert stream.get_final_response().output_text == said[0]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == said[0]
    assert len(deltas) > 1
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize(
    "asked",
    [{"text": {"format": {"type": "json_object"}}}, {"previous_response_id": "resp_1"}, {"tool_choice": "required"},
     {"background": True}, {"conversation": "conv_1"}],
)  # fmt: skip
def test_what_a_response_cannot_be(client: Any, pictures: list[bytes], asked: dict[str, Any]) -> None:
    content = [{"type": "input_image", "image_url": data_url(pictures[0])}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="tiny", input=[{"role": "user", "content": content}], **asked)
    assert raised.value.code == "not-offered"


def test_a_file_of_an_account_is_no_picture(client: Any) -> None:
    content = [{"type": "input_image", "file_id": "file-1"}]
    with pytest.raises(openai.BadRequestError, match="not known here"):
        client.responses.create(model="tiny", input=[{"role": "user", "content": content}])


# -- models -----------------------------------------------------------------------------------------------------------


def test_models_are_listed(client: Any) -> None:
    listed = client.models.list().data
    names = [model.id for model in listed]
    assert names[0] == "tiny"
    assert {"tiny:alt", "tiny:hedged", "tiny:neutral", "other"} <= set(names)
    for model in listed:
        assert client.models.retrieve(model.id) == model
        assert ask(client, image(picture(1)), model=model.id)
        for alias in model.aliases:
            assert ask(client, image(picture(1)), model=alias)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_what_frigate_asks_of_llama_cpp(served: Served) -> None:
    """The model by id or alias in `/v1/models`, with what it takes; else `/props`."""
    card = served.ask("GET", "/v1/models").json["data"][0]
    assert "image" in card["architecture"]["input_modalities"]
    assert card["meta"]["n_ctx"] > 0
    props = served.ask("GET", "/props?model=tiny").json
    assert props["modalities"] == {"vision": True, "audio": False}
    assert served.ask("GET", "/props?model=other").json["model_alias"] == "other"
    assert served.ask("GET", "/props?model=none").status == 404


def test_what_llm_vision_asks_of_localai(locked: Served) -> None:
    """It sends no key there."""
    answer = locked.ask("GET", "/readyz", X_API_Key="wrong-wrong")
    assert answer.status == 200


def test_what_was_said_since_the_last_answer_is_asked() -> None:
    def message(role: str, words: str, *urls: str) -> dict[str, Any]:
        return {"role": role, "content": [text(words), *({"type": "image_url", "image_url": url} for url in urls)]}

    system, first, second = message("system", "s", "no"), message("user", "one", "a"), message("user", "two", "b", "c")
    answer, third, tool = message("assistant", "x", "no"), message("user", "three"), message("tool", "y", "no")

    def asked(*messages: dict[str, Any]) -> tuple[tuple[str, ...], str]:
        found = chat_message({"messages": list(messages)})
        return found.pictures, found.text

    assert asked(system, first, second) == (("a", "b", "c"), "one\ntwo")
    assert asked(first, answer, second) == (("b", "c"), "two")
    assert asked(first, answer, tool, second, third) == (("b", "c"), "two\nthree")
    assert asked(first, answer, third) == (("a",), "three")
    assert asked(first, answer, third, answer, third) == (("a",), "three")
    assert asked(second, answer) == (("b", "c"), "two")
    assert asked(system) == ((), "")
