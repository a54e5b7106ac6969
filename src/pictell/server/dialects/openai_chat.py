"""OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat), which most programs can ask for."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pictell.server.dialects.openai_messages import chat_message
from pictell.server.dialects.reading import count_in, json_of, name_in
from pictell.server.dialects.speaking import Said, pieces, say
from pictell.server.refusals import json_answer
from pictell.server.service import Service


def router(service: Service) -> APIRouter:
    """`POST /v1/chat/completions`. What else a body says, temperature and the like, changes nothing."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        given = await json_of(service, request)
        message = chat_message(given)
        words = count_in(given, "max_completion_tokens", "max_tokens")
        said = await say(service, name_in(given), message, words=words, num=_choices(given))
        if given.get("stream") is True:
            options = given.get("stream_options")
            usage = isinstance(options, dict) and options.get("include_usage") is True
            return StreamingResponse(_events(said, usage=usage), media_type="text/event-stream")
        return json_answer(
            {
                **_head(said, "chat.completion"),
                "choices": [
                    {
                        "index": index,
                        "message": {"role": "assistant", "content": text, "refusal": None},
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                    for index, text in enumerate(said.texts)
                ],
                "usage": _usage(said),
            }
        )

    return routes


def _choices(given: dict[str, Any]) -> int:
    number = given.get("n")
    return number if isinstance(number, int) and not isinstance(number, bool) else 1


def _head(said: Said, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": said.offer.id,
        "system_fingerprint": said.offer.model.label,
    }


def _usage(said: Said) -> dict[str, int]:
    return {
        "prompt_tokens": said.words_in,
        "completion_tokens": said.words_out,
        "total_tokens": said.words_in + said.words_out,
    }


def _events(said: Said, *, usage: bool) -> Iterator[bytes]:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), the last of them `[DONE]`."""
    head = _head(said, "chat.completion.chunk")

    def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
        value = {**head, "choices": choices, **({"usage": None} if usage else {}), **more}
        return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"

    def choice(index: int, delta: dict[str, str], finish: str | None = None) -> list[dict[str, Any]]:
        return [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]

    for index, text in enumerate(said.texts):
        yield event(choice(index, {"role": "assistant", "content": ""}))
        for piece in pieces(text):
            yield event(choice(index, {"content": piece}))
        yield event(choice(index, {}, "stop"))
    if usage:
        yield event([], usage=_usage(said))
    yield b"data: [DONE]\n\n"
