"""What the OpenAPI document says of each route."""

from __future__ import annotations

from typing import Any

DESCRIPTION = "Captions of pictures, by pictell. Everything stays on the machine that serves."

TAGS = [
    {"name": "captions", "description": "pictell's own API."},
    {"name": "operations", "description": "How the service is."},
]

CAPTION: dict[str, Any] = {}
MODELS: dict[str, Any] = {}
HEALTH: dict[str, Any] = {}
METRICS: dict[str, Any] = {}
