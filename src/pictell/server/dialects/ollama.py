"""Ollama's `generate` and `chat` (https://github.com/ollama/ollama/blob/main/docs/api.md), as many programs for homes ask."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pictell.server.dialects.catalogue import choose
from pictell.server.dialects.reading import Message, NotOffered, count_in, json_of, last_of, name_in, texts_in
from pictell.server.dialects.speaking import Said, pieces, say
from pictell.server.refusals import json_answer
from pictell.server.service import Service

# Where in a text its pictures belong.
_PLACE = re.compile(r"\[img(?:-\d+)?\]")


def router(service: Service) -> APIRouter:
    """`POST /api/generate` and `/api/chat`; streams unless `stream` is false, as Ollama does."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/api/generate")
    async def generate(request: Request) -> Response:
        given = await json_of(service, request)
        return await _answer(service, given, generate_message(given), lambda text: {"response": text})

    @routes.post("/api/chat")
    async def chat(request: Request) -> Response:
        given = await json_of(service, request)
        return await _answer(
            service, given, chat_message(given), lambda text: {"message": {"role": "assistant", "content": text}}
        )

    return routes


def generate_message(given: dict[str, Any]) -> Message:
    """What a body asks for. Whoever sends neither text nor pictures wants a model loaded or freed.

    Raises:
        Refusal: `bad-request`.
        NotOffered: it wants JSON.

    """
    _refuse_form(given)
    return _message({"content": given.get("prompt"), "images": given.get("images")})


def chat_message(given: dict[str, Any]) -> Message:
    """What the body of a chat asks last.

    Raises:
        Refusal: `bad-request`.
        NotOffered: it wants JSON.

    """
    _refuse_form(given)
    messages = given.get("messages")
    return last_of([] if messages is None else messages, _message)


def _refuse_form(given: dict[str, Any]) -> None:
    if given.get("format") not in (None, "", {}):
        raise NotOffered("pictell answers with a caption as text, and not in a format of JSON")


def _message(message: dict[str, Any]) -> Message:
    content = message.get("content")
    # Some clients send an empty list where there is no text.
    text = _PLACE.sub(" ", content).strip() if isinstance(content, str) else ""
    return Message(texts_in(message.get("images"), "images"), text)


async def _answer(
    service: Service, given: dict[str, Any], message: Message, content: Callable[[str], dict[str, Any]]
) -> Response:
    streamed = given.get("stream") is not False
    frees = _is_nothing(given.get("keep_alive"))
    offer = choose(service.models, name_in(given))
    head = {"model": given.get("model") or offer.tagged, "created_at": now()}
    if not message.pictures and not message.text:
        # Loads the model, or frees it.
        if frees:
            await asyncio.to_thread(service.unload, offer.model)
        else:
            await asyncio.to_thread(offer.model.captioner)
        last = {**head, **content(""), "done": True, "done_reason": "unload" if frees else "load"}
        return _lines(iter([last])) if streamed else json_answer(last)
    options = given.get("options")
    words = count_in(options, "num_predict") if isinstance(options, dict) else None
    said = await say(service, name_in(given), message, words=words)
    if frees:
        await asyncio.to_thread(service.unload, offer.model)
    text = said.texts[0]
    if streamed:
        return _lines(_chunks(head, content, text, _end(said)))
    return json_answer({**head, **content(text), **_end(said)})


def _end(said: Said) -> dict[str, Any]:
    """What the last line says; durations in nanoseconds, words for tokens."""
    took = int(said.seconds * 1e9)
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": took,
        "load_duration": 0,
        "prompt_eval_count": said.words_in,
        "prompt_eval_duration": 0,
        "eval_count": said.words_out,
        "eval_duration": took,
    }


def _chunks(
    head: dict[str, Any], content: Callable[[str], dict[str, Any]], text: str, end: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for piece in pieces(text):
        yield {**head, **content(piece), "done": False}
    yield {**head, **content(""), **end}


def _lines(values: Iterator[dict[str, Any]]) -> Response:
    lines = (json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)
    return StreamingResponse(lines, media_type="application/x-ndjson")


def _is_nothing(duration: Any) -> bool:
    """Whether to keep a model alive is for no time: 0, or a duration such as `0s`."""
    if isinstance(duration, str):
        return re.fullmatch(r"[+-]?(?:0+(?:\.0*)?(?:ns|us|ms|[smh])?)+", duration.strip()) is not None
    return isinstance(duration, int | float) and not isinstance(duration, bool) and duration == 0


def now() -> str:
    """The time as RFC 3339 has it."""
    return rfc3339(datetime.now(UTC))


def rfc3339(moment: datetime) -> str:
    """A moment, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
