"""A library of real photos, and the review served from it: the real server on a real port, in a thread of the tests'."""

from __future__ import annotations

import http.client
import json
import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import uvicorn

import pictell
from pictell.albums import Library
from pictell.albums.library import Words
from pictell.reviewing import Session, serve

HOSTILE = "<img src=x onerror=alert(1)>&\"'.jpg"


def make_photo(path: Path, seed: int, size: tuple[int, int] = (320, 240)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@dataclass
class Album:
    """A library and its photos by name."""

    path: Path
    photos: Path
    numbers: dict[str, int]

    def words(self, name: str) -> Words | None:
        with Library(self.path) as library:
            return library.words_of(self.numbers[name])

    def put(self, name: str, words: Words) -> None:
        with Library(self.path) as library, library.transaction():
            library.put_words(self.numbers[name], words)


def said(text: str | None, confidence: float | None = 0.5, reason: str | None = None) -> Words:
    return Words(text, reason, -1.0, confidence, "m@1", "2026-01-01T00:00:00+00:00")


@pytest.fixture
def album(tmp_path: Path) -> Album:
    """Photos `a` to `d` with captions, `c` with a name that is markup and no text; one that looks like none; one that failed."""
    photos = tmp_path / "photos"
    rows: list[tuple[Path, Words | None]] = [
        (make_photo(photos / "a.png", 1), said("a dog runs on grass", 0.8)),
        (make_photo(photos / "b.png", 2, (240, 320)), said("two cats sit", 0.2)),
        (make_photo(photos / "sub" / HOSTILE, 3), said("<b>a bird</b> & $name", 0.5)),
        (make_photo(photos / "sub" / "d.png", 4), said("a boat", None)),
        (make_photo(photos / "sub" / "plot.png", 5), said(None, None, "looks like a plot")),
    ]
    broken = photos / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    rows.append((broken, None))
    odd = Path(os.fsdecode(os.fsencode(photos / "sub" / "o") + b"\xff\n.png"))
    rows.append((make_photo(odd, 6), said("a tree", 0.6)))
    numbers = {}
    with Library(tmp_path / "l.db") as library, library.transaction():
        for path, words in rows:
            status = path.stat()
            name = os.fsencode(path)
            number = library.put_photo(name, status.st_size, status.st_mtime_ns, name[-16:])
            numbers[path.name] = number
            if words is not None:
                library.put_words(number, words)
            else:
                library.put_error(number, "truncated", f"{path}: this JPEG file is cut short")
        library.put_own_words(numbers["b.png"], ["Minka & Mau"], ["cats"])
    return Album(tmp_path / "l.db", photos, numbers)


class Client:
    """A program that talks to the review as a browser would."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.netloc, self.opening = parts.netloc, f"/?{parts.query}"
        self.cookie: str | None = None

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def come_in(self) -> None:
        status, headers, _ = self.request("GET", self.opening)
        assert status == 200
        self.cookie = headers["set-cookie"].partition(";")[0]

    def ask(self, path: str, body: object = None, expect: int = 200) -> Any:
        status, _, answer = self.request("GET" if body is None else "POST", path, body)
        assert status == expect, answer
        return json.loads(answer)


Serve = Callable[..., str]


@pytest.fixture
def serving(album: Album, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves the library once more with each call, and gives the address that opens it."""
    servers: list[Any] = []
    threads: list[threading.Thread] = []

    class Server(uvicorn.Server):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(uvicorn, "Server", Server)

    def go(under: Path | None = None) -> str:
        addresses: queue.Queue[str] = queue.Queue()
        session = Session(album.path, lambda: pictell.load(tiny_bundle), under)
        thread = threading.Thread(target=serve, args=(session, addresses.put))
        thread.start()
        threads.append(thread)
        return addresses.get(timeout=20)

    yield go
    for server in servers:
        server.should_exit = True
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def client(serving: Serve) -> Client:
    """A program that was let in."""
    made = Client(serving())
    made.come_in()
    return made
