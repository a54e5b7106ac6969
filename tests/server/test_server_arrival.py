"""The layer that bodies come through, alone: what is held, what is let go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pictell.server.arrival import Arrival


def arrival(app: Any, **more: Any) -> Arrival:
    settings: dict[str, Any] = {"most_body": 100, "most_held": 150, "patience": 5.0, "rate": 1000.0}
    return Arrival(app, **settings | more)


class Client:
    """Sends the parts of a body, then waits, and leaves when it is told to."""

    def __init__(self, *parts: bytes, length: int | None = None) -> None:
        self.parts = list(parts)
        self.sent: list[Any] = []
        self.leaves = asyncio.Event()
        self.refused: list[str] = []
        size = sum(map(len, parts)) if length is None else length
        headers = [(b"content-length", str(size).encode())] if size or parts else []
        self.scope: Any = {
            "type": "http", "method": "POST", "path": "/v1/caption", "headers": headers,
            "pictell.refused": self.refused.append,
        }  # fmt: skip

    async def receive(self) -> Any:
        if self.parts:
            return {"type": "http.request", "body": self.parts.pop(0), "more_body": bool(self.parts)}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


async def read(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def answered(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def app(scope: Any, receive: Any, send: Any) -> None:
    await read(receive)
    await answered(send)


def test_bodies_are_counted_until_they_are_answered() -> None:
    async def run() -> None:
        go = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await read(receive)
            await go.wait()
            await answered(send)

        layer = arrival(slow)
        first, second, third = Client(b"x" * 80), Client(b"x" * 80), Client(b"x" * 80)
        task = asyncio.create_task(layer(first.scope, first.receive, first.send))
        await asyncio.sleep(0.01)
        await layer(second.scope, second.receive, second.send)
        assert (second.status, second.refused) == (503, ["busy"])
        go.set()
        await task
        assert first.status == 200
        await layer(third.scope, third.receive, third.send)
        assert third.status == 200
        assert layer._held == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("parts", "length", "status"),
    [
        ([b"x" * 100], None, 200),
        ([b"x" * 101], None, 413),
        ([b"x"], 101, 413),
        ([b"x" * 60, b"x" * 60], 60, 413),
        ([], None, 200),
    ],
)
def test_sizes(parts: list[bytes], length: int | None, status: int) -> None:
    async def run() -> None:
        client = Client(*parts, length=length)
        layer = arrival(app)
        if not parts:
            client.parts = [b""]
        await layer(client.scope, client.receive, client.send)
        assert client.status == status
        assert layer._held == 0

    asyncio.run(run())


def test_whoever_leaves_ends_the_work() -> None:
    ended: list[str] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    async def run() -> None:
        client = Client(b"x")
        layer = arrival(endless)
        task = asyncio.create_task(layer(client.scope, client.receive, client.send))
        await asyncio.sleep(0.01)
        client.leaves.set()
        await asyncio.wait_for(task, 5)
        assert not task.cancelled()
        assert client.sent == []
        assert layer._held == 0

    asyncio.run(run())
    assert ended == ["ended"]


def test_leaving_after_the_answer_cancels_nothing() -> None:
    done: list[str] = []

    async def tidy(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        await answered(send)
        await asyncio.sleep(0.05)  # what a route does when its answer is out
        done.append("done")

    async def run() -> None:
        client = Client(b"x")
        task = asyncio.create_task(arrival(tidy)(client.scope, client.receive, client.send))
        await asyncio.sleep(0.01)
        client.leaves.set()
        await task

    asyncio.run(run())
    assert done == ["done"]


def test_a_cancellation_from_outside_goes_on() -> None:
    async def run() -> None:
        async def endless(scope: Any, receive: Any, send: Any) -> None:
            await read(receive)
            await asyncio.sleep(60)

        client = Client(b"x")
        task = asyncio.create_task(arrival(endless)(client.scope, client.receive, client.send))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_slow_body_is_given_up_and_the_connection_closed() -> None:
    async def run() -> None:
        client = Client(b"x", length=50)
        client.parts = []
        await arrival(app, patience=0.05)(client.scope, client.receive, client.send)
        assert (client.status, client.refused) == (408, ["slow-body"])
        assert (b"connection", b"close") in client.sent[0]["headers"]

    asyncio.run(run())
