"""Real services for the tests: `python -m pictell serve` as a process of its own, on a free port of the loopback address."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SECONDS = 60


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The kind of the error, whose shape is looked at too."""
        assert self.headers["content-type"] == "application/json"
        error = self.json["error"]
        assert set(error) == {"kind", "message"}
        assert "Traceback" not in error["message"]
        assert "\n" not in error["message"]
        return str(error["kind"])


@dataclass
class Served:
    """A running service."""

    process: subprocess.Popen[str]
    port: int
    url: str
    events: list[dict[str, Any]] = field(default_factory=list)
    key: str | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, **named: str
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            sent = {**({"X-API-Key": self.key} if self.key else {}), **(headers or {})}
            connection.request(method, path, body, sent | {k.replace("_", "-"): v for k, v in named.items()})
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def post(self, value: Any, path: str = "/v1/caption", **named: str) -> Answer:
        """JSON to `/v1/caption`, or elsewhere."""
        return self.ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"}, **named)

    def form(self, *parts: tuple[str, str | bytes | tuple[str, bytes]], **named: str) -> Answer:
        """A form to `/v1/caption`: texts, bytes, or files as (name, bytes)."""
        body = form_of(*parts)
        return self.ask("POST", "/v1/caption", body, {"Content-Type": "multipart/form-data; boundary=XX"}, **named)

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def metric(self, line: str) -> float:
        """The value of a metric, named with its labels; 0 where it is not there."""
        text = self.ask("GET", "/metrics").body.decode()
        found = [each.rpartition(" ")[2] for each in text.splitlines() if each.rpartition(" ")[0] == line]
        return float(found[0]) if found else 0.0


def form_of(*parts: tuple[str, str | bytes | tuple[str, bytes]]) -> bytes:
    body = b""
    for name, content in parts:
        filename = ""
        if isinstance(content, tuple):
            filename, content = f'; filename="{content[0]}"', content[1]
        elif isinstance(content, bytes):
            filename = '; filename="picture"'
        data = content.encode() if isinstance(content, str) else content
        body += f'--XX\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + data + b"\r\n"
    return body + b"--XX--\r\n"


@contextmanager
def running(
    *arguments: str | Path, key: str | None = None, environment: dict[str, str] | None = None
) -> Iterator[Served]:
    """A service that was told `arguments`; it is ended as Ctrl-C ends it, and must then end well."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pictell", "serve", "--port", "0", "--log", "json", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
    )
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if '"ready"' in line:
            break
    else:
        raise AssertionError(f"no service: {lines}")
    url = json.loads(lines[-1])["url"]
    served = Served(process, int(url.rpartition(":")[2]), url, key=key)
    reader = threading.Thread(target=_collect, args=(process.stderr, served.events), daemon=True)
    reader.start()
    try:
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        reader.join(SECONDS)
    assert code == 0, served.events[-5:]
    assert served.events[-1]["event"] == "stopped"


def _collect(stream: Any, events: list[dict[str, Any]]) -> None:
    events.extend(json.loads(line) for line in stream)


def picture(seed: int = 0, *, size: tuple[int, int] = (48, 64), form: str = "JPEG") -> bytes:
    """A picture of soft patches, which is taken for a photo."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 255, (6, 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(patches).resize(size[::-1], Image.Resampling.BICUBIC).save(stream, form)
    return stream.getvalue()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def data_url(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64_of(content)}"
