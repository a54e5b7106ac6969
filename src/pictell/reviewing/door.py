"""Who may come in: whoever opened the address that this run printed, once; from then on a cookie of that browser."""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from pictell.web.guard import App, Message, Scope

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: nothing from elsewhere, no script or style but the files of this room."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_TURNED_AWAY = (
    "The address that `pictell album review` printed opens this page once, in one browser. To open it again, stop that command"
    " and run it anew; what was reviewed is kept."
)
# Followed by the page itself rather than by a redirect: a browser does not send a strict cookie with a redirect that began at
# another site, such as a terminal in a web page.
_COME_IN = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Review captions</title><link rel="icon" href="data:,">'
    '<meta http-equiv="refresh" content="0; url=/"></head><body><p><a href="/">Review captions</a></p></body></html>'
)


class Door:
    """An ASGI middleware that lets in requests with the cookie, gives the cookie for the token, and sets all answers' headers."""

    def __init__(self, app: App, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._app = app
        self._cookie = f"pictell-review-{port}"  # cookies do not know ports
        self._secret = secrets.token_urlsafe(32)
        self._used = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may be answered."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_RAW_HEADERS]
            await send(message)

        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if self._knows(headers.get("cookie", "")):
            await self._app(scope, receive, send_with_headers)
        elif self._opens(scope, headers):
            self._used = True
            cookie = f"{self._cookie}={self._secret}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send_with_headers, 200, "text/html; charset=utf-8", _COME_IN, [("set-cookie", cookie)])
        elif scope["path"].startswith("/api/"):
            body = json.dumps({"error": {"kind": "forbidden", "message": _TURNED_AWAY}})
            await _answer(send_with_headers, 403, "application/json", body)
        else:
            body = (
                '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Not opened</title></head>'
                f"<body><main><h1>Not opened</h1><p>{html.escape(_TURNED_AWAY)}</p></main></body></html>"
            )
            await _answer(send_with_headers, 403, "text/html; charset=utf-8", body)

    def _knows(self, header: str) -> bool:
        try:
            morsel = SimpleCookie(header).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and secrets.compare_digest(morsel.value.encode(), self._secret.encode())

    def _opens(self, scope: Scope, headers: dict[str, str]) -> bool:
        # What a browser fetches ahead of the person is not the person.
        if self._used or scope["method"] != "GET" or scope["path"] != "/" or "sec-purpose" in headers:
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return len(given) == 1 and secrets.compare_digest(given[0].encode(), self.token.encode())


async def _answer(send: Send, status: int, kind: str, body: str, headers: list[tuple[str, str]] | None = None) -> None:
    data = body.encode()
    pairs = [("content-type", kind), ("content-length", str(len(data))), *(headers or [])]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": data})
