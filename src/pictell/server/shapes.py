"""How errors look: pictell's shape, or that of the service whose API an address belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pictell.errors import PictellError

_OPENAI = ("/v1/chat/", "/v1/responses", "/v1/models/", "/v1/completions", "/v1/embeddings")
_TEXT_ONLY = ("/api/", "/models/")  # Ollama's, and Hugging Face's
_PHOTOPRISM = "/api/v1/vision/"

_OPENAI_CODES = {"key": "invalid_api_key", "unknown-model": "model_not_found"}
_OPENAI_FIELDS = {"unknown-model": "model"}


def shaped(error: PictellError, status: int, path: str) -> tuple[Mapping[str, Any], int]:
    """The body and the status that tell of an error at an address.

    These APIs know no 422 for a picture that cannot be opened; there it is a bad request as others are.
    """
    if path.startswith(_PHOTOPRISM) or path == "/caption":
        return {"code": status, "error": error.message, "result": {}}, status
    if path.startswith(_TEXT_ONLY):
        return {"error": error.message}, 400 if status == 422 else status
    if path.startswith(_OPENAI):
        status = 400 if status == 422 else status
        fields = {
            "message": error.message,
            "type": "invalid_request_error" if status < 500 else "server_error",
            "param": _OPENAI_FIELDS.get(error.kind),
            "code": _OPENAI_CODES.get(error.kind, error.kind),
        }
        return {"error": fields}, status
    return {"error": {"kind": error.kind, "message": error.message}}, status
