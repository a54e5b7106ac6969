"""OpenAI's responses (https://platform.openai.com/docs/api-reference/responses), which PhotoPrism's `openai` engine asks for."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pictell.server.dialects.openai_messages import response_message
from pictell.server.dialects.reading import count_in, json_of, name_in
from pictell.server.dialects.speaking import Said, pieces, say
from pictell.server.refusals import json_answer
from pictell.server.service import Service


def router(service: Service) -> APIRouter:
    """`POST /v1/responses`. Nothing is stored."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/v1/responses")
    async def responses(request: Request) -> Response:
        given = await json_of(service, request)
        message = response_message(given)
        said = await say(service, name_in(given), message, words=count_in(given, "max_output_tokens"))
        if given.get("stream") is True:
            return StreamingResponse(_events(said), media_type="text/event-stream")
        return json_answer(
            _response(said, f"resp_{secrets.token_hex(12)}", _item(said, f"msg_{secrets.token_hex(12)}"))
        )

    return routes


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(said: Said, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [_part(said.texts[0])],
    }


def _response(said: Said, name: str, item: dict[str, Any] | None) -> dict[str, Any]:
    """The object of a response; without an item, of one that is in progress."""
    usage = {
        "input_tokens": said.words_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said.words_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.words_in + said.words_out,
    }
    return {
        "id": name,
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed" if item else "in_progress",
        "model": said.offer.id,
        "output": [item] if item else [],
        "usage": usage if item else None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "reasoning": None,
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
    }


def _events(said: Said) -> Iterator[bytes]:
    name, item_name = f"resp_{secrets.token_hex(12)}", f"msg_{secrets.token_hex(12)}"
    text, item = said.texts[0], _item(said, item_name)
    place = {"item_id": item_name, "output_index": 0, "content_index": 0}
    begun = _response(said, name, None)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("created", {"response": begun}),
        ("in_progress", {"response": begun}),
        ("output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("content_part.added", {**place, "part": _part("")}),
        *(("output_text.delta", {**place, "delta": piece, "logprobs": []}) for piece in pieces(text)),
        ("output_text.done", {**place, "text": text, "logprobs": []}),
        ("content_part.done", {**place, "part": _part(text)}),
        ("output_item.done", {"output_index": 0, "item": item}),
        ("completed", {"response": _response(said, name, item)}),
    ]
    for number, (step, fields) in enumerate(steps):
        value = {"type": f"response.{step}", "sequence_number": number, **fields}
        yield f"event: response.{step}\ndata: {json.dumps(value, separators=(',', ':'))}\n\n".encode()
