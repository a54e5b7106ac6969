"""What a service is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pictell.errors import OptionError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LEAST_KEY = 8
"""Characters of the shortest key that is taken."""


@dataclass(frozen=True)
class Settings:
    """How to serve. Sizes in bytes, times in seconds, queues in pictures.

    `models` are the names or directories that requests may choose from, the first of them where they name none.
    `names` are host names that the service is known by, `origins` web pages elsewhere that may ask.
    `url_hosts` are hosts that pictures may be fetched from, `photo_roots` folders of this machine that requests may name
    photos in (for LibrePhotos); none unless named. Of a body at least `body_rate` bytes a second must come, on average, once
    `body_patience` has passed. `idle_unload` frees a model that nobody asked for so long. `window` is the longest that a
    picture waits for company. `most_steps` bounds what is asked of one request's captions, see `Captioner.steps`.

    Raises:
        OptionError: a value is out of its range.

    """

    models: tuple[str | None, ...] = (None,)
    threads: int | None = None
    lazy: bool = False
    idle_unload: float | None = None
    key: str | None = None
    allowed: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    url_hosts: tuple[str, ...] = ()
    photo_roots: tuple[Path, ...] = ()
    queue: int = 128
    most_pictures: int = 64
    most_body: int = 64 << 20
    most_held: int = 256 << 20
    body_patience: float = 10.0
    body_rate: float = 16384.0
    most_pixels: int = 100_000_000
    most_steps: int = 20_000
    window: float = 0.003
    batch: int = 16

    def __post_init__(self) -> None:
        for name in ("queue", "most_pictures", "most_body", "batch", "most_pixels", "most_steps"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.most_pictures > self.queue:
            raise OptionError(f"a request of {self.most_pictures} pictures would not fit into a queue of {self.queue}")
        if self.idle_unload is not None and self.idle_unload <= 0:
            raise OptionError("idle_unload must be more than 0 seconds")
        if self.key is not None and (len(self.key) < LEAST_KEY or not self.key.isascii() or not self.key.isprintable()):
            raise OptionError(f"a key has at least {LEAST_KEY} characters, all of them printable ASCII")
        for root in self.photo_roots:
            if not root.is_dir():
                raise OptionError(f"there is no folder {str(root)!r}")
        if not self.models:
            raise OptionError("name a model to serve")


def networks_of(texts: list[str]) -> tuple[Network, ...]:
    """Networks such as `192.168.1.0/24` or `fd00::/8`, or single addresses.

    Raises:
        OptionError: one is none.

    """
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise OptionError(f"{text!r} is no network such as 192.168.1.0/24: {error}") from error
    return tuple(networks)
