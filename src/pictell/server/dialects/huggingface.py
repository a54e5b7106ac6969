"""Hugging Face's inference API for `image-to-text` (https://huggingface.co/docs/inference-providers/tasks/image-to-text)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from pictell.server.dialects.catalogue import choose
from pictell.server.dialects.reading import count_in, parsed
from pictell.server.dialects.speaking import describe
from pictell.server.refusals import Refusal, json_answer
from pictell.server.service import Service


def router(service: Service) -> APIRouter:
    """`POST /models/{name}`, with a picture as the body or as base64 in JSON."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/models/{name:path}")
    async def caption(name: str, request: Request) -> Response:
        body = await service.body(request)
        offer = choose(service.models, name)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        picture: bytes | str = body
        words = None
        if kind == "application/json":
            given = await parsed(body)
            picture, words = _inputs(given), _words(given)
        [text] = await describe(service, offer, [picture], words=words)
        return json_answer([{"generated_text": text}])

    return routes


def _inputs(given: dict[str, Any]) -> str:
    inputs = given.get("inputs")
    # Conversations have an address of their own.
    if isinstance(inputs, dict):
        inputs = inputs.get("image")
    if not isinstance(inputs, str):
        raise Refusal("no-picture", "inputs must be a picture as base64")
    return inputs


def _words(given: dict[str, Any]) -> int | None:
    parameters = given.get("parameters")
    return count_in(parameters, "max_new_tokens", "max_length") if isinstance(parameters, dict) else None
