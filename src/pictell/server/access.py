"""Who may ask: a key, or an address, before a body is read."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from pictell.server.refusals import Refusal, answer_to
from pictell.server.settings import Network

OPEN = frozenset({"/", "/docs", "/openapi.json", "/health", "/readyz", "/favicon.ico"})
"""What tells nothing that is not public anyway; `/health` says less to those without the key."""

OPEN_BELOW = ("/page/", "/docs/")
"""Static files."""


class Access:
    """An ASGI middleware that lets through who has the key (`Authorization: Bearer KEY` or `X-API-Key: KEY`) or an address in
    one of `allowed`; everybody where there is neither.

    The address is that of the connection: what headers say of others is not believed. `scope["pictell.trusted"]` tells the
    routes that are open to all whether who asks was let through.
    """

    def __init__(
        self, app: ASGIApp, *, key: str | None, allowed: Sequence[Network], open_to_all: Iterable[str]
    ) -> None:
        self._app = app
        self._digest = None if key is None else _digest(key.encode())
        self._allowed = tuple(allowed)
        self._open = frozenset(open_to_all)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may be answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        objection = self._objection(scope)
        scope["pictell.trusted"] = objection is None
        if objection is None or scope["path"] in self._open or scope["path"].startswith(OPEN_BELOW):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": objection.message})
        else:
            scope["pictell.refused"](objection.kind)
            await answer_to(objection, scope["path"])(scope, receive, send)

    def _objection(self, scope: Scope) -> Refusal | None:
        if self._digest is None and not self._allowed:
            return None
        if self._allowed and _is_within(scope.get("client"), self._allowed):
            return None
        if self._digest is None:
            return Refusal("address", "this service does not answer your address")
        keys = _keys(scope)
        # Digests have one length, so that the time tells nothing of the key's.
        if len(keys) == 1 and hmac.compare_digest(_digest(keys[0]), self._digest):
            return None
        return Refusal("key", "this service needs its key: Authorization: Bearer KEY, or X-API-Key: KEY")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _keys(scope: Scope) -> list[bytes]:
    found = []
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            found.append(value.strip())
        elif name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                found.append(rest.strip())
    return list(dict.fromkeys(found))


def _is_within(client: tuple[str, int] | None, networks: Sequence[Network]) -> bool:
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
