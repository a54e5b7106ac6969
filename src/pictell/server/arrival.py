"""How requests come in: no larger, no slower and no more at once than can be held; and what happens when a client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pictell.server.refusals import Refusal, answer_to

# After a refusal the body is read on for so long and thrown away: the client hears why instead of finding its connection
# closed. No more of it than a body may have.
_SWALLOWED_SECONDS = 1.0


class Arrival:
    """An ASGI middleware that guards the service's memory and time.

    A body of more than `most_body` bytes is refused (413) as soon as its length is told or that many have come. All bodies
    together hold no more than `most_held` bytes; beyond, requests are refused for now (503). A body must come at
    `rate` bytes a second at least, on average, once `patience` seconds have passed (408).

    When the client leaves, the app's coroutine is cancelled.
    """

    def __init__(self, app: ASGIApp, *, most_body: int, most_held: int, patience: float, rate: float) -> None:
        self._app = app
        self.most_body = most_body
        self._most_held = most_held
        self._patience = patience
        self._rate = rate
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on requests that come in well."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Request(self, scope, receive, send).answer()

    def refuse_length(self, length: int) -> None:
        """Raises `Refusal` where a body of so many bytes is too large."""
        if length > self.most_body:
            raise Refusal("body-too-large", f"a body has {self.most_body:,} bytes at most")

    def hold(self, count: int) -> None:
        """Counts bytes in; raises `Refusal` where there are too many."""
        if self._held + count > self._most_held:
            raise Refusal("busy", "too many bodies are coming in: try again later", retry_after=2)
        self._held += count

    def release(self, count: int) -> None:
        """Counts bytes out."""
        self._held -= count

    def seconds_left(self, begun: float, received: int) -> float:
        """How long the next part of a body may take to come."""
        return begun + self._patience + received / self._rate - time.monotonic()


class _Request:
    """One request on its way in."""

    def __init__(self, arrival: Arrival, scope: Scope, receive: Receive, send: Send) -> None:
        self._arrival = arrival
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = time.monotonic()
        self._received = 0
        self._complete = not _has_body(scope)
        self._started = False  # the answer
        self._over = False
        self._left = False  # the client
        self._watch: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()

    async def answer(self) -> None:
        self._task = asyncio.current_task()
        try:
            if (length := _length(self._scope)) is not None:
                self._arrival.refuse_length(length)
            await self._arrival._app(self._scope, self._next, self._pass)
        except Refusal as refusal:
            if self._started:
                raise
            self._scope["pictell.refused"](refusal.kind)
            await answer_to(refusal, self._scope["path"])(self._scope, self._receive, self._pass)
        except asyncio.CancelledError:
            if not self._left or self._task is None or self._task.uncancel() > 0:
                raise
        finally:
            if self._watch is not None:
                self._watch.cancel()
            self._arrival.release(self._received)

    async def _next(self) -> Message:
        if self._watch is not None:
            # Whoever asks again wants to know when the client leaves.
            await self._gone.wait()
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(self._arrival.seconds_left(self._begun, self._received)):
                message = await self._receive()
        except TimeoutError:
            raise Refusal("slow-body", "the body comes too slowly") from None
        if message["type"] == "http.request":
            part = message.get("body", b"")
            self._arrival.refuse_length(self._received + len(part))
            self._arrival.hold(len(part))
            self._received += len(part)
            if not message.get("more_body", False):
                self._complete = True
                self._watch = asyncio.create_task(self._watch_for_leaving())
        return message

    async def _watch_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self._gone.set()
        if self._task is not None and not self._over:
            self._task.cancel()

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            if not self._complete:
                await self._swallow()
            if not self._complete:
                # The rest of the body would be waited for.
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._over = True
        await self._send(message)

    async def _swallow(self) -> None:
        """Reads on for a moment, since many clients look for an answer only when they have sent everything."""
        swallowed = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SWALLOWED_SECONDS):
                while not self._complete and swallowed < self._arrival.most_body:
                    message = await self._receive()
                    swallowed += len(message.get("body", b""))
                    self._complete = message["type"] != "http.request" or not message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    """Whether there is one to wait for (RFC 9112, 6)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return None
