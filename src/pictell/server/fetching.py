"""Pictures fetched from other hosts, for services that were told which. Nothing inside the own network is reached that way.

A name is looked up once and the connection made to the address that was checked, so that a name which changes its mind between
the check and the use (DNS rebinding) gains nothing. Each redirect is checked as the first address was. Proxies that the
environment names are not used.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from pictell import __version__
from pictell.server.refusals import Refusal

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

SECONDS = 15.0
"""The longest that a picture may take to come, redirects included."""

_MOST_REDIRECTS = 3
_AT_ONCE = 8
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
# Addresses that carry others in them: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380).
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet: not private, loopback, link-local, multicast, reserved, or a way there."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _NAT64) or address.sixtofour is not None or address.teredo is not None:
            return False
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def look_up(host: str, port: int) -> list[Address]:
    """The addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


class Fetcher:
    """Fetches from `hosts` alone, at most `most_bytes` in `seconds`; eight at a time.

    `allowed` and `resolve` are for tests, which have no internet.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        most_bytes: int,
        seconds: float = SECONDS,
        allowed: Callable[[Address], bool] = is_public,
        resolve: Callable[[str, int], list[Address]] = look_up,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._allowed = allowed
        self._resolve = resolve
        self._context = context
        # Threads of its own: hosts that take their time keep nobody else waiting.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pictell-fetch")

    async def fetch(self, url: str) -> bytes:
        """The bytes at a URL.

        Raises:
            Refusal: `url-host` where it leads to a host that is not allowed, `url` where there is no picture to be had.

        """
        if not self._hosts:
            raise Refusal("url-host", "this service fetches no pictures: send the picture itself")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.get, url)

    def get(self, url: str) -> bytes:
        """As `fetch`, in the calling thread."""
        deadline = time.monotonic() + self._seconds
        for _ in range(1 + _MOST_REDIRECTS):
            parts, port = self._checked(url)
            found = self._one(parts, port, deadline)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise Refusal("url", "a picture's address redirects too often")

    def _checked(self, url: str) -> tuple[SplitResult, int]:
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
            host = (parts.hostname or "").rstrip(".")
        except (ValueError, KeyError):
            raise Refusal("url", "a picture's address is no http or https URL") from None
        if not url.isascii() or not url.isprintable() or " " in url or parts.username is not None:
            raise Refusal("url", "a picture's address is no plain URL: escape it, and leave user names out")
        if host not in self._hosts:
            raise Refusal("url-host", f"this service fetches no pictures from {host[:200]!r}")
        return parts, port

    def _one(self, parts: SplitResult, port: int, deadline: float) -> bytes | str:
        """What one request gives: the body, or where it redirects to."""
        host = str(parts.hostname)
        connection = http.client.HTTPConnection(host, port)
        try:
            plain = self._connected(host, port, deadline)
        except OSError as error:
            raise Refusal("url", f"{host} cannot be reached") from error
        # A host that sends a byte now and then would never run into the time-out of a single read.
        timer = Timer(max(0.0, deadline - time.monotonic()), _shut, [plain])
        timer.daemon = True
        timer.start()
        try:
            connection.sock = self._secured(plain, host) if parts.scheme == "https" else plain
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"User-Agent": f"pictell/{__version__}", "Accept": "image/*", "Connection": "close"}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status in _REDIRECTS and (location := response.getheader("Location")):
                return location
            if response.status != 200:
                raise Refusal("url", f"{host} answers {response.status} instead of a picture")
            return self._content(response, host, deadline)
        except (OSError, ValueError, http.client.HTTPException) as error:
            what = "takes too long" if time.monotonic() >= deadline else "gives no picture"
            raise Refusal("url", f"{host} {what}") from error
        finally:
            timer.cancel()
            connection.close()
            plain.close()

    def _connected(self, host: str, port: int, deadline: float) -> socket.socket:
        addresses = self._resolve(host, port)
        # One that is not allowed among several is no slip: none of them is used.
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise Refusal("url-host", f"{host} is not in the open internet: its pictures are not fetched")
        return socket.create_connection((str(addresses[0]), port), timeout=max(0.1, deadline - time.monotonic()))

    def _secured(self, plain: socket.socket, host: str) -> socket.socket:
        context = self._context or ssl.create_default_context()
        return context.wrap_socket(plain, server_hostname=host)

    def _content(self, response: http.client.HTTPResponse, host: str, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := response.read1(1 << 16):
            size += len(part)
            if size > self._most_bytes:
                raise Refusal("url", f"{host} sends more than {self._most_bytes:,} bytes")
            if time.monotonic() >= deadline:
                raise Refusal("url", f"{host} takes too long")
            parts.append(part)
        if time.monotonic() >= deadline:  # the end came because the connection was cut
            raise Refusal("url", f"{host} takes too long")
        if response.length:  # what was promised and did not come
            raise http.client.IncompleteRead(b"")
        return b"".join(parts)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
