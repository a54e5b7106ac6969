"""Connections that do not hold the service up: too many, such that send nothing or read nothing, and what is not HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST_CONNECTIONS = 500
"""Of all clients together; half of what many systems let a process open."""


def protocol(seconds: float, most: int = MOST_CONNECTIONS) -> type[asyncio.Protocol]:
    """uvicorn's protocol, with errors in pictell's shape and at most `most` connections.

    The head of a request is due within `seconds`, and a client that reads nothing of its answer for so long is cut off.
    """

    class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        _due: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                self._refuse(
                    503, "Service Unavailable", "busy", "too many connections: try again later", "retry-after: 2\r\n"
                )
            else:
                self._wait_for_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                if not self.transport.is_closing():
                    self._wait_for_head()
            else:
                self._stop_waiting()

        def pause_writing(self) -> None:
            super().pause_writing()
            # A client that does not read its answer; closing would wait for it all the same.
            self._unread = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop_abort()
            super().resume_writing()

        def _stop_abort(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

        def connection_lost(self, error: Exception | None) -> None:
            self._stop_waiting()
            self._stop_abort()
            super().connection_lost(error)

        def send_400_response(self, msg: str) -> None:
            # Where an answer has begun, there is no other to be given.
            if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
                self._refuse(400, "Bad Request", "bad-request", "this is not HTTP as it should be")
            else:
                self.transport.close()

        def _wait_for_head(self) -> None:
            if self._due is None:
                self._due = self.loop.call_later(seconds, self._too_slow)

        def _stop_waiting(self) -> None:
            if self._due is not None:
                self._due.cancel()
                self._due = None

        def _too_slow(self) -> None:
            self._due = None
            if self.cycle is None or self.cycle.response_complete:
                self._refuse(408, "Request Timeout", "slow-body", "the request comes too slowly")

        def _refuse(self, status: int, reason: str, kind: str, message: str, headers: str = "") -> None:
            if not self.transport.is_closing():
                body = json.dumps({"error": {"kind": kind, "message": message}})
                head = (
                    f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
                )
                self.transport.write(f"{head}{headers}connection: close\r\n\r\n{body}".encode())
                self.transport.close()

    return Protocol
