"""Errors as HTTP has them: which status each kind has, and the answers that tell of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import Response

from pictell.errors import BundleError, OptionError, PictellError
from pictell.server.shapes import shaped

CODES: Mapping[str, int] = {
    "bad-request": 400,
    "no-picture": 400,
    "base64": 400,
    "option": 400,
    "url": 400,
    "host": 403,
    "key": 401,
    "origin": 403,
    "address": 403,
    "url-host": 403,
    "unknown-model": 404,
    "not-found": 404,
    "method": 405,
    "slow-body": 408,
    "body-too-large": 413,
    "too-many-pictures": 413,
    "too-costly": 413,
    "content-type": 415,
    "internal": 500,
    "model": 500,
    "busy": 503,
    "stopping": 503,
}
"""The status of each kind of refusal. What is said of a picture has the kinds of `pictell caption --json` and status 422."""

PICTURE_STATUS = 422
"""Of a request in which no picture could be captioned."""


class Refusal(PictellError):
    """A request that is not answered; `kind` is one of `CODES`. `retry_after` is in seconds."""

    def __init__(self, kind: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(kind, message)
        self.retry_after = retry_after


def status_of(error: PictellError) -> int:
    """The status that an error of a whole request is answered with."""
    if error.kind in CODES:
        return CODES[error.kind]
    if isinstance(error, OptionError):
        return 400
    return 500 if isinstance(error, BundleError) else PICTURE_STATUS


def headers_of(error: PictellError) -> dict[str, str]:
    """The headers that go with it."""
    headers = {}
    if isinstance(error, Refusal) and error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.kind == "key":
        headers["www-authenticate"] = "Bearer"
    return headers


def answer_to(error: PictellError, path: str = "") -> Response:
    """The answer that tells of an error, in the shape of the API that the request's path belongs to."""
    body, status = shaped(error, status_of(error), path)
    return json_answer(body, status, headers_of(error))


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; lone surrogates of names come through, as in `pictell caption --json`."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json")
