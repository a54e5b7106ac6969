"""`/docs`: the OpenAPI document as a page, made by a few lines of our own; nothing comes from other hosts."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response

_SECURITY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_FILES = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}


def router() -> APIRouter:
    """The page and its files."""
    routes = APIRouter(include_in_schema=False)
    folder = Path(__file__).with_name("assets")

    def add(path: str, name: str) -> None:
        headers = {
            "content-security-policy": _SECURITY,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
        }

        @routes.get(path)
        async def document() -> Response:
            content = (folder / name).read_bytes()
            return Response(content, headers=headers, media_type=f"{_FILES[name]}; charset=utf-8")

    add("/docs", "docs.html")
    add("/docs/docs.css", "docs.css")
    add("/docs/docs.js", "docs.js")
    return routes
