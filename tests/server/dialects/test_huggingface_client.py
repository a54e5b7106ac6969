"""`huggingface_hub.InferenceClient`, as it is installed from PyPI, against the running service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, base64_of, data_url

from pictell import Captioner

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def client(served: Served) -> Any:
    return hub.InferenceClient(model=f"{served.url}/models/tiny")


def test_bytes_and_files(client: Any, tmp_path: Path, pictures: list[bytes], said: list[str]) -> None:
    assert client.image_to_text(pictures[0]).generated_text == said[0]
    path = tmp_path / "photo.png"
    path.write_bytes(pictures[1])
    assert client.image_to_text(path).generated_text == said[1]


def test_chat_where_only_the_service_is_named(served: Served, pictures: list[bytes], said: list[str]) -> None:
    client = hub.InferenceClient(base_url=f"{served.url}/v1")
    content = [{"type": "image_url", "image_url": {"url": data_url(pictures[0])}}]
    answer = client.chat_completion([{"role": "user", "content": content}])
    assert answer.choices[0].message.content == said[0]


def test_json(served: Served, library: Captioner, pictures: list[bytes], said: list[str]) -> None:
    for inputs in (base64_of(pictures[0]), data_url(pictures[0]), {"image": base64_of(pictures[0])}):
        assert served.post({"inputs": inputs}, "/models/tiny").json == [{"generated_text": said[0]}]
    body = {"inputs": base64_of(pictures[0]), "parameters": {"max_new_tokens": 3}}
    [answer] = served.post(body, "/models/tiny").json
    assert answer["generated_text"] == library.caption(pictures[0], max_words=3).text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("tiny", b"no picture", 400), ("tiny", b"", 400), ("none", None, 404), ("a/b", None, 404), ("../../etc/passwd", None, 404)],
)  # fmt: skip
def test_errors_are_a_text(served: Served, pictures: list[bytes], path: str, body: bytes | None, status: int) -> None:
    answer = served.ask("POST", f"/models/{path}", pictures[0] if body is None else body)
    assert answer.status == status
    assert isinstance(answer.json["error"], str)


def test_errors_reach_its_user(served: Served, pictures: list[bytes]) -> None:
    with pytest.raises(hub.errors.HfHubHTTPError, match="there are: tiny"):
        hub.InferenceClient(model=f"{served.url}/models/none").image_to_text(pictures[0])


def test_json_that_is_none(served: Served) -> None:
    for body in (b"{", b"[]", b'{"inputs": 3}', b"{}"):
        answer = served.ask("POST", "/models/tiny", body, {"Content-Type": "application/json"})
        assert answer.status == 400, body
        assert json.loads(answer.body)["error"]
