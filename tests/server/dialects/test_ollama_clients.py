"""Ollama's own client, as it is installed from PyPI, against the running service."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, base64_of, running

from pictell import Captioner
from pictell.language.styles import alt_text
from pictell.server.dialects.speaking import GREETING

ollama = pytest.importorskip("ollama")


@pytest.fixture(scope="module")
def client(served: Served) -> Any:
    return ollama.Client(host=served.url)


def test_generate(client: Any, pictures: list[bytes], said: list[str]) -> None:
    for content, caption in zip(pictures[:3], said[:3], strict=True):
        answer = client.generate("tiny", prompt="Describe this image.", images=[content])
        assert answer.response == caption
        assert answer.done
        assert answer.done_reason == "stop"
        assert answer.eval_count == len(caption.split())
        assert answer.total_duration > 0
        assert datetime.fromisoformat(answer.created_at).tzinfo is not None
    assert client.generate("tiny:alt", images=[pictures[0]]).response == alt_text(said[0])


def test_chat_as_home_assistant_asks(client: Any, tmp_path: Path, pictures: list[bytes], said: list[str]) -> None:
    """A system message, a picture by its path (which the client reads), streamed, no format, `keep_alive` as seconds."""
    path = tmp_path / "camera.jpg"
    path.write_bytes(pictures[0])
    messages = [
        ollama.Message(role="system", content="You are a voice assistant."),
        ollama.Message(role="user", content="Describe what the camera shows", images=[ollama.Image(value=path)]),
    ]
    chunks = list(
        client.chat(
            model="tiny:latest", messages=messages, tools=None, stream=True, keep_alive="-1s",
            options={"num_ctx": 8192}, think=False, format=None,
        )
    )  # fmt: skip
    assert "".join(chunk.message.content for chunk in chunks) == said[0]
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].done_reason == "stop"
    assert {chunk.message.role for chunk in chunks} == {"assistant"}


def test_chat_as_frigate_asks(client: Any, pictures: list[bytes], said: list[str]) -> None:
    """Places of pictures in the text, tools that need not be used, the counts of a text and of a picture."""
    other = next(i for i, caption in enumerate(said) if caption != said[0])
    message = {
        "role": "user",
        "content": "Consider what the dog is doing.\n[img]\n[img]",
        "images": [pictures[0], pictures[other]],
    }
    options = {"temperature": 0.5, "repeat_penalty": 1.05, "presence_penalty": 0.3}
    answer = client.chat(model="tiny", messages=[message], options=options)
    assert answer["message"]["content"].splitlines() == [f"Image 1: {said[0]}", f"Image 2: {said[other]}"]
    probe = {"role": "user", "content": "."}
    counts = [
        client.chat(model="tiny", messages=[{**probe, **more}], options={"num_predict": 1}).prompt_eval_count
        for more in ({}, {"images": [pictures[0]]})
    ]
    assert 0 < counts[0] < counts[1]


def test_a_question_after_pictures_is_seen_through_their_places(client: Any, pictures: list[bytes]) -> None:
    message = {"role": "user", "content": "Is there a dog?\n[img-0]", "images": [pictures[0]]}
    with pytest.raises(ollama.ResponseError, match="yes or no"):
        client.chat(model="tiny", messages=[message])


def test_as_photoprism_asks(served: Served, pictures: list[bytes], said: list[str]) -> None:
    body = {"id": "x", "model": "tiny:latest", "version": "latest", "prompt": "Write one sentence as a caption.", "suffix": "",
            "options": {"temperature": 0.1}, "think": "false", "stream": False, "images": [base64_of(pictures[0])]}  # fmt: skip
    answer = served.post(body, "/api/generate")
    assert answer.json["response"] == said[0]
    assert datetime.fromisoformat(answer.json["created_at"])


def test_as_llm_vision_asks(served: Served, pictures: list[bytes], said: list[str]) -> None:
    """Each picture is a message of its own, and what is asked another."""
    other = next(i for i, caption in enumerate(said) if caption != said[0])
    images = [
        {"role": "user", "content": f"Image {place}:", "images": [base64_of(pictures[number])]}
        for place, number in enumerate((0, other), 1)
    ]
    prompt = {"role": "user", "content": "Summarize the event."}
    body = {"model": "tiny", "prompt": [], "system": "Be brief.", "stream": False, "messages": [*images, prompt],
            "keep_alive": "5m", "options": {"num_predict": 100, "temperature": 0.5, "num_ctx": 2048}}  # fmt: skip
    lines = served.post(body, "/api/chat").json["message"]["content"].splitlines()
    assert lines == [f"Image 1: {said[0]}", f"Image 2: {said[other]}"]
    # Its titles are made of the description, for which there is a message too, and are work for a model of language.
    texts = [
        {"role": "user", "content": text} for text in ("A title of 6 words. " * 6, "A title for: " + "dogs run " * 20)
    ]
    assert served.post({**body, "messages": texts}, "/api/chat").status == 400


def test_streams_are_lines_and_the_default(served: Served, pictures: list[bytes], said: list[str]) -> None:
    for path, ask, read in (
        ("/api/generate", {"prompt": "Describe"}, lambda line: line["response"]),
        ("/api/chat", {"messages": [{"role": "user", "content": "Describe"}]}, lambda line: line["message"]["content"]),
    ):
        body: dict[str, Any] = {"model": "tiny", **ask}
        (body["messages"][0] if "messages" in body else body)["images"] = [base64_of(pictures[0])]
        answer = served.post(body, path)
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.body.decode().splitlines()]
        assert "".join(map(read, lines)) == said[0]
        assert lines[-1]["done"] is True
        assert all("done_reason" not in line for line in lines[:-1])


def test_a_limit_shortens_the_caption(client: Any, library: Captioner, pictures: list[bytes]) -> None:
    for limit, words in ((4, 4), (-1, None), (-2, None), (500, None)):
        answer = client.generate("tiny", images=[pictures[0]], options={"num_predict": limit})
        assert answer.response == library.caption(pictures[0], max_words=words).text


def test_texts_alone(client: Any) -> None:
    assert client.generate("tiny", prompt="Hello").response == GREETING
    assert client.chat("tiny", messages=[{"role": "user", "content": "Hello"}]).message.content == GREETING
    with pytest.raises(ollama.ResponseError, match="describes pictures"):
        client.generate("tiny", prompt="Write a report. " * 20)


@pytest.mark.parametrize("form", ["json", {"type": "object", "properties": {}}])
def test_json_is_refused(client: Any, pictures: list[bytes], form: Any) -> None:
    with pytest.raises(ollama.ResponseError) as raised:
        client.chat("tiny", messages=[{"role": "user", "content": "x", "images": [pictures[0]]}], format=form)
    assert raised.value.status_code == 400
    assert "JSON" in raised.value.error


def test_errors_are_a_text(client: Any, served: Served, pictures: list[bytes]) -> None:
    with pytest.raises(ollama.ResponseError, match="there are: tiny, tiny:alt") as raised:
        client.generate("llava", prompt="Describe", images=[pictures[0]])
    assert raised.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="not a photo") as raised:
        client.generate("tiny", images=[b"no picture"])
    assert raised.value.status_code == 400
    for path in ("/api/embed", "/api/none"):
        answer = served.post({"model": "tiny"}, path)
        assert answer.status == 404
        assert isinstance(answer.json["error"], str)
    assert isinstance(served.ask("GET", "/api/chat").json["error"], str)


def test_a_key_is_asked_for_in_this_shape(locked: Served, pictures: list[bytes]) -> None:
    with pytest.raises(ollama.ResponseError, match="needs its key") as raised:
        ollama.Client(host=locked.url).list()
    assert raised.value.status_code == 401
    right = ollama.Client(host=locked.url, headers={"Authorization": f"Bearer {locked.key}"})
    assert right.generate("tiny", images=[pictures[0]]).response


def test_models_are_listed_with_tags(client: Any, served: Served) -> None:
    names = [model.model for model in client.list().models]
    assert names[:4] == ["tiny:latest", "tiny:alt", "tiny:hedged", "tiny:neutral"]
    assert "other:latest" in names
    raw = served.ask("GET", "/api/tags").json["models"]
    assert all(model["name"] == model["model"] and len(model["digest"]) == 64 and model["size"] > 0 for model in raw)
    assert len({model["digest"] for model in raw}) == 2
    for name in (*names, "tiny", "tiny@7"):
        shown = client.show(name)
        assert shown.capabilities == ["completion", "vision"]
        assert "for tests" in shown.license
    with pytest.raises(ollama.ResponseError, match="there is no model 'llava' here"):
        client.show("llava")


def test_what_is_there_is_pulled_and_nothing_else(client: Any) -> None:
    """Home Assistant pulls what it does not find by its exact name."""
    assert client.pull("tiny").status == "success"
    assert [step.status for step in client.pull("tiny:latest", stream=True)] == ["success"]
    with pytest.raises(ollama.ResponseError) as raised:
        client.pull("llava")
    assert raised.value.status_code == 404


def test_whether_it_is_there(served: Served) -> None:
    assert served.ask("HEAD", "/").status == 200
    assert served.ask("GET", "/api/version").json["version"]


def test_models_are_loaded_and_freed(tiny_bundle: Path, pictures: list[bytes]) -> None:
    with running("--model", tiny_bundle, "--lazy", "--idle-unload", "100") as service:
        client = ollama.Client(host=service.url)

        def loaded() -> list[str]:
            return [model.model for model in client.ps().models]

        assert loaded() == []
        assert client.generate("tiny").done_reason == "load"
        assert loaded() == ["tiny:latest"]
        [model] = client.ps().models
        assert 0 < (model.expires_at - datetime.now(model.expires_at.tzinfo)).total_seconds() <= 100
        assert client.generate("tiny", keep_alive=0).done_reason == "unload"
        assert loaded() == []
        assert client.chat("tiny").done_reason == "load"
        for duration in ("0s", "0", 0.0):
            assert client.chat("tiny", keep_alive=duration).done_reason == "unload"
            assert loaded() == []
        answer = client.generate("tiny", images=[pictures[0]], keep_alive=0)
        assert answer.response
        assert answer.done_reason == "stop"
        assert loaded() == []
        client.generate("tiny", images=[pictures[0]], keep_alive="5m")
        assert loaded() == ["tiny:latest"]
