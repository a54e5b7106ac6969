"""What all dialects read alike: a body of JSON, and messages with pictures among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request

from pictell.errors import OptionError
from pictell.server.bodies import object_of
from pictell.server.refusals import Refusal
from pictell.server.service import Service

# Parsing less than this takes less than handing it to a thread.
_LARGE = 1 << 19
# Nobody asks for a description in their name.
_NOT_ASKING = ("system", "developer", "tool", "function")


class NotOffered(OptionError):
    """Something is asked for that a captioner cannot do, and shall not pretend to."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.kind = "not-offered"


@dataclass(frozen=True)
class Message:
    """One message: its pictures as they were given, and its text."""

    pictures: tuple[str, ...]
    text: str


Reader: TypeAlias = Callable[[dict[str, Any]], Message]


async def json_of(service: Service, request: Request) -> dict[str, Any]:
    """The request's body, which is an object of JSON whatever its `Content-Type` says: clients say many things.

    Raises:
        Refusal: `bad-request`, or what `Service.body` raises.

    """
    return await parsed(await service.body(request))


async def parsed(body: bytes) -> dict[str, Any]:
    """The object that a body is; a large one is parsed by a thread. Raises `Refusal` as `object_of` does."""
    return await asyncio.to_thread(object_of, body) if len(body) > _LARGE else object_of(body)


def name_in(given: dict[str, Any], *fields: str) -> str | None:
    """The model's name in the first of these fields that has one.

    Raises:
        Refusal: `bad-request`, where it is no text.

    """
    for field in fields or ("model",):
        name = given.get(field)
        if name is not None:
            if not isinstance(name, str):
                raise Refusal("bad-request", f"{field} must be a text")
            return name
    return None


def count_in(given: dict[str, Any], *fields: str) -> int | None:
    """The first of these fields that is a whole number above 0; what else they may be sets no limit."""
    for field in fields:
        value = given.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def last_of(messages: Any, reader: Reader) -> Message:
    """What a conversation asks last: all that was said since the last answer, since some clients send each picture as a message
    of its own; where no picture is among it, those that were sent before.

    Raises:
        Refusal: `bad-request`, where these are no messages, or `reader` raises it.
        NotOffered: `reader` raises it.

    """
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Refusal("bad-request", "messages must be a list of objects")
    before: tuple[str, ...] = ()
    turn: list[Message] = []
    answered = False
    for message in messages:
        if message.get("role") == "assistant":
            answered = True
        elif message.get("role") not in _NOT_ASKING:
            if answered:
                before, turn, answered = _pictures(turn) or before, [], False
            turn.append(reader(message))
    return Message(_pictures(turn) or before, "\n".join(message.text for message in turn if message.text))


def _pictures(messages: list[Message]) -> tuple[str, ...]:
    return tuple(picture for message in messages for picture in message.pictures)


def texts_in(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, which may be missing.

    Raises:
        Refusal: `bad-request`, where it is something else.

    """
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refusal("bad-request", f"{name} must be a list of texts")
    return tuple(value)
