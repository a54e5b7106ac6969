"""Who is answered: keys, addresses, host names, other sites' pages."""

from __future__ import annotations

import asyncio
import base64
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, picture

from pictell.errors import OptionError
from pictell.server import Settings
from pictell.server.access import Access
from pictell.server.settings import networks_of

KEY = "correct-horse-battery"


@pytest.fixture(scope="module")
def locked(start: Any, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("key") / "key"
    file.write_text(KEY + "\n", encoding="utf-8")
    with start(
        "--model", tiny_bundle, "--api-key-file", file, "--cors", "https://photos.example", "--name", "photos.lan",
        "--idle-unload", "600", environment={"PICTELL_API_KEY": "another-key-entirely"},
    ) as served:  # fmt: skip
        yield served


@pytest.mark.parametrize(
    "method_path", [("POST", "/v1/caption"), ("GET", "/v1/models"), ("GET", "/metrics"), ("GET", "/nothing")]
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "wrong-key-of-some-length"}, {"X-API-Key": KEY + "x"}, {"X-API-Key": KEY[:-1]}, {"X-API-Key": ""},
     {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}, {"Authorization": KEY}, {"Authorization": "Bearer"},
     {"X-API-Key": "another-key-entirely"}, {"Authorization": f"Bearer {KEY}", "X-API-Key": "wrong-key"},
     {"Cookie": f"key={KEY}"}],
)  # fmt: skip
def test_without_the_key_there_is_nothing(
    locked: Served, method_path: tuple[str, str], headers: dict[str, str]
) -> None:
    answer = locked.ask(*method_path, None, headers)
    assert (answer.status, answer.kind) == (401, "key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert KEY not in answer.body.decode()


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY} "}]
)
def test_with_the_key_there_is_everything(locked: Served, headers: dict[str, str]) -> None:
    answer = locked.post({"image": base64.b64encode(picture()).decode()}, **headers)
    assert answer.status == 200
    assert "version" in locked.ask("GET", "/health", None, headers).json


def test_what_is_public_is_open_and_tells_nothing(locked: Served) -> None:
    assert locked.ask("GET", "/health").json == {"status": "ok"}
    for path in ("/docs", "/docs/docs.css", "/docs/docs.js", "/openapi.json"):
        assert locked.ask("GET", path).status == 200
    assert "http" not in locked.ask("GET", "/docs").body.decode().replace("httpx", ""), "something comes from elsewhere"


def test_the_key_is_written_nowhere(locked: Served) -> None:
    locked.ask("GET", f"/{KEY}", None, {"X-API-Key": KEY})
    locked.ask("GET", f"/health?key={KEY}", None, {"X-API-Key": KEY})
    text = locked.ask("GET", "/metrics", None, {"X-API-Key": KEY}).body.decode()
    assert KEY not in text
    assert 'pictell_refusals_total{reason="key"}' in text
    assert not [event for event in locked.events if KEY in str(event)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "photos.lan"}, 200),
        ({"Host": "photos.lan:8765"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 400),
        ({"Origin": "https://photos.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://photos.example.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_hosts_and_origins(locked: Served, headers: dict[str, str], status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", locked.port)
    host = headers.get("Host", f"127.0.0.1:{locked.port}")
    connection.putrequest("GET", "/health", skip_host=True)
    for name, value in {"Host": host, "X-API-Key": KEY, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == status
    allowed = headers.get("Origin") == "https://photos.example"
    assert (answer.getheader("Access-Control-Allow-Origin") == "https://photos.example") == allowed


def test_a_page_may_ask_beforehand_without_the_key(locked: Served) -> None:
    ask = {
        "Origin": "https://photos.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    answer = locked.ask("OPTIONS", "/v1/caption", None, ask)
    assert answer.status == 200
    assert "x-api-key" in answer.headers["access-control-allow-headers"]
    assert locked.ask("OPTIONS", "/v1/caption", None, ask | {"Origin": "https://evil.example"}).status == 403


def test_no_page_of_another_site_is_answered_unless_that_is_asked_for(served: Served) -> None:
    answer = served.ask(
        "POST", "/v1/caption", picture(), {"Content-Type": "image/jpeg", "Origin": "https://photos.example"}
    )
    assert (answer.status, answer.kind) == (403, "origin")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_addresses_instead_of_a_key(start: Any, tiny_bundle: Path) -> None:
    picture_of = {"image": base64.b64encode(picture()).decode()}
    with start("--model", tiny_bundle, "--host", "0.0.0.0", "--allow-from", "127.0.0.0/8") as served:
        assert served.post(picture_of).status == 200
    with start(
        "--model", tiny_bundle, "--host", "0.0.0.0", "--allow-from", "192.0.2.0/24", "--allow-from", "2001:db8::/32"
    ) as served:
        for headers in (
            {},
            {"X-Forwarded-For": "192.0.2.7"},
            {"Forwarded": "for=192.0.2.7"},
            {"X-Real-IP": "192.0.2.7"},
        ):
            answer = served.post(picture_of, **headers)
            assert (answer.status, answer.kind) == (403, "address")
        assert served.ask("GET", "/health").json == {"status": "ok"}


def passes(
    client: tuple[str, int] | None, networks: list[str], *headers: tuple[bytes, bytes], key: str | None = None
) -> bool:
    """Whether the layer alone lets through."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        assert message.get("status", 403) in (401, 403)

    layer = Access(app, key=key, allowed=networks_of(networks), open_to_all=())
    scope = {
        "type": "http",
        "path": "/v1/caption",
        "headers": list(headers),
        "client": client,
        "pictell.refused": lambda kind: None,
    }
    asyncio.run(layer(scope, receive, send))
    return bool(seen)


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("192.168.1.7", ["192.168.1.0/24"], True),
        ("192.168.2.7", ["192.168.1.0/24"], False),
        ("::ffff:192.168.1.7", ["192.168.1.0/24"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("2001:db8::1", ["192.168.1.0/24", "2001:db8::/32"], True),
        ("10.0.0.1", ["10.0.0.1"], True),
        ("somewhere", ["0.0.0.0/0"], False),
    ],
)
def test_addresses(address: str, networks: list[str], allowed: bool) -> None:
    assert passes((address, 1), networks) == allowed


def test_a_key_or_an_address_is_enough() -> None:
    right = (b"x-api-key", KEY.encode())
    assert passes(("10.0.0.1", 1), ["10.0.0.0/8"], key=KEY)
    assert passes(("11.0.0.1", 1), ["10.0.0.0/8"], right, key=KEY)
    assert not passes(("11.0.0.1", 1), ["10.0.0.0/8"], key=KEY)
    assert not passes(None, ["10.0.0.0/8"])
    assert passes(None, [])
    assert not passes(("11.0.0.1", 1), [], right, (b"x-api-key", b"wrong"), key=KEY)


@pytest.mark.parametrize("key", ["", "short", "with\nline-break", "schlüssel-zum-haus"])
def test_keys_that_are_none_are_refused(key: str) -> None:
    with pytest.raises(OptionError):
        Settings(key=key)


@pytest.mark.parametrize("network", ["", "here", "192.168.1.7/24", "1.2.3"])
def test_networks_that_are_none_are_refused(network: str) -> None:
    with pytest.raises(OptionError, match="no network"):
        networks_of([network])
