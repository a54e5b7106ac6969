"""Running it: metrics, log, models that come and go, stopping."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from server_helpers import Served, form_of, picture

import pictell
from pictell.bundle import Bundle, installed_bundles
from pictell.errors import BundleError, OptionError
from pictell.server.models import Model, Models
from pictell.server.refusals import Refusal
from pictell.steering import CaptionOptions

ROOT = Path(__file__).resolve().parents[2]
ASK = {"image": base64.b64encode(picture()).decode()}


@pytest.fixture(scope="module")
def own(start: Any, tiny_bundle: Path) -> Iterator[Served]:
    with start("--model", tiny_bundle) as served:
        yield served


def metrics_of(served: Served) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Everything, by name and labels, as Prometheus reads it."""
    answer = served.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_metrics_count_what_happens(own: Served) -> None:
    before = metrics_of(own)
    assert own.post(ASK | {"images": [ASK["image"], "!"]}).status == 200
    assert own.post({}).status == 400
    own.ask("GET", "/secret-path-of-somebody")
    after = metrics_of(own)

    def more(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after.get(key, 0) - before.get(key, 0)

    caption = {"route": "/v1/caption", "method": "POST"}
    assert more("pictell_requests_total", status="200", **caption) == 1
    assert more("pictell_requests_total", status="400", **caption) == 1
    assert more("pictell_requests_total", status="404", route="none", method="GET") == 1
    assert more("pictell_refusals_total", reason="no-picture") == 1
    assert more("pictell_pictures_total", outcome="caption") == 2
    assert more("pictell_pictures_total", outcome="base64") == 1
    for stage, count in (
        ("body", 2),
        ("queue", 2),
        ("open", 2),
        ("describe", 2),
        ("total", 4),
    ):  # the first look counts too
        assert more("pictell_stage_seconds_count", stage=stage) == count, stage
        assert more("pictell_stage_seconds_sum", stage=stage) > 0
    assert more("pictell_batch_pictures_sum") == 2
    assert after["pictell_queue_pictures", ()] == 0
    assert after["pictell_models_loaded", ()] == 1
    assert "secret" not in str(after)


def test_strangers_cannot_make_new_metrics(own: Served) -> None:
    own.ask("BREW", "/v1/caption")
    size = len(metrics_of(own))
    for number in range(20):
        own.ask(f"BREW{number}", "/v1/caption")
        own.ask("GET", f"/{number}")
    assert len(metrics_of(own)) == size


def test_the_log_is_json_and_tells_nothing_of_pictures(own: Served) -> None:
    time.sleep(0.5)  # lines about the requests of other tests may still be on their way
    before = len(own.events)
    body = form_of(("image", ("holiday-secret.jpg", picture())), ("must_not", "word-secret"))
    headers = {"Content-Type": "multipart/form-data; boundary=XX", "User-Agent": "agent-secret", "Cookie": "secret"}
    assert own.ask("POST", "/v1/caption?start=&must_not=secret", body, headers).status == 200
    assert (
        own.ask(
            "POST",
            "/v1/caption",
            json.dumps({"image": "secret", "model": "secret"}).encode(),
            {"Content-Type": "application/json"},
        ).status
        == 404
    )
    with own.socket() as connection:
        connection.sendall(b"SECRET secret\r\n\r\n")
        connection.recv(1000)
    until = time.monotonic() + 10
    while len([event for event in own.events[before:] if event["event"] == "request"]) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    requests = [event for event in own.events[before:] if event["event"] == "request"]
    assert {*requests[0]} == {"time", "event", "method", "route", "status", "ms"}
    assert {"method": "POST", "route": "/v1/caption", "status": 404, "reason": "unknown-model"}.items() <= requests[
        1
    ].items()
    assert "secret" not in json.dumps(own.events).lower()


def test_text_for_people(tiny_bundle: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pictell", "serve", "--port", "0", "--model", tiny_bundle],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    process.terminate()
    rest = process.stderr.read()
    assert " ready url=http://127.0.0.1:" in line
    assert rest.endswith("stopped\n")
    assert process.wait() == 0


# -- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_what_was_accepted(start: Any, tiny_bundle: Path, number: signal.Signals) -> None:
    slow = {"images": [ASK["image"]] * 24, "beam": 100, "min_words": 90, "max_words": 100, "force": True}
    some = ("--model", tiny_bundle, "--threads", "1", "--max-steps", "1000000")
    with start(*some) as served, ThreadPoolExecutor(2) as clients:
        answers = [clients.submit(served.post, slow), clients.submit(served.post, {**slow, "stream": True})]
        until = time.monotonic() + 20
        while served.ask("GET", "/health").json["queue"]["pictures"] < 30:
            assert time.monotonic() < until
            time.sleep(0.005)
        served.process.send_signal(number)
        whole, streamed = (each.result() for each in answers)
        assert served.process.wait(30) == 0
    assert whole.status == streamed.status == 200
    assert sum("text" in result for result in whole.json["results"]) == 24
    assert len(streamed.body.splitlines()) == 24
    assert served.events[-1]["event"] == "stopped"


# -- models that come and go ------------------------------------------------------------------------------------------


def test_a_lazy_service_loads_when_it_is_asked(start: Any, tiny_bundle: Path) -> None:
    with start("--model", tiny_bundle, "--lazy") as served:
        assert served.ask("GET", "/health").json["models"][0]["loaded"] is False
        assert served.metric("pictell_models_loaded") == 0
        with ThreadPoolExecutor(8) as clients:
            assert {answer.status for answer in clients.map(lambda _: served.post(ASK), range(8))} == {200}
        assert served.ask("GET", "/health").json["models"][0]["loaded"] is True


def test_a_model_that_nobody_asks_is_freed_and_comes_back(start: Any, tiny_bundle: Path) -> None:
    with start("--model", tiny_bundle, "--idle-unload", "0.3") as served:
        first = served.post(ASK).json
        until = time.monotonic() + 20
        while served.ask("GET", "/health").json["models"][0]["loaded"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert served.post(ASK).json == first


def test_unloading_while_captions_are_made(start: Any, tiny_bundle: Path) -> None:
    """Freed as often as it can be, while clients go on: every answer is a caption."""
    with start("--model", tiny_bundle, "--idle-unload", "0.001") as served, ThreadPoolExecutor(4) as clients:

        def client(number: int) -> set[int]:
            found = set()
            for _ in range(25):
                found.add(served.post(ASK).status)
                time.sleep(0.002 * number)
            return found

        assert set.union(*clients.map(client, range(4))) == {200}


def test_a_model_can_be_unloaded_and_asked_at_once(tiny_bundle: Path) -> None:
    model = Model(str(tiny_bundle), threads=1, most_pixels=10**8)
    stop = threading.Event()
    unloaded = 0

    def unload() -> None:
        nonlocal unloaded
        while not stop.is_set():
            unloaded += model.unload()

    with ThreadPoolExecutor(4) as pool:
        unloading = pool.submit(unload)
        try:
            texts = list(pool.map(lambda _: model.captioner().caption(picture(), force=True).text, range(60)))
        finally:
            stop.set()
        unloading.result()
    assert len(set(texts)) == 1
    assert unloaded > 1


def test_an_unloaded_model_is_gone_when_its_last_caption_is_made(tiny_bundle: Path) -> None:
    model = Model(str(tiny_bundle), threads=1, most_pixels=10**8)
    captioner = model.captioner()
    gone = weakref.ref(captioner)
    assert model.unload()
    assert not model.loaded
    assert captioner.caption(picture(), force=True).text
    del captioner
    assert gone() is None
    assert not model.unload()


def test_a_model_that_was_damaged_while_it_was_away(start: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "tiny"
    shutil.copytree(tiny_bundle, bundle)
    with start("--model", bundle, "--lazy") as served:
        (bundle / "step.onnx").write_bytes(b"x" * (bundle / "step.onnx").stat().st_size)
        answer = served.post(ASK)
        assert answer.status == 500
        assert answer.kind == "model"
        assert str(tmp_path) not in answer.body.decode(), "clients need not know where models lie"
        assert served.ask("GET", "/health").status == 200
    assert [event for event in served.events if event["event"] == "model" and "step.onnx" in event["message"]]


def test_names_of_models(tiny_bundle: Path, other_tiny_bundle: Path) -> None:
    models = Models([str(tiny_bundle), f"{tiny_bundle},{other_tiny_bundle}"], threads=1, most_pixels=1)
    assert models.find(None) is models.find("tiny") is models.find("tiny@7") is models.default
    assert models.find("tiny+other").label == "tiny@7+other@7"
    for name in ("tiny@8", str(tiny_bundle), "x" * 5000):
        with pytest.raises(Refusal) as raised:
            models.find(name)
        assert raised.value.kind == "unknown-model"
        assert len(raised.value.message) < 300
    with pytest.raises(BundleError):
        Models(["no-such-model"], threads=1, most_pixels=1)


def test_a_model_that_sees_no_photos_is_not_served(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads_regions = replace(Bundle.open(tiny_bundle), architecture={"encoder": {"name": "regions", "channels": 2048}})
    monkeypatch.setattr("pictell.server.about.bundle_named", lambda name: reads_regions)
    with pytest.raises(OptionError, match="tiny@7 reads region features"):
        Models(["tiny"], threads=1, most_pixels=1)


def test_options_that_were_allowed_are_remembered_up_to_a_number(tiny_bundle: Path) -> None:
    model = Model(str(tiny_bundle), threads=1, most_pixels=10**8)
    for number in range(2500):
        model.steps(CaptionOptions(sample=True, seed=number))
    assert len(model._steps) <= 1001


# -- what keeps it from starting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--allow-from"),
        (["--host", "::", "--api-key", "short"], 2, "8 characters"),
        (["--host", "no.such.host.invalid", "--api-key", "long-enough-key"], 2, "no.such.host.invalid"),
        (["--allow-from", "home"], 2, "home"),
        (["--model", "no-such-model"], 1, "no-such-model"),
        (["--log", "xml"], 2, "xml"),
        (["--api-key-file", "/no/such/file"], 2, "/no/such/file"),
        (["--idle-unload", "0"], 2, "idle"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments: list[str], code: int, said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pictell", "serve", "--port", "0", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("pictell: ")


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_damaged_model_is_told_before_it_serves(tiny_bundle: Path, tmp_path: Path, place: str) -> None:
    bundle = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, bundle)
    (bundle / "step.onnx").write_bytes(b"x" * (bundle / "step.onnx").stat().st_size)
    models = [bundle] if place == "first" else [tiny_bundle, bundle]
    if place == "second":
        config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        (bundle / "config.json").write_text(json.dumps({**config, "name": "damaged"}), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pictell", "serve", "--port", "0", *[f"--model={model}" for model in models]],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ran.returncode == 1
    assert "step.onnx" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_port_that_is_taken(own: Served, tiny_bundle: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pictell", "serve", "--port", str(own.port), "--model", tiny_bundle],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ran.returncode == 1
    assert f"port {own.port}" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_version_is_the_packages(own: Served) -> None:
    assert own.ask("GET", "/openapi.json").json["info"]["version"] == pictell.__version__


def test_a_mistake_of_ours_is_a_500_without_its_words(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pictell.server import Settings, create_app
    from pictell.server.logs import Log

    class Kept(Log):
        def __call__(self, event: str, **fields: Any) -> None:
            events.append({"event": event, **fields})

    def mistake() -> bytes:
        raise RuntimeError("holiday-secret.jpg")

    events: list[dict[str, Any]] = []
    sent: list[Any] = []
    app = create_app(Settings(models=(str(tiny_bundle),), lazy=True), log=Kept())
    monkeypatch.setattr(app.state.service.metrics, "text", mistake)

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/metrics",
            "raw_path": b"/metrics",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        await app(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["error"]["kind"] == "internal"
    assert "secret" not in str(sent)
    assert "secret" not in str(events)
    [failed] = [event for event in events if event["event"] == "failed"]
    assert failed["error"] == "RuntimeError"
    assert "test_server_operations.py" in failed["where"]


def test_a_dialect_is_a_module_with_a_router(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pictell.server import Settings, create_app, dialects

    (tmp_path / "parrot.py").write_text(
        "from fastapi import APIRouter\n"
        "def router(service):\n"
        "    routes = APIRouter()\n"
        "    routes.add_api_route('/parrot', lambda: service.models.default.label)\n"
        "    return routes\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path)])
    app = create_app(Settings(models=(str(tiny_bundle),)))
    assert {"/parrot", "/v1/caption"} <= set(app.openapi()["paths"])


# -- docs/serving.md --------------------------------------------------------------------------------------------------

DOCUMENT = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shipped(start: Any) -> Iterator[Served]:
    if not installed_bundles():
        pytest.skip("no model is installed with the package")
    with start() as served:
        yield served


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.S)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("command", re.findall(r"(?:[^\n]*\|\n)?[^\n]+", blocks("bash")[0]))
def test_the_commands_of_the_document_work(shipped: Served, command: str) -> None:
    assert "curl" in command
    line = command.replace("http://127.0.0.1:8765", shipped.url).replace("curl", "curl --silent --show-error --fail", 1)
    shell = ["bash", "-c", f"set -o pipefail; {line}"]
    ran = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    if "/v1/caption" in command:
        first = ran.stdout.splitlines()[0]
        assert '.jpg"' in first or '"path":null' in first
        assert '"text":"' in first
    else:
        assert ran.stdout


def test_the_python_of_the_document_works(shipped: Served) -> None:
    [code] = blocks("python")
    ran = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:8765", shipped.url)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 3
    assert "no-such.jpg: no such file" in ran.stdout


def test_the_options_of_the_document_are_those_of_the_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pictell", "serve", "--help"], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    known = set(re.findall(r"--[a-z-]+", ran.stdout))
    told = set(re.findall(r"`(--[a-z-]+)", DOCUMENT)) - {"--server", "--json", "--speak"}
    assert told <= known
    assert known - told <= {"--help", "--port", "--server"}
