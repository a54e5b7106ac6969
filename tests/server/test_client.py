"""The client against a real service: the captions and errors of a captioner on this machine."""

from __future__ import annotations

import http.server
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, picture

import pictell
from pictell import Caption, Captioner, PictellError
from pictell.client import Client
from pictell.errors import OptionError, PhotoError


@pytest.fixture(scope="module")
def library(tiny_bundle: Path) -> Captioner:
    return pictell.load(tiny_bundle)


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url) as one:
        yield one


def close(one: Caption | PictellError, other: Caption | PictellError) -> bool:
    """Equal but for the last digits that a batch's company moves."""
    if isinstance(one, PictellError) or isinstance(other, PictellError):
        return type(one) is type(other) and str(one) == str(other) and one.kind == other.kind  # type: ignore[union-attr]
    numbers = [[each.log_prob, *(word.prob for word in each.words)] for each in (one, other)]
    texts = [
        (each.text, each.reason, each.model, each.style, each.raw, [a.text for a in each.alternatives])
        for each in (one, other)
    ]
    return texts[0] == texts[1] and numbers[0] == pytest.approx(numbers[1], abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"num": 3}, {"style": "alt"}, {"must": ["word3|word4", "word5"], "force": True},
     {"sample": True, "seed": 3, "top_p": 0.9}, {"must_not": "word1,word2"},
     {"start": "word4", "no_dangling": True, "diversity": 0.5, "num": 2}],
)  # fmt: skip
def test_a_caption_is_the_librarys(
    client: Client, library: Captioner, pictures: list[bytes], options: dict[str, Any]
) -> None:
    assert client.caption(pictures[0], **options) == library.caption(pictures[0], **options)


def test_features_come_along(client: Client, library: Captioner, pictures: list[bytes]) -> None:
    mine, other = library.caption(pictures[0], features=True), client.caption(pictures[0], features=True)
    assert mine.features is not None
    assert other.features == pytest.approx(mine.features)


def test_many_photos_and_what_is_wrong_with_some(
    client: Client, library: Captioner, pictures: list[bytes], tmp_path: Path
) -> None:
    paths: list[Any] = []
    for number, content in enumerate([*pictures, b"text", b"", pictures[4][:400], *pictures]):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(content)
    paths[3:3] = [tmp_path / "missing.jpg", tmp_path, "", pictures[1], b"no picture"]
    stream = io.BytesIO(pictures[4][:300])
    wanted = library.caption_many(paths)
    found = client.caption_many(paths)
    assert len(found) == len(wanted) == len(paths)
    for path, one, other in zip(paths, found, wanted, strict=True):
        assert close(one, other), (path, one, other)
    stream.name = "standard input"
    with pytest.raises(PhotoError, match="standard input: this JPEG file is cut short"):
        client.caption(stream)


def test_no_name_leaves_the_machine(tmp_path: Path, pictures: list[bytes], served: Served) -> None:
    path = tmp_path / "very-private-name.jpg"
    path.write_bytes(pictures[0])
    sent: list[bytes] = []
    with Client(served.url) as client:
        send = client._send
        client._send = lambda method, place, body, headers: (
            sent.append(body or b""),
            send(method, place, body, headers),
        )[1]  # type: ignore[method-assign]
        client.caption(path)
    assert pictures[0] in sent[-1]
    assert not [body for body in sent if b"private" in body]


def test_any_number_of_threads(client: Client, library: Captioner, pictures: list[bytes]) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(client.caption, pictures * 4))
    assert all(close(one, library.caption(content)) for one, content in zip(found, pictures * 4, strict=True))


def test_results_come_while_others_are_worked_on(client: Client, pictures: list[bytes]) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield pictures[0]

    results = client.stream(endless())
    assert isinstance(next(results), Caption)
    assert taken < 100
    results.close()  # type: ignore[attr-defined]


def test_a_photo_larger_than_the_service_takes(client: Client, pictures: list[bytes], tmp_path: Path) -> None:
    large = picture(size=(1800, 1800), form="BMP")
    assert len(large) > 8 << 20
    found = client.caption_many([pictures[0], large, pictures[1]])
    assert [isinstance(each, Caption) for each in found] == [True, False, True]
    assert isinstance(found[1], PhotoError)
    assert found[1].kind == "too-large"


def test_photos_that_are_too_large_together_are_sent_apart(client: Client, library: Captioner) -> None:
    large = [picture(seed, size=(1000, 1000), form="BMP") for seed in range(8)]
    found = client.caption_many(large)
    assert all(close(one, library.caption(content)) for one, content in zip(found, large, strict=True))


def test_what_cannot_be_asked_is_told_before_and_by_the_service(client: Client, pictures: list[bytes]) -> None:
    for wrong in ({"beam": 0}, {"must": "zebra"}, {"style": "loud"}, {"seed": 1}):
        with pytest.raises(OptionError):
            client.caption(pictures[0], **wrong)
        with pytest.raises(OptionError):
            client.check(**wrong)
    with pytest.raises(TypeError):
        client.caption(pictures[0], unknown=1)
    client.check(beam=3)
    client.check()


def test_models_by_name(served: Served, pictures: list[bytes]) -> None:
    with Client(served.url, model="other") as client:
        assert client.caption(pictures[0]).model == "other@7"
        assert client.language == "en"
    with Client(served.url, model="gpt") as client, pytest.raises(PictellError) as raised:
        client.caption(pictures[0])
    assert raised.value.kind == "unknown-model"


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "http://", "http://x:port", "http://user@x/", "http://x/?a=b", "127.0.0.1:99999"]
)
def test_what_is_no_address_of_a_service(url: str) -> None:
    with pytest.raises(OptionError):
        Client(url)


def test_nobody_is_there(pictures: list[bytes]) -> None:
    with pytest.raises(PictellError, match="cannot be asked") as raised:
        Client("http://127.0.0.1:9").caption(pictures[0])
    assert raised.value.kind == "server"
    with pytest.raises(PictellError, match="cannot be asked"):
        Client("http://no.such.host.invalid").caption(pictures[0])


def test_a_key_is_sent_and_a_wrong_one_told(start: Any, tiny_bundle: Path, pictures: list[bytes]) -> None:
    with start("--model", tiny_bundle, "--api-key", "a-key-of-its-own", key="a-key-of-its-own") as served:
        assert Client(served.url, "a-key-of-its-own").caption(pictures[0]).text
        for key in (None, "another-key"):
            with pytest.raises(PictellError, match="key") as raised:
                Client(served.url, key).caption_many([pictures[0]])
            assert raised.value.kind == "key"
    with pytest.raises(PictellError, match="cannot be asked"):
        Client(served.url, "a-key-of-its-own").caption(pictures[0])


@contextmanager
def other_service(answers: list[tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """Something else that speaks HTTP, which gives these answers in turn; the last one again and again."""
    given = iter(answers)
    last = answers[-1]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = next(given, last)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


LIMITS = {"body_bytes": 1 << 20, "pictures": 8}
HEALTH = json.dumps({"status": "ok", "limits": LIMITS, "models": [{"name": "m@1", "language": "en"}]}).encode()
BUSY = json.dumps({"error": {"kind": "busy", "message": "later"}}).encode()
RESULT = {"text": "a", "log_prob": -1.0, "confidence": None, "words": [], "alternatives": [], "model": "m@1"}
GOOD = json.dumps({"results": [RESULT]}).encode()


def test_a_busy_service_is_asked_again(pictures: list[bytes]) -> None:
    busy = (503, {"Retry-After": "0"}, BUSY)
    with other_service([(200, {}, HEALTH), busy, busy, (200, {}, GOOD)]) as url:
        assert Client(url).caption(pictures[0]).text == "a"


def test_but_not_for_ever(pictures: list[bytes]) -> None:
    with (
        other_service([(200, {}, HEALTH), (503, {"Retry-After": "3"}, BUSY)]) as url,
        pytest.raises(PictellError) as raised,
    ):
        Client(url, timeout=1).caption(pictures[0])
    assert raised.value.kind == "busy"


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"[]", b"{}", b'{"results": 1}', b'{"results": []}', b'{"results": [1]}', b'{"error": 1}',
     json.dumps({"results": [RESULT, RESULT]}).encode(), json.dumps({"results": [{**RESULT, "words": 1}]}).encode()],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 404, 500])
def test_what_is_no_answer_of_pictells(answer: bytes, status: int, pictures: list[bytes]) -> None:
    with (
        other_service([(200, {}, HEALTH), (status, {}, answer)]) as url,
        pytest.raises(PictellError) as raised,
    ):
        Client(url).caption(pictures[0])
    assert raised.value.kind == "answer"
    with other_service([(status, {}, answer)]) as url, pytest.raises(PictellError) as raised:
        Client(url).caption(pictures[0])
    assert raised.value.kind == "answer"


def test_a_service_that_says_nothing(pictures: list[bytes]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PictellError) as raised:
        Client(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.3).caption(pictures[0])
    assert raised.value.kind == "timeout"


def test_a_kept_connection_that_was_closed_is_opened_again(pictures: list[bytes]) -> None:
    with other_service([(200, {}, HEALTH), (200, {}, GOOD), (200, {}, GOOD)]) as url:
        client = Client(url)
        client.caption(pictures[0])
        client._idle[-1].sock.close()
        assert client.caption(pictures[0]).text == "a"


def test_the_client_needs_nothing_heavy() -> None:
    code = (
        "import sys, pictell.client\n"
        "assert not {'onnxruntime', 'fastapi', 'httpx', 'httpx2', 'requests'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
