"""Who may talk to a local service: requests as programs, browsers and hostile pages send them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pictell.web import Guard

HERE = "127.0.0.1:8765"


def ask(
    method: str = "POST", hosts: tuple[str, ...] = (HERE,), guard: dict[str, Any] | None = None, **headers: str
) -> int:
    """The status of the answer; 200 is the application's own."""
    reached: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing of a request is read before it may be answered")

    pairs = [(b"host", host.encode()) for host in hosts]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "headers": pairs}
    asyncio.run(Guard(app, **(guard or {}))(scope, receive, send))  # type: ignore[arg-type]
    status = int(sent[0]["status"])
    assert bool(reached) == (status == 200)
    if status != 200:
        error = json.loads(sent[1]["body"])["error"] if method != "HEAD" else {"kind": "host", "message": "-"}
        assert error["kind"] in ("host", "origin")
        assert error["message"]
    return status


@pytest.mark.parametrize(
    "host",
    [HERE, "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8765", "192.168.1.20:8765", "a.localhost", "localhost."],
)
def test_addresses_and_localhost_are_answered(host: str) -> None:
    assert ask(hosts=(host,)) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "localhost:x", "[::1",
             "[::1]x", "127.0.0.1:80:90", "localhost@evil.example", "user@127.0.0.1"]
)  # fmt: skip
def test_a_name_that_someone_may_have_pointed_here_is_refused(host: str) -> None:
    assert ask(hosts=(host,)) == 403
    assert ask("GET", hosts=(host,)) == 403
    assert ask("HEAD", hosts=(host,)) == 403


@pytest.mark.parametrize("hosts", [(), ("",), (" ",), (HERE, "evil.example"), (HERE, HERE)])
def test_one_host_is_needed(hosts: tuple[str, ...]) -> None:
    assert ask(hosts=hosts) == 400


def test_a_name_given_is_known() -> None:
    known = {"hosts": ["Photos.Home"]}
    assert ask(hosts=("photos.home:8765",), guard=known) == 200
    assert ask(hosts=("photos.home.",), guard=known) == 200
    assert ask(hosts=("other.home",), guard=known) == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8765", "file://", ""]
)
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_pages_of_other_sites_are_refused(origin: str, method: str) -> None:
    assert ask(method, origin=origin) == 403


def test_a_page_of_our_own_is_answered() -> None:
    assert ask(origin="http://127.0.0.1:8765") == 200
    assert ask(origin="https://photos.home", hosts=("photos.home",), guard={"hosts": ["photos.home"]}) == 200


def test_a_page_that_was_allowed_is_answered_and_no_other() -> None:
    allowed = {"origins": ["https://photos.example/"]}
    assert ask(origin="https://photos.example", guard=allowed) == 200
    assert ask(origin="http://photos.example", guard=allowed) == 403
    assert ask(origin="https://photos.example.evil.example", guard=allowed) == 403


@pytest.mark.parametrize(
    ("method", "site", "mode", "dest", "status"),
    [
        ("GET", "none", "navigate", "document", 200),  # typed into the address bar
        ("GET", "same-origin", "no-cors", "image", 200),
        ("GET", "cross-site", "navigate", "document", 200),  # a link that a person follows
        ("GET", "cross-site", "navigate", "iframe", 403),
        ("GET", "cross-site", "no-cors", "image", 403),
        ("GET", "same-site", "no-cors", "script", 403),  # another port of this machine
        ("POST", "cross-site", "navigate", "document", 403),
    ],
)
def test_what_a_page_elsewhere_names_is_refused(method: str, site: str, mode: str, dest: str, status: int) -> None:
    headers = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": dest}
    assert ask(method, **headers) == status


def test_programs_that_are_no_browsers_are_answered() -> None:
    assert ask() == 200
    assert ask("GET", user_agent="curl/8") == 200


def test_a_web_socket_is_closed_and_a_start_passed_on() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def send(message: Any) -> None:
        seen.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    guard = Guard(app)
    asyncio.run(guard({"type": "lifespan"}, receive, send))
    asyncio.run(guard({"type": "websocket", "headers": [(b"host", b"evil.example")]}, receive, send))
    assert seen[0] == "lifespan"
    assert seen[1]["type"] == "websocket.close"
    assert len(seen) == 2
