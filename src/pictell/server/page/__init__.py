"""The page at `/`: photos in a browser, captions beside them. Plain files; nothing of it comes from, or goes to, elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from pictell.language import ALT_LENGTH, ALT_PREAMBLE, HEDGES, STYLES, function_words
from pictell.server.refusals import json_answer
from pictell.server.service import Service

_SECURITY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob:",  # photos are shown from memory
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_ALLOWED = "camera=(self), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), payment=()"
HEADERS = {
    "content-security-policy": _SECURITY,
    "permissions-policy": _ALLOWED,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
"""What browsers are told of every file of the page."""

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def router(service: Service) -> APIRouter:
    """The page, its files below `/page/`, and what it has to know of the service."""
    routes = APIRouter(include_in_schema=False)
    folder = Path(__file__).parent

    def add(path: str, file: Path) -> None:
        @routes.get(path)
        async def page_file() -> Response:
            return Response(file.read_bytes(), headers=HEADERS, media_type=f"{_TYPES[file.suffix]}; charset=utf-8")

    add("/", folder / "page.html")
    add("/favicon.ico", folder / "icon.svg")
    for file in sorted(folder.iterdir()):
        if file.suffix in _TYPES and file.name != "page.html":
            add(f"/page/{file.name}", file)

    @routes.get("/page/facts.json")
    async def facts(request: Request) -> Response:
        answer = json_answer(_facts(service, trusted=request.scope.get("pictell.trusted", True)))
        answer.headers.update({**HEADERS, "cache-control": "no-store"})
        return answer

    return routes


def _facts(service: Service, *, trusted: bool) -> dict[str, Any]:
    """What the page shows and checks by; to those who may not ask, only what is public."""
    settings = service.settings
    public = {
        "access": "open" if trusted else "address" if settings.key is None else "key",
        "styles": list(STYLES),
        "hedges": list(HEDGES.values()),
        "alt": {"length": ALT_LENGTH, "preamble": ALT_PREAMBLE, "not_last": sorted(function_words("en") or ())},
    }
    if not trusted:
        return public
    health = service.health()
    models = [{name: model[name] for name in ("name", "language", "refuses")} for model in health["models"]]
    return {**public, "models": models, "body_bytes": settings.most_body}
