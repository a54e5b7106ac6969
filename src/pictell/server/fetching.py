"""Pictures fetched from other hosts, for services that were told which."""

from __future__ import annotations

from collections.abc import Iterable

from pictell.server.refusals import Refusal


class Fetcher:
    """Fetches from `hosts` alone."""

    def __init__(self, hosts: Iterable[str], *, most_bytes: int) -> None:
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)
        self._most_bytes = most_bytes

    async def fetch(self, url: str) -> bytes:
        """The bytes at a URL."""
        raise Refusal("url-host", "this service fetches no pictures: send the picture itself")
