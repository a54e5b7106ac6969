"""Bad input: each kind has its status and its word, and the service goes on. docs/serving.md has the same table."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Answer, Served, form_of, picture

from pictell.server.describing import WHY
from pictell.server.refusals import CODES

ROOT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


@pytest.fixture(autouse=True)
def _goes_on(served: Served) -> Iterator[None]:
    yield
    assert served.post({"image": text_of(picture())}).status == 200
    assert not [event for event in served.events if event["event"] == "failed"]


def text_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def nested(depth: int) -> bytes:
    return b'{"image": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        (b"{", JSON, 400, "bad-request"),
        (b"", JSON, 400, "bad-request"),
        (b"[]", JSON, 400, "bad-request"),
        (b"\xff\xfe{}", JSON, 400, "bad-request"),
        (nested(100_000), JSON, 400, "bad-request"),
        (b'{"image": NaN}', JSON, 400, "bad-request"),
        (b'{"image": 1}', JSON, 400, "bad-request"),
        (b'{"image": {"data": "x", "url": "y"}}', JSON, 400, "bad-request"),
        (b'{"images": "x"}', JSON, 400, "bad-request"),
        (b'{"image": {"url": "file:///etc/passwd"}}', JSON, 400, "url"),
        (b'{"image": "x", "model": 1}', JSON, 400, "bad-request"),
        (b'{"image": "x", "stream": "yes"}', JSON, 400, "bad-request"),
        (b"{}", JSON, 400, "no-picture"),
        (b'{"images": []}', JSON, 400, "no-picture"),
        (b'{"image": ""}', JSON, 400, "base64"),
        (b'{"image": "%%%"}', JSON, 400, "base64"),
        (b'{"image": "data:image/png;base64,AAA*"}', JSON, 400, "base64"),
        (b'{"image": "https://example.org/a.png"}', JSON, 403, "url-host"),
        (b'{"image": "http://127.0.0.1/a.png"}', JSON, 403, "url-host"),
        (b'{"image": "x", "beams": 2}', JSON, 400, "option"),
        (b'{"image": "x", "beam": 0}', JSON, 400, "option"),
        (b'{"image": "x", "beam": "2"}', JSON, 400, "option"),
        (b'{"image": "x", "beam": 1e400}', JSON, 400, "option"),
        (b'{"image": "x", "seed": 1}', JSON, 400, "option"),
        (b'{"image": "x", "must": "zebra"}', JSON, 400, "option"),
        (b'{"image": "x", "must": [1]}', JSON, 400, "option"),
        (json.dumps({"image": "x", "must": "x" * 3000}).encode(), JSON, 400, "option"),
        (b'{"image": "x", "must": ' + b"[" * 900 + b"]" * 900 + b"}", JSON, 400, "option"),
        (b'{"image": "x", "beam": ' + b"9" * 4000 + b"}", JSON, 400, "option"),
        (json.dumps({"image": "x", "beam": ["x" * 9000]}).encode(), JSON, 400, "option"),
        (json.dumps({"image": "x", "must_not": ["word1"] * 1000}).encode(), JSON, 400, "option"),
        (json.dumps({"image": "x", "style": "x" * 3000}).encode(), JSON, 400, "option"),
        (json.dumps({"image": {"data": "x", "name": "x" * 3000}}).encode(), JSON, 400, "bad-request"),
        (form_of(("image", b"x"), ("start", "x" * 3000)), FORM, 400, "option"),
        (b'{"image": "x", "style": "\\ud800"}', JSON, 400, "option"),
        (b'{"image": "x", "model": "gpt"}', JSON, 404, "unknown-model"),
        (b'{"image": "x", "model": "/etc"}', JSON, 404, "unknown-model"),
        (json.dumps({"images": ["x"] * 1000}).encode(), JSON, 413, "too-many-pictures"),
        (form_of(*[("image", (f"{i}.jpg", b"x")) for i in range(1000)]), FORM, 413, "too-many-pictures"),
        (json.dumps({"image": text_of(b"this is text")}).encode(), JSON, 422, "not-a-photo"),
        (json.dumps({"image": text_of(picture()[:300])}).encode(), JSON, 422, "truncated"),
        (json.dumps({"image": text_of(bomb(60_000, 60_000))}).encode(), JSON, 422, "too-large"),
        (json.dumps({"image": text_of(b"8BPS\0\1" + bytes(100))}).encode(), JSON, 422, "unsupported-format"),
        (b"", {"Content-Type": "image/jpeg"}, 422, "empty"),
        (form_of(("image", b"x"))[:-30], FORM, 400, "bad-request"),
        (form_of(("image", b"x")), {"Content-Type": "multipart/form-data"}, 400, "bad-request"),
        (form_of(("image", b"x")), {"Content-Type": "multipart/form-data; boundary=YY"}, 400, "bad-request"),
        (form_of(("image", b"x")), {"Content-Type": "multipart/form-data; boundary=" + "X" * 300}, 400, "bad-request"),
        (form_of(("image", b"x"), ("beam", "two")), FORM, 400, "option"),
        (form_of(("image", b"x"), ("beam", "2"), ("beam", "3")), FORM, 400, "option"),
        (form_of(("image", b"x"), ("force", "perhaps")), FORM, 400, "option"),
        (form_of(("beam", "2")), FORM, 400, "no-picture"),
        (form_of(("must", "x")).replace(b"x\r", b"\xff\r"), FORM, 400, "bad-request"),
        (picture(), {"Content-Type": "text/plain"}, 415, "content-type"),
        (picture(), {"Content-Type": "application/x-www-form-urlencoded"}, 415, "content-type"),
        (picture(), {"Content-Type": ""}, 415, "content-type"),
        (gzip.compress(picture()), {"Content-Type": "image/jpeg", "Content-Encoding": "gzip"}, 415, "content-type"),
        (picture(), {"Content-Type": ";;;=\""}, 415, "content-type"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_status(
    served: Served, body: bytes, headers: dict[str, str], status: int, kind: str
) -> None:
    answer = served.ask("POST", "/v1/caption", body, headers)
    assert len(answer.body) < 4000
    if "results" in answer.json:
        assert {*answer.json} == {"error", "results"}
        assert answer.json["error"] == answer.json["results"][0]["error"]
        assert (answer.status, answer.json["error"]["kind"]) == (status, kind)
    else:
        assert (answer.status, answer.kind) == (status, kind)


def test_an_unknown_model_is_told_with_those_there_are(served: Served) -> None:
    message = served.post({"image": "x", "model": "gpt"}).json["error"]["message"]
    assert "tiny@7" in message
    assert "other@7" in message


def test_other_addresses_and_methods(served: Served) -> None:
    for method, path, status, kind in (
        ("GET", "/nothing", 404, "not-found"), ("POST", "/v1/captions", 404, "not-found"),
        ("GET", "/../etc/passwd", 404, "not-found"),
        ("GET", "/v1/caption", 405, "method"), ("DELETE", "/health", 405, "method"), ("TRACE", "/health", 405, "method"),
        ("GET", "/docs/../../pictures.py", 404, "not-found"), ("GET", "/docs/%2e%2e/app.py", 404, "not-found"),
    ):  # fmt: skip
        answer = served.ask(method, path)
        assert (answer.status, answer.kind) == (status, kind), path
    assert served.ask("PUT", "/v1/caption").headers["allow"] == "POST"


# -- bodies that come as they should not ------------------------------------------------------------------------------


def head(length: int | None, **headers: str) -> bytes:
    lines = ["POST /v1/caption HTTP/1.1", "Host: localhost", "Content-Type: image/jpeg"]
    lines += [f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def answer_on(connection: socket.socket) -> Answer:
    """What comes until the connection is closed, or one whole answer."""
    data = b""
    while True:
        part = connection.recv(65536)
        data += part
        found = re.search(rb"content-length: (\d+)", data, re.I)
        at = data.find(b"\r\n\r\n")
        if not part or (found and at >= 0 and len(data) >= at + 4 + int(found[1])):
            break
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    return Answer(
        int(first.split()[1]), {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}, body
    )


def test_a_body_that_tells_too_large_a_length_is_not_read(served: Served) -> None:
    with served.socket() as connection:
        connection.sendall(head(9 << 20))
        begun = time.monotonic()
        answer = answer_on(connection)
    assert (answer.status, answer.kind) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - begun < 5


def test_a_body_of_unknown_length_is_refused_while_it_comes(served: Served) -> None:
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    sent = 0
    with served.socket() as connection:
        connection.sendall(head(None))
        try:
            for _ in range(1000):
                connection.sendall(chunk)
                sent += 65536
        except OSError:
            pass
        answer = answer_on(connection)
    assert (answer.status, answer.kind) == (413, "body-too-large")
    assert sent < 32 << 20, "all of it was read"


def test_an_ordinary_client_hears_that_its_body_is_too_large(served: Served) -> None:
    answer = served.ask("POST", "/v1/caption", bytes((8 << 20) + 1000), {"Content-Type": "image/jpeg"})
    assert (answer.status, answer.kind) == (413, "body-too-large")


POST = b"POST /v1/caption HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        head(None) + b"zz\r\n",
    ],
)
def test_what_is_no_http_is_refused(served: Served, data: bytes) -> None:
    with served.socket() as connection:
        try:
            connection.sendall(data)
            answer = answer_on(connection)
        except ConnectionResetError:
            return
    assert answer.status == 400
    assert answer.kind in ("bad-request", "host")


def test_names_cannot_put_headers_into_answers(served: Served, pictures: list[bytes]) -> None:
    name = "a.jpg%0d%0aSet-Cookie: a=1\r\n\tx"
    for answer in (
        served.form(("image", (name.replace("\r\n", "%0D%0A"), pictures[0]))),
        served.post({"images": [{"data": text_of(pictures[0]), "name": name}], "model": "tiny"}),
        served.post({"image": "x", "model": "a\r\nSet-Cookie: b=1"}),
        served.ask("GET", "/nothing%0d%0aSet-Cookie:%20a=1"),
        served.ask("GET", "/health", None, {"X-Request-Id": "a", "Origin": "null"}),
    ):
        assert "set-cookie" not in answer.headers
        answer.json  # noqa: B018


@pytest.fixture(scope="module")
def hasty(start: Any, tiny_bundle: Path) -> Iterator[Served]:
    """Patient for a second, with a short queue, and for what is slow."""
    limits = ("--patience", "1", "--queue", "8", "--max-pictures", "8", "--threads", "1", "--max-steps", "1000000")
    with start("--model", tiny_bundle, *limits) as served:
        yield served


def test_a_body_that_comes_too_slowly_is_not_waited_for(hasty: Served) -> None:
    begun = time.monotonic()
    with hasty.socket() as connection:
        connection.sendall(head(1000))
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)
            connection.settimeout(0.001)
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            finally:
                connection.settimeout(30)
        answer = answer_on(connection)
    assert (answer.status, answer.kind) == (408, "slow-body")
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("data", [b"", b"GET /health HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_come_is_not_waited_for(hasty: Served, data: bytes) -> None:
    with hasty.socket() as connection:
        connection.sendall(data)
        answer = answer_on(connection)
    assert (answer.status, answer.kind) == (408, "slow-body")


def test_a_large_body_gets_longer(hasty: Served) -> None:
    """Slower than the patience, but not too slow: 16 KB a second."""
    content = picture(size=(400, 400), form="BMP")[:200_000]
    with hasty.socket() as connection:
        connection.sendall(head(len(content)))
        for at in range(0, len(content), 20_000):
            connection.sendall(content[at : at + 20_000])
            time.sleep(0.2)
        answer = answer_on(connection)
    assert answer.status == 422  # it was cut; all of it was read
    assert answer.json["error"]["kind"] == "truncated"


SLOW = {"beam": 100, "num": 100, "min_words": 90, "max_words": 100, "force": True}


def test_a_full_queue_says_when_to_come_again(hasty: Served) -> None:
    body = {"images": [text_of(picture(seed)) for seed in range(6)], **SLOW}
    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(lambda _: hasty.post(body), range(6)))
    assert {answer.status for answer in answers} == {200, 503}
    for answer in answers:
        if answer.status == 503:
            assert answer.kind == "busy"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        else:
            assert len(answer.json["results"]) == 6
    assert hasty.metric('pictell_refusals_total{reason="busy"}') > 0


def test_a_client_that_hangs_up_leaves_the_queue(hasty: Served) -> None:
    """What it waits for is dropped, and others have its place."""
    dropped = hasty.metric("pictell_dropped_pictures_total")
    body = json.dumps({"images": [text_of(picture(seed)) for seed in range(8)], **SLOW}).encode()
    with hasty.socket() as connection:
        connection.sendall(head(len(body)).replace(b"image/jpeg", b"application/json") + body)
        waited_until(lambda: hasty.ask("GET", "/health").json["queue"]["pictures"] == 8)
    waited_until(lambda: hasty.ask("GET", "/health").json["queue"]["pictures"] < 8)
    waited_until(lambda: hasty.metric("pictell_dropped_pictures_total") > dropped)
    assert hasty.post({"image": text_of(picture())}).status == 200
    waited_until(lambda: hasty.ask("GET", "/health").json["queue"]["pictures"] == 0)
    assert hasty.metric('pictell_requests_total{method="POST",route="/v1/caption",status="499"}') >= 1


def waited_until(true: Any) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_client_that_hangs_up_while_it_sends_is_forgotten(hasty: Served) -> None:
    with hasty.socket() as connection:
        connection.sendall(head(1000) + b"x")
    waited_until(lambda: hasty.metric("pictell_queue_pictures") == 0)
    assert hasty.post({"image": text_of(picture())}).status == 200


def test_a_client_that_reads_nothing_is_cut_off(hasty: Served) -> None:
    """It asks for more than fits between them, and looks at none of it."""
    requests = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", hasty.port))

        def ask_on() -> None:
            while True:
                connection.sendall(requests)

        with pytest.raises(ConnectionError):
            ask_on()


def test_many_idle_connections_leave_room(hasty: Served) -> None:
    idle = [hasty.socket() for _ in range(100)]
    assert hasty.post({"image": text_of(picture())}).status == 200
    for each in idle:
        each.close()


# -- what is written down about it ------------------------------------------------------------------------------------


def test_every_kind_of_refusal_is_documented() -> None:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| .+? \| (\d{3}) \| (.+?) \|$", text, re.M)
    found = {kind: int(status) for status, kinds in table for kind in re.findall(r"`([\w-]+)`", kinds)}
    assert {kind: found.get(kind) for kind in CODES} == dict(CODES)
    assert set(CODES.values()) | {422} == set(WHY)
