"""`pictell album review` as people start and end it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("platformdirs")
pytest.importorskip("lxml")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from pictell.albums import Library
from pictell.albums.library import Words


@pytest.fixture
def library(tmp_path: Path, photo: Callable[..., Path]) -> Path:
    with Library(tmp_path / "l.db") as opened, opened.transaction():
        number = opened.put_photo(str(photo("photos/a.png")).encode(), 1, 2, b"h")
        opened.put_words(number, Words("a dog", None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00"))
    return tmp_path / "l.db"


def ask(address: str, method: str, path: str, body: dict[str, Any] | None = None, cookie: str = "") -> Any:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200, data
    return answer.getheader("Set-Cookie") if cookie == "" else json.loads(data)


@pytest.mark.parametrize("end", ["finish", "interrupt"])
def test_from_the_address_to_the_end(environment: dict[str, str], library: Path, tmp_path: Path, end: str) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "pictell", "album", "review", "--db", library]
    with subprocess.Popen(
        command,
        env={**environment, "BROWSER": f"{browser} %s"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        cookie = ask(address, "GET", f"/?{urlsplit(address).query}").partition(";")[0]
        stamp = ask(address, "GET", "/api/photos/1", cookie=cookie)["stamp"]
        ask(address, "POST", "/api/photos/1/edit", {"stamp": stamp, "text": "my dog"}, cookie)
        if end == "finish":
            ask(address, "POST", "/api/finish", {}, cookie)
        else:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "1 photo reviewed: 1 edited\n", "")
    assert (tmp_path / "opened").read_text() == address
    with Library(library) as opened:
        assert [entry.own for entry in opened.entries()] == ["my dog"]


def test_what_cannot_be_is_one_line(run, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, message in (
            (("--db", tmp_path / "none.db"), "no library yet"),
            (("--db", library, "--under", tmp_path / "none"), "no such directory"),
            (("--db", library, "--port", port, "--no-open"), f"port {port} cannot be used"),
        ):
            ran = run("album", "review", *arguments)
            assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
            assert message in ran.err
    monkeypatch.setattr("pictell.cli.review.missing_modules", lambda extra: ["it"])
    ran = run("album", "review")
    assert ran.err == ("pictell: pictell album review needs an optional part: pip install 'pictell[albums,serve]'\n")
