"""Who may talk to a service on this machine: a check of where each request comes from, before anything reads it.

A service on the loopback address is within reach of every web page that the user opens. A page may point a name of its own at
127.0.0.1 (DNS rebinding) and then read answers as if they were its own; it may also post forms across sites without reading
anything. Against the first helps that the Host header then holds the page's name, against the second that browsers say where a
request comes from (`Origin`, Fetch Metadata: https://www.w3.org/TR/fetch-metadata/). Programs that are no browsers send neither.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Guard:
    """An ASGI middleware that answers 403 to requests for another host's name or from another site's page, 400 without a host.

    Addresses in numbers and `localhost` are always answered, since no one can point a name at them; `hosts` are further names
    under which the service is known, without ports. `origins` are pages elsewhere that may ask, as `https://photos.example`.
    The answer's body is `{"error": {"kind": "host" | "origin", "message": ...}}`.
    """

    def __init__(self, app: App, *, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Passes on what may be answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        objection = self._objection(scope)
        if objection is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": objection[2]})
        else:
            status, kind, message = objection
            body = json.dumps({"error": {"kind": kind, "message": message}}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _objection(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = _headers(scope)
        hosts = headers.get("host", ())
        if len(hosts) != 1 or not (host := hosts[0].strip().lower()):
            return 400, "host", "one Host header is needed"
        name = _name_of(host)
        if name is None or not (_is_safe(name) or name in self._hosts):
            return 403, "host", "this service is not known by the name in the Host header"
        origins = headers.get("origin", ())
        if origins:
            # A page served through a proxy with TLS has https where we see http, so the scheme is not compared.
            same = len(origins) == 1 and origins[0].lower().partition("://")[2] == host
            if not (same or all(origin.lower() in self._origins for origin in origins)):
                return 403, "origin", "pages of other sites may not ask this service"
            return None
        # Without Origin: pictures, scripts and frames that a page elsewhere names. A link that a person follows is fine.
        site = headers.get("sec-fetch-site", ("none",))[-1]
        navigates = headers.get("sec-fetch-mode", ("",))[-1] == "navigate" and scope.get("method") in ("GET", "HEAD")
        framed = headers.get("sec-fetch-dest", ("",))[-1] in ("iframe", "frame", "embed", "object")
        if site in ("cross-site", "same-site") and (framed or not navigates):
            return 403, "origin", "pages of other sites may not ask this service"
        return None


def _headers(scope: Scope) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in scope["headers"]:
        name = key.decode("latin-1").lower()
        found[name] = (*found.get(name, ()), value.decode("latin-1"))
    return found


def _name_of(host: str) -> str | None:
    """The name in a Host header, without its port; `None` where it is malformed."""
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        port = port.removeprefix(":") if port.startswith(":") or not port else "?"
        if not closed:
            return None
    else:
        name, _, port = host.partition(":")
    if port and not (port.isascii() and port.isdecimal()):
        return None
    return name.rstrip(".") or None


def _is_safe(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: never looked up elsewhere
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
