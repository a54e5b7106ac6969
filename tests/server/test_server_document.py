"""The OpenAPI document: whole, true, and what it promises is kept for requests that are made from it at random."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from server_helpers import Served

schemathesis = pytest.importorskip("schemathesis")

# No schema can say whether bytes are a picture, so most requests that fit it are refused all the same.
from schemathesis.checks import negative_data_rejection, positive_data_acceptance  # noqa: E402


def test_answers_are_as_the_document_says(served: Served) -> None:
    """Every operation, with requests that fit the document and such that do not."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) >= 4
    seen: set[tuple[str, int]] = set()
    for operation in operations:
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)

            @settings(
                max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
            )
            @given(case=strategy)
            def check(case: Any) -> None:
                answer = case.call(timeout=60)
                seen.add((case.path, answer.status_code))
                # Too much of something is 413, which schemathesis does not count among refusals.
                excluded = [positive_data_acceptance, *([negative_data_rejection] if answer.status_code == 413 else [])]
                case.validate_response(answer, excluded_checks=excluded)
                if answer.status_code >= 400:
                    assert set(answer.json()["error"]) == {"kind", "message"}
                assert answer.status_code != 500

            with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
                check()
    assert {path for path, _ in seen} >= {"/v1/caption", "/health", "/metrics", "/v1/models"}
    assert {status for path, status in seen if path == "/v1/caption"} > {400}


def test_every_route_is_described(served: Served) -> None:
    document = served.ask("GET", "/openapi.json").json
    assert {"/v1/caption", "/v1/models", "/health", "/metrics"} <= set(document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["tags"], where
            assert "200" in operation["responses"], where
            assert "422" not in operation["responses"] or path != "/health", where
    caption = document["paths"]["/v1/caption"]["post"]
    assert set(caption["requestBody"]["content"]) == {"application/json", "multipart/form-data", "image/*"}
    wanted = {"200", "400", "401", "403", "404", "405", "408", "413", "415", "422", "500", "503"}
    assert set(caption["responses"]) == wanted
    for status in sorted(wanted - {"200"}):
        assert caption["responses"][status]["content"]["application/json"]["example"]["error"]["kind"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}


def test_its_examples_work(served: Served) -> None:
    document = served.ask("GET", "/openapi.json").json
    body = document["paths"]["/v1/caption"]["post"]["requestBody"]["content"]["application/json"]
    assert len(body["examples"]) >= 2
    for example in body["examples"].values():
        answer = served.post(example["value"])
        assert answer.status == 200, answer.body
        value = example["value"]
        assert len(answer.json["results"]) == len(value.get("images", [None]))


def test_the_page_shows_all_of_it(served: Served) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    import shutil

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{served.url}/docs")
        page.wait_for_selector("h2")
        headings = [each.inner_text() for each in page.query_selector_all("h2")]
        text = page.inner_text("main")
        browser.close()
    paths = served.ask("GET", "/openapi.json").json["paths"]
    assert headings == [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert "undefined" not in text
    assert all(url.startswith(served.url) for url in asked)
    assert not [each for each in complaints if "favicon" not in each and "404" not in each], complaints
    json.dumps(text)
