"""pictell's own dialect: `/v1/caption`, `/v1/models`, `/health`, `/metrics`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pictell.errors import PictellError
from pictell.fields import fields_of
from pictell.photos import printable
from pictell.server import describing
from pictell.server.bodies import Asked, asked_of
from pictell.server.dialects.openai_models import cards
from pictell.server.metrics import CONTENT_TYPE
from pictell.server.refusals import Refusal, answer_to, json_answer, status_of
from pictell.server.service import Picture, Service
from pictell.types import Caption

_GIVEN = "the given bytes"  # what the library calls a picture without a name
# Parsing less than this takes less than handing it to a thread.
_LARGE = 1 << 19


def router(service: Service) -> APIRouter:
    """The routes of the native API."""
    routes = APIRouter()

    @routes.post("/v1/caption", **describing.CAPTION)
    async def caption(request: Request) -> Response:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            # A few bytes may unpack into more than any limit.
            raise Refusal("content-type", "a body is sent as it is, not compressed")
        body = await service.body(request)
        kind = request.headers.get("content-type", "")
        query, most = request.query_params.multi_items(), service.settings.most_pictures
        if len(body) > _LARGE:
            asked = await asyncio.to_thread(asked_of, kind, body, query, most=most)
        else:
            asked = asked_of(kind, body, query, most=most)
        del body
        await service.accepted(len(asked.pictures), asked.options, model=asked.model)
        pictures = await asyncio.gather(*(_bytes(service, content) for _, content in asked.pictures))
        # What is waited for is held once, by the queue.
        asked.pictures = [(name, b"") for name, _ in asked.pictures]
        if asked.stream or _wants_lines(request):
            return await _streamed(service, asked, pictures)
        results = await service.captions(pictures, asked.options, model=asked.model)
        answer: dict[str, Any] = {"results": [_entry(asked, i, result) for i, result in enumerate(results)]}
        failed = [result for result in results if isinstance(result, PictellError)]
        status = 200
        if len(failed) == len(results):
            # Whoever looks at the status alone learns that there is nothing here.
            status = status_of(failed[0])
            answer = {**fields_of(failed[0]), **answer}
        return json_answer(answer, status)

    @routes.get("/v1/models", **describing.MODELS)
    async def models() -> Response:
        # Clients of OpenAI's API read `data`.
        return json_answer({"models": service.health()["models"], "object": "list", "data": cards(service.models)})

    @routes.get("/health", **describing.HEALTH)
    async def health(request: Request) -> Response:
        known = request.scope.get("pictell.trusted", True)
        return json_answer(service.health() if known else {"status": "ok"})

    @routes.get("/metrics", **describing.METRICS)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return routes


async def _bytes(service: Service, content: bytes | str) -> Picture:
    return content if isinstance(content, bytes) else await service.picture(content)


def _wants_lines(request: Request) -> bool:
    return "application/x-ndjson" in request.headers.get("accept", "")


def _entry(asked: Asked, index: int, result: Caption | PictellError) -> dict[str, Any]:
    name = asked.pictures[index][0]
    if name is not None and isinstance(result, PictellError):
        result = PictellError(result.kind, result.message.replace(_GIVEN, printable(name), 1))
    fields = fields_of(result, exact=asked.exact, features=asked.options.features, attention=asked.options.attention)
    return {"index": index, "path": name, **fields}


async def _streamed(service: Service, asked: Asked, pictures: list[Picture]) -> Response:
    results = service.stream(pictures, asked.options, model=asked.model)
    try:
        # What is refused is so before the first result, and has a status of its own.
        first = await anext(results)
    except PictellError as error:
        return answer_to(error)

    async def lines() -> AsyncIterator[bytes]:
        yield _line(_entry(asked, *first))
        async for index, result in results:
            yield _line(_entry(asked, index, result))

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
