"""What the OpenAPI document says of each route: https://spec.openapis.org/oas/v3.1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pictell.server.options import OPTIONS

DESCRIPTION = """Captions of pictures, by pictell. Everything stays on the machine that serves.

Every error is `{"error": {"kind": ..., "message": ...}}`: a short stable word for programs, a line for people.
Where the service has a key, send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`."""

TAGS = [
    {"name": "captions", "description": "Pictures in, captions out."},
    {"name": "operations", "description": "How the service is."},
]

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The service's key, where it has one."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same in a header of its own."},
}

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message"],
            "properties": {
                "kind": {"type": "string", "description": "A short stable word for programs."},
                "message": {"type": "string", "description": "One line for people."},
            },
        }
    },
}
_NUMBER_OR_NULL = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]}
_RESULT: dict[str, Any] = {
    "type": "object",
    "description": "What `pictell caption --json` prints of a photo: a caption, a reason for none, or an error.",
    "required": ["index", "path"],
    "properties": {
        "index": {"type": "integer", "minimum": 0, "description": "The picture's place in the request."},
        "path": {"type": ["string", "null"], "description": "The name that it was sent under."},
        "text": {"type": ["string", "null"], "description": "The caption; null where it is withheld."},
        "reason": {"type": "string", "description": "Why it is withheld."},
        "style": {"type": "string", "description": "How it is worded, where that is not plainly."},
        "raw": {"type": "string", "description": "What the model said, where it is worded otherwise."},
        "log_prob": {"type": "number", "maximum": 0, "description": "The caption's log-probability."},
        "confidence": {**_NUMBER_OR_NULL, "description": "The probability that it is acceptable, where that is known."},
        "band": {"enum": ["low", "medium", "high", None], "description": "The confidence in a word."},
        "words": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["text", "prob"],
                "properties": {"text": {"type": "string"}, "prob": {"type": "number", "minimum": 0, "maximum": 1}},
            },
        },
        "alternatives": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["text", "log_prob"],
                "properties": {"text": {"type": "string"}, "log_prob": {"type": "number"}},
            },
        },
        "features": {"type": "array", "items": {"type": "number"}, "description": "Where `features` was asked for."},
        "attention": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            "description": "Where `attention` was asked for and the decoder looks at a grid: of each of `words` a map, its rows"
            " from top to bottom, whose numbers sum to 1.",
        },
        "model": {"type": "string", "description": "The model that said it."},
        "error": _ERROR["properties"]["error"],
    },
}
_RESULTS = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "results": {"type": "array", "items": _RESULT, "description": "One of each picture, in their order."}
    },
}
_MODEL = {
    "type": "object",
    "required": ["name", "loaded", "language", "refuses"],
    "properties": {
        "name": {"type": "string", "description": "Name and version."},
        "loaded": {"type": "boolean", "description": "Whether it is in memory now; if not, the next request loads it."},
        "language": {"type": "string", "description": "The language of its captions."},
        "refuses": {"type": "array", "items": {"type": "string"}, "description": "Options that it cannot honour."},
    },
}

_CAPTIONED = {
    "index": 0,
    "path": "cat.jpg",
    "text": "a cat is sitting on top of a white chair",
    "log_prob": -7.9214,
    "confidence": 0.3702,
    "band": "low",
    "words": [{"text": "a", "prob": 0.8427}, {"text": "cat", "prob": 0.4427}],
    "alternatives": [],
    "model": "pictell-default@3",
}
_BROKEN = {
    "index": 1,
    "path": "broken.jpg",
    "error": {"kind": "truncated", "message": "broken.jpg: this JPEG file is cut short"},
}
_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAXElEQVR42o3OoQ7AIAwE0CyZa0mvGvjjGj4Fww/VYZGYiS1jArET"
    "l0ueuQMAEYUQ+BMiOmOMe8g57yGl9AveveBuAKo651wAgJl776WU1trzSkTc3cxqrWMMEbkAuE0cPvzEMZcAAAAASUVORK5CYII="
)

WHY: dict[int, tuple[str, str, str]] = {
    400: ("The request cannot be understood, or asks for what cannot be.", "option", "beam must be 1 to 100, not 0"),
    401: ("The key is missing or wrong.", "key", "this service needs its key"),
    403: (
        "Not for this client: another address, host name or site, or a URL that is not fetched.",
        "host",
        "this service is not known by the name in the Host header",
    ),
    404: ("There is no such model or address.", "unknown-model", "there is no model 'x' here; there are: ..."),
    405: ("This address takes another method.", "method", "this address takes another method"),
    408: ("The body comes too slowly.", "slow-body", "the body comes too slowly"),
    413: (
        "The body is too large, has too many pictures, or asks for too much.",
        "body-too-large",
        "a body has 67,108,864 bytes at most",
    ),
    415: ("The body is of another type.", "content-type", "a body is multipart/form-data, application/json, or ..."),
    422: ("No picture of the request could be captioned.", "not-a-photo", "the given bytes: not a photo"),
    500: ("Something went wrong in the service.", "internal", "something went wrong in the service"),
    503: ("More is waiting than can be taken.", "busy", "more pictures are waiting than can be taken"),
}
"""What each status of an error means, with a kind and a message that it may have."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that are errors, as FastAPI's `responses`; for dialects that answer in pictell's shape."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        description, kind, message = WHY[status]
        example = {"error": {"kind": kind, "message": message}}
        found[status] = {
            "description": description,
            "content": {"application/json": {"schema": _ERROR, "example": example}},
        }
        if status == 503:
            schema = {"type": "integer", "minimum": 1}
            found[status]["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": schema}}
    return found


_TEXT_OF_PICTURE = "Base64, a data URL, or an http(s) URL of a host that the service may fetch from."
_NAMED = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "data": {"type": "string", "description": "Base64 or a data URL."},
        "url": {"type": "string", "pattern": "^(https?://|data:)", "description": "A URL instead."},
        "name": {"type": "string", "description": "The `path` of its result."},
    },
    "oneOf": [{"required": ["data"]}, {"required": ["url"]}],
}
_JSON_PICTURE = {"anyOf": [{"type": "string", "description": _TEXT_OF_PICTURE}, _NAMED]}
_FLAGS: dict[str, Any] = {
    "model": {"type": "string", "description": "Which model, with or without its version; the first one unless given."},
    "stream": {
        "type": "boolean",
        "default": False,
        "description": "Answer with each result as it is done, a line of JSON each; as `Accept: application/x-ndjson` does.",
    },
    "exact": {"type": "boolean", "default": False, "description": "Tell probabilities to their last digit."},
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "image": {**_JSON_PICTURE, "description": "A picture."},
                    "images": {
                        "type": "array",
                        "items": _JSON_PICTURE,
                        "minItems": 1,
                        "description": "Several pictures.",
                    },
                    **_FLAGS,
                    **OPTIONS,
                },
                "anyOf": [{"required": ["image"]}, {"required": ["images"]}],
            },
            "examples": {
                "one": {"summary": "One picture", "value": {"image": _PICTURE}},
                "several": {
                    "summary": "Several, with options",
                    "value": {
                        "images": [{"name": "dog.png", "data": f"data:image/png;base64,{_PICTURE}"}, _PICTURE],
                        "num": 3,
                        "force": True,
                    },
                },
            },
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "Each part with a file name is a picture, whatever its field is called.",
                "required": ["image"],
                "properties": {
                    "image": {
                        "type": "array",
                        "items": {"type": "string", "contentMediaType": "image/*"},
                        "minItems": 1,
                    },
                    **_FLAGS,
                    **OPTIONS,
                },
            }
        },
        "image/*": {
            "schema": {"type": "string", "format": "binary", "description": "A picture; options in the query."}
        },
    },
}


def _as_text(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an option that a query gives: yes and no have more words there."""
    return (
        {"anyOf": [schema, {"enum": ["1", "0", "on", "off", "yes", "no"]}]}
        if schema.get("type") == "boolean"
        else schema
    )


_QUERY = [
    {
        "name": name,
        "in": "query",
        "required": False,
        "description": "Counts where the body does not say it.",
        "schema": _as_text(schema),
    }
    for name, schema in {**_FLAGS, **OPTIONS}.items()
]

CAPTION: dict[str, Any] = {
    "tags": ["captions"],
    "summary": "Captions of one or several pictures",
    "description": "One result of each picture, in their order. A picture that cannot be captioned has its error in its place,"
    " and the others have their captions; where none could be, the status is 422.",
    "operation_id": "caption",
    "openapi_extra": {"requestBody": _BODY, "parameters": _QUERY, "security": [{}, {"bearer": []}, {"key": []}]},
    "responses": {
        200: {
            "description": "The results.",
            "content": {
                "application/json": {"schema": _RESULTS, "example": {"results": [_CAPTIONED, _BROKEN]}},
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "A result a line, in the order that they are done in."}
                },
            },
        },
        **errors(400, 401, 403, 404, 405, 408, 413, 415, 422, 500, 503),
    },
}


def _operation(name: str, summary: str, schema: dict[str, Any], example: Any, kind: str = "application/json") -> Any:
    return {
        "tags": ["operations"],
        "summary": summary,
        "operation_id": name,
        "openapi_extra": {"security": [{}, {"bearer": []}, {"key": []}]},
        "responses": {
            200: {"description": "So it is.", "content": {kind: {"schema": schema, "example": example}}},
            **errors(400, 401, 403, 405, 500),
        },
    }


_A_MODEL = {"name": "pictell-default@3", "loaded": True, "language": "en", "refuses": []}
_COUNT = {"type": "integer", "minimum": 0}

MODELS = _operation(
    "models",
    "The models to choose from",
    {
        "type": "object",
        "required": ["models"],
        "properties": {
            "models": {"type": "array", "items": _MODEL},
            "object": {"const": "list"},
            "data": {
                "type": "array",
                "items": {"type": "object"},
                "description": "The same for clients of OpenAI's API.",
            },
        },
    },
    {"models": [_A_MODEL], "object": "list", "data": [{"id": "pictell-default", "object": "model"}]},
)
HEALTH = _operation(
    "health",
    "Whether the service runs, and how; without its key only whether",
    {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"const": "ok"},
            "version": {"type": "string"},
            "models": {"type": "array", "items": _MODEL},
            "queue": {
                "type": "object",
                "description": "Pictures accepted and not finished, and the most there can be.",
                "properties": {"pictures": _COUNT, "limit": _COUNT},
            },
            "limits": {
                "type": "object",
                "description": "The most of one request.",
                "properties": {"body_bytes": _COUNT, "pictures": _COUNT, "steps": _COUNT},
            },
            "uptime_seconds": {"type": "number", "minimum": 0},
        },
    },
    {
        "status": "ok",
        "version": "0.1.0",
        "models": [_A_MODEL],
        "queue": {"pictures": 0, "limit": 128},
        "limits": {"body_bytes": 67108864, "pictures": 64, "steps": 20000},
        "uptime_seconds": 12.5,
    },
)
METRICS = _operation(
    "metrics",
    "Numbers for Prometheus",
    {"type": "string"},
    'pictell_requests_total{method="POST",route="/v1/caption",status="200"} 3.0\n',
    "text/plain",
)
