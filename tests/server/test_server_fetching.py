"""Fetching pictures: from the hosts that are named, never from inside, not too much, not too long."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.server.fetching import Fetcher, is_public
from pictell.server.refusals import Refusal

PRIVATE = [
    "127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "fd12::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1",
    "fec0::1", "2001:0:7f00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_outside(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.integers(0, 2**32 - 1))
def test_what_is_not_global_is_not_public_in_any_dress(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    dressed = ipaddress.IPv6Address(f"::ffff:{address}")
    assert is_public(dressed) == is_public(address)
    assert not (is_public(address) and (address.is_private or address.is_multicast or address.is_loopback))


@contextmanager
def host(answer: Callable[[bytes], Iterator[bytes]]) -> Iterator[int]:
    """A host on the loopback address, which gives `answer` to each request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        for part in answer(connection.recv(65536)):
                            connection.sendall(part)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def fetcher(*hosts: str, seconds: float = 5.0, most_bytes: int = 10_000) -> Fetcher:
    """One that takes the loopback address for the open internet, and finds every host there."""
    return Fetcher(
        hosts, most_bytes=most_bytes, seconds=seconds,
        allowed=lambda address: address.is_loopback, resolve=lambda name, port: [ipaddress.ip_address("127.0.0.1")],
    )  # fmt: skip


def kind_of(fetch: Fetcher, url: str) -> str:
    with pytest.raises(Refusal) as raised:
        fetch.get(url)
    return raised.value.kind


def ok(body: bytes, **headers: str) -> bytes:
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in {"Content_Length": str(len(body)), **headers}.items()
    ]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines]).encode() + b"\r\n\r\n" + body


def test_a_picture_is_fetched() -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> Iterator[bytes]:
        seen.append(request)
        yield ok(b"picture")

    with host(answer) as port:
        assert fetcher("photos.example").get(f"http://photos.example:{port}/a.png?b=c#d") == b"picture"
    assert seen[0].startswith(b"GET /a.png?b=c HTTP/1.1\r\n")
    assert f"Host: photos.example:{port}".encode() in seen[0]
    assert b"Cookie" not in seen[0]
    assert b"Authorization" not in seen[0]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with host(lambda request: iter([ok(b"picture")])) as port:
        assert fetcher("photos.example").get(f"http://photos.example:{port}/") == b"picture"


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/", "http://photos.example.evil.example/", "http://evil.example#photos.example",
     "http://127.0.0.1/", "http://[::1]/", "http://photos.example@evil.example/"],
)  # fmt: skip
def test_other_hosts_are_not_asked(url: str) -> None:
    assert kind_of(fetcher("photos.example"), url) in ("url-host", "url")


@pytest.mark.parametrize(
    "url",
    ["ftp://photos.example/", "file:///etc/passwd", "http://photos.example:port/", "http://photos.example/a b", "http://[::1/",
     "http://user@photos.example/", "http://photos.example/\r\nX: y", "http://photos.example/ü", "gopher://photos.example"],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    assert kind_of(fetcher("photos.example"), url) == "url"


def test_nothing_is_fetched_unless_a_host_is_named() -> None:
    import asyncio

    async def fetch() -> None:
        await Fetcher((), most_bytes=1).fetch("http://photos.example/")

    with pytest.raises(Refusal) as raised:
        asyncio.run(fetch())
    assert raised.value.kind == "url-host"


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.1.2.3"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"], ["::1"], []]
)
def test_a_name_that_leads_inside_is_refused_before_a_connection(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*arguments: object, **named: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(socket, "create_connection", connect)
    found = [ipaddress.ip_address(each) for each in addresses]
    fetch = Fetcher(["photos.example"], most_bytes=100, resolve=lambda name, port: found)
    assert kind_of(fetch, "http://photos.example/") == "url-host"


def test_the_connection_is_made_to_the_address_that_was_checked() -> None:
    """A name that leads elsewhere when it is asked a second time is asked only once."""
    asked: list[str] = []

    def resolve(name: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        asked.append(name)
        return [ipaddress.ip_address("127.0.0.1")]

    with host(lambda request: iter([ok(b"picture")])) as port:
        fetch = Fetcher(["photos.invalid"], most_bytes=100, allowed=lambda address: True, resolve=resolve)
        assert fetch.get(f"http://photos.invalid:{port}/") == b"picture"
    assert asked == ["photos.invalid"]


def redirect(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_redirects_are_followed_and_checked() -> None:
    def answer(request: bytes) -> Iterator[bytes]:
        path = request.split()[1].decode()
        yield {
            "/a": redirect("/b"), "/b": ok(b"picture"), "/evil": redirect("http://evil.example/"),
            "/inside": redirect("http://10.0.0.1/"), "/file": redirect("file:///etc/passwd"), "/loop": redirect("/loop"),
        }[path]  # fmt: skip

    with host(answer) as port:
        fetch, base = fetcher("photos.example"), f"http://photos.example:{port}"
        assert fetch.get(f"{base}/a") == b"picture"
        assert kind_of(fetch, f"{base}/evil") == "url-host"
        assert kind_of(fetch, f"{base}/inside") == "url-host"
        assert kind_of(fetch, f"{base}/file") == "url"
        assert kind_of(fetch, f"{base}/loop") == "url"


def drip(request: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    while True:
        time.sleep(0.05)
        yield b"x"


def drip_head(request: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX: "
    while True:
        time.sleep(0.05)
        yield b"x"


@pytest.mark.parametrize("answer", [drip, drip_head])
def test_a_host_that_drips_is_not_waited_for(answer: Callable[[bytes], Iterator[bytes]]) -> None:
    begun = time.monotonic()
    with host(answer) as port:
        assert kind_of(fetcher("photos.example", seconds=0.5), f"http://photos.example:{port}/") == "url"
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "answer",
    [ok(bytes(20_000)), b"HTTP/1.1 200 OK\r\n\r\n" + bytes(20_000), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
     b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""],
)  # fmt: skip
def test_what_is_no_good_answer_is_refused(answer: bytes) -> None:
    with host(lambda request: iter([answer])) as port:
        assert kind_of(fetcher("photos.example"), f"http://photos.example:{port}/") == "url"


def test_a_host_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert kind_of(fetcher("photos.example"), f"http://photos.example:{port}/") == "url"
