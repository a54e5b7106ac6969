"""Errors look as the API has them that was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pictell.errors import OptionError, PhotoError, PictellError
from pictell.server import Settings, answer_to, status_of
from pictell.server.refusals import Refusal
from pictell.server.shapes import shaped

NATIVE = (
    "",
    "/",
    "/v1/caption",
    "/v1/models",
    "/health",
    "/none",
    "/captions",
    "/generate-caption",
    "/sdapi/v1/interrogate",
)
OPENAI = ("/v1/chat/completions", "/v1/responses", "/v1/models/x", "/v1/embeddings")
TEXT = ("/api/chat", "/api/tags", "/api/none", "/models/tiny")
PHOTOPRISM = ("/caption", "/api/v1/vision/caption", "/api/v1/vision/labels")

ERRORS = [
    Refusal("busy", "later", retry_after=3),
    Refusal("key", "who are you"),
    Refusal("unknown-model", "there are: x"),
    OptionError("no"),
    PhotoError("truncated", "cut short"),
    Refusal("internal", "oh"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
def test_each_api_has_its_shape(error: PictellError) -> None:
    status = status_of(error)
    usual = 400 if status == 422 else status
    for path in NATIVE:
        assert shaped(error, status, path) == ({"error": {"kind": error.kind, "message": error.message}}, status)
    for path in TEXT:
        assert shaped(error, status, path) == ({"error": error.message}, usual)
    for path in PHOTOPRISM:
        assert shaped(error, status, path) == ({"code": status, "error": error.message, "result": {}}, status)
    for path in OPENAI:
        body, given = shaped(error, status, path)
        assert given == usual
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert body["error"]["message"] == error.message
        assert body["error"]["type"] == ("server_error" if status >= 500 else "invalid_request_error")


def test_headers_stay() -> None:
    answer = answer_to(ERRORS[0], "/v1/chat/completions")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert answer_to(ERRORS[1], "/api/tags").headers["www-authenticate"] == "Bearer"


def test_a_folder_of_photos_must_be_there(tmp_path: Path) -> None:
    assert Settings(photo_roots=(tmp_path,)).photo_roots == (tmp_path,)
    with pytest.raises(OptionError, match="none"):
        Settings(photo_roots=(tmp_path / "none",))
