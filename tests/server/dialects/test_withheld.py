"""What is no photo, asked of the model that comes with the package: chats are told so in words, programs store nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from server_helpers import Served, base64_of, data_url, running

from pictell.bundle import DEFAULT, installed_bundles

pytestmark = pytest.mark.skipif(
    DEFAULT not in [bundle.name for bundle in installed_bundles()], reason="no model is installed with the package"
)

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"


@pytest.fixture(scope="module")
def shipped() -> Iterator[Served]:
    with running() as service:
        yield service


@pytest.fixture(scope="module")
def black() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (300, 200), (2, 2, 2)).save(stream, "PNG")
    return stream.getvalue()


def chat(served: Served, *pictures: bytes, **more: Any) -> str:
    parts = [{"type": "image_url", "image_url": {"url": data_url(picture)}} for picture in pictures]
    body = {"messages": [{"role": "user", "content": parts}], **more}
    return str(served.post(body, "/v1/chat/completions").json["choices"][-1]["message"]["content"])


def test_chats_are_told_in_words(shipped: Served, black: bytes) -> None:
    native = shipped.post({"image": base64_of(black)}).json["results"][0]
    assert native["text"] is None
    words = f"No description: this {native['reason']}."
    assert chat(shipped, black) == words
    assert chat(shipped, black, model=f"{DEFAULT}:hedged", n=2) == words
    body = {"stream": False, "images": [base64_of(black)]}
    assert shipped.post(body, "/api/generate").json["response"] == words
    assert shipped.ask("POST", f"/models/{DEFAULT}", black).json == [{"generated_text": words}]
    cat = CAT.read_bytes()
    assert chat(shipped, black, cat).splitlines() == [f"Image 1: {words}", f"Image 2: {chat(shipped, cat)}"]


def test_programs_store_nothing(shipped: Served, black: bytes) -> None:
    native = shipped.post({"image": base64_of(black)}).json["results"][0]
    told = shipped.post({"images": [data_url(black)]}, "/caption").json["result"]["caption"]
    assert told == {"text": "", "source": "image", "reason": native["reason"]}
    told = shipped.post({"image": base64_of(black)}, "/sdapi/v1/interrogate").json
    assert told == {"caption": "", "reason": native["reason"]}


def test_photoprism_is_told_the_confidence(shipped: Served) -> None:
    told = shipped.post({"images": [data_url(CAT.read_bytes())]}, "/caption").json["result"]["caption"]
    native = shipped.post({"image": base64_of(CAT.read_bytes())}).json["results"][0]
    assert told == {"text": native["text"], "source": "image", "confidence": native["confidence"]}
    assert json.dumps(told["confidence"]) != "null"
