"""Requests as photo programs send them, built after their public sources: PhotoPrism, LibrePhotos, stable-diffusion-webui."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, base64_of, data_url, picture

from pictell import Captioner
from pictell.language.styles import alt_text

# -- PhotoPrism -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/caption", "/api/v1/vision/caption"])
def test_photoprism(served: Served, library: Captioner, pictures: list[bytes], said: list[str], path: str) -> None:
    name = str(uuid.uuid4())
    body = {"id": name, "model": "tiny:latest", "version": "latest", "suffix": "", "stream": False,
            "images": [data_url(pictures[0])]}  # fmt: skip
    answer = served.post(body, path)
    assert answer.status == 200
    assert answer.json["id"] == name
    # It reads the model as an object, and would refuse a text.
    assert answer.json["model"] == {"type": "caption", "name": "tiny", "version": "7"}
    caption = answer.json["result"]["caption"]
    assert caption["text"] == said[0]
    assert caption["source"] == "image"
    assert caption.get("confidence") == library.caption(pictures[0]).confidence


def test_photoprism_styles_and_names(served: Served, pictures: list[bytes], said: list[str]) -> None:
    """It sends the name of a model of its own where only the URI is configured."""

    def text(**fields: str) -> Any:
        return served.post({"images": [data_url(pictures[0])], **fields}, "/caption").json["result"]["caption"]["text"]

    assert text(model="tiny", version="alt") == text(model="tiny:alt") == alt_text(said[0])
    assert text(model="gemma3:latest") == text() == said[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"images": []}, 400), ({"images": "x"}, 400), ({"images": [3]}, 400), ({"images": ["!"]}, 400),
     ({"images": [base64_of(b"no picture")]}, 422), ({"url": "http://127.0.0.1/x"}, 403), ([], 400)],
)  # fmt: skip
def test_photoprism_errors(served: Served, body: Any, status: int) -> None:
    answer = served.post(body, "/api/v1/vision/caption")
    assert answer.status == answer.json["code"] == status
    assert isinstance(answer.json["error"], str)
    assert answer.json["result"] == {}
    assert served.post(body, "/api/v1/vision/labels").json["code"] == 404


def test_photoprism_sends_its_key(locked: Served) -> None:
    body = json.dumps({"images": [data_url(picture(1))]}).encode()
    assert locked.ask("POST", "/caption", body, {"Authorization": f"Bearer {locked.key}"}).status == 200
    refused = locked.ask("POST", "/caption", body, {"X-API-Key": "wrong-wrong"})
    assert refused.status == refused.json["code"] == 401


# -- LibrePhotos ------------------------------------------------------------------------------------------------------


def test_librephotos(locked: Served, album: Path, library: Captioner) -> None:
    photo = album / "2024" / "dög.webp"
    for body in (
        {"image_path": str(photo), "onnx": False, "blip": True},
        {"image_path": str(album / "inside.webp"), "prompt": "x"},
    ):
        answer = locked.post(body, "/generate-caption")
        assert answer.status == 201
        assert answer.json == {"caption": library.caption(photo).text}
    assert locked.ask("GET", "/unload-model").status == 200
    assert locked.ask("GET", "/health").json["models"][0]["loaded"] is False
    assert locked.post({"image_path": str(photo)}, "/generate-caption").status == 201


def test_librephotos_reaches_nothing_outside(locked: Served, album: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(album / "pipe")
    outside = [album.parent / "secret.jpg", album / ".." / "secret.jpg", album / "2024" / ".." / ".." / "secret.jpg",
               album / "out.jpg", album / "out" / "secret.jpg", album.parent / "photos-of-others" / "theirs.jpg",
               "/etc/passwd", "/proc/self/environ", "/dev/zero", album, album / "2024", album / "none.jpg", album / "pipe",
               f"{album}/2024/dög.webp\0.jpg", "", "photos", f"file://{album}/2024/dög.webp", "x" * 9999, "\ud800"]  # fmt: skip
    messages = set()
    for path in outside:
        answer = locked.post({"image_path": str(path)}, "/generate-caption")
        assert answer.status == 404, path
        messages.add(answer.json["error"]["message"])
    # Whether there is something outside is not told.
    assert len(messages) == 1
    assert locked.post({"image_path": 3}, "/generate-caption").status == 400


def test_librephotos_reads_no_more_than_a_body_may_have(locked: Served, album: Path) -> None:
    assert locked.post({"image_path": str(album / "large.jpg")}, "/generate-caption").kind == "body-too-large"


def test_librephotos_needs_a_folder(served: Served, album: Path) -> None:
    answer = served.post({"image_path": str(album / "2024" / "dög.webp")}, "/generate-caption")
    assert answer.kind == "not-found"
    assert "--photo-root" in answer.json["error"]["message"]


# -- stable-diffusion-webui -------------------------------------------------------------------------------------------


def test_sdwebui(served: Served, pictures: list[bytes], said: list[str]) -> None:
    for name, image in (
        ("clip", base64_of(pictures[0])),
        ("tiny", data_url(pictures[0])),
        (None, base64_of(pictures[0])),
    ):
        answer = served.post({"image": image, "model": name}, "/sdapi/v1/interrogate")
        assert answer.json == {"caption": said[0]}
    assert (
        served.post({"image": base64_of(picture()), "model": "none"}, "/sdapi/v1/interrogate").kind == "unknown-model"
    )
    assert served.post({"model": "clip"}, "/sdapi/v1/interrogate").kind == "no-picture"
