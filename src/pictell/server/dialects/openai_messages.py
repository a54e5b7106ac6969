"""Requests to OpenAI's chat and responses, read: what is asked, and what of it a captioner cannot do."""

from __future__ import annotations

from typing import Any

from pictell.server.dialects.reading import Message, NotOffered, last_of
from pictell.server.refusals import Refusal

_TEXTS = ("text", "input_text", "output_text")
_PICTURES = ("image_url", "input_image")


def chat_message(given: dict[str, Any]) -> Message:
    """What the body of a chat asks last.

    Raises:
        Refusal: `bad-request`.
        NotOffered: it wants JSON, tools, sound, or parts that are no text and no picture.

    """
    _refuse_form(given.get("response_format"))
    _refuse_tools(given)
    if isinstance(modalities := given.get("modalities"), list) and "audio" in modalities:
        raise NotOffered("pictell does not speak: ask for text")
    messages = given.get("messages")
    if not messages:
        raise Refusal("bad-request", "messages are missing")
    return last_of(messages, _message)


def response_message(given: dict[str, Any]) -> Message:
    """What the body of a response asks last. What was said before is not kept, so nothing can go on from it.

    Raises:
        Refusal: `bad-request`.
        NotOffered: as for a chat, or it goes on from what is not in the request.

    """
    text = given.get("text")
    _refuse_form(text.get("format") if isinstance(text, dict) else None)
    _refuse_tools(given)
    for field in ("previous_response_id", "conversation", "prompt"):
        if given.get(field) is not None:
            raise NotOffered(f"{field}: pictell keeps nothing of what was said before, send all of it")
    if given.get("background") is True:
        raise NotOffered("background: pictell keeps no answers to be fetched later")
    asked = given.get("input")
    if isinstance(asked, str):
        return Message((), asked)
    if not asked:
        raise Refusal("bad-request", "input is missing")
    items = asked if isinstance(asked, list) else [asked]
    # Calls of tools and what came of them are items without a role; parts may stand without a message.
    if all(isinstance(item, dict) and item.get("type") in (*_TEXTS, *_PICTURES) for item in items):
        items = [{"role": "user", "content": items}]
    return last_of([item for item in items if not isinstance(item, dict) or "role" in item], _message)


def _short(value: Any) -> str:
    return repr(value[:50]) if isinstance(value, str) else "this kind"


def _refuse_form(form: Any) -> None:
    if isinstance(form, dict) and form.get("type") not in (None, "text"):
        raise NotOffered(f"pictell answers with a caption as text, and not with {_short(form['type'])}")


def _refuse_tools(given: dict[str, Any]) -> None:
    """Tools that may be used are not; who must have one used is told so."""
    for field in ("tool_choice", "function_call"):
        if given.get(field) not in (None, "auto", "none"):
            raise NotOffered(f"{field}: pictell calls no tools")


def _message(message: dict[str, Any]) -> Message:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    pictures: list[str] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            _add(part, pictures, texts)
        elif part is not None:
            raise Refusal("bad-request", "content is a text or a list of parts")
    return Message(tuple(pictures), "\n".join(texts))


def _add(part: dict[str, Any], pictures: list[str], texts: list[str]) -> None:
    kind = part.get("type")
    if kind in _TEXTS:
        text = part.get("text")
        if not isinstance(text, str):
            raise Refusal("bad-request", f"a part of type {kind} needs its text")
        texts.append(text)
    elif kind in _PICTURES:
        # An object with the url in it, or the url itself, as some clients have it.
        url = part.get("image_url")
        url = url.get("url") if isinstance(url, dict) else url
        if not isinstance(url, str):
            raise Refusal(
                "bad-request", f"a part of type {kind} needs an image_url; files of an account are not known here"
            )
        pictures.append(url)
    else:
        raise NotOffered(f"pictell takes pictures and text, and no part of type {_short(kind)}")
