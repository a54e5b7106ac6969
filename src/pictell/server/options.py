"""What a request may ask for, as a table: the OpenAPI document shows it, and texts of forms are read by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pictell.errors import OptionError
from pictell.language import STYLES
from pictell.steering import MOST_BEAM, MOST_WORDS, CaptionOptions

MOST_CHARACTERS = 2000
"""Of all that `must`, `must_not` or `start` says: looking for what is like an unknown word takes time."""

_MOST_SAID = 500  # characters of a message, which repeats what was given

_TEXT = {"type": "string", "maxLength": MOST_CHARACTERS}
_WORDS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": MOST_CHARACTERS}]}


def _whole(description: str, least: int, most: int | None, **more: Any) -> dict[str, Any]:
    bounds = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"type": "integer", "description": description, **bounds, **more}


OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "beam": _whole("Width of the search; the model's own choice unless given.", 1, MOST_BEAM),
    "num": _whole("How many different captions of each picture.", 1, MOST_BEAM, default=1),
    "min_words": _whole("The fewest words of a caption.", 0, MOST_WORDS),
    "max_words": _whole("The most words of a caption.", 1, MOST_WORDS),
    "target_words": _whole("Prefer captions of about so many words.", 1, MOST_WORDS),
    "must": {
        **_WORDS,
        "description": 'Words or phrases that the caption has, separated by commas; of "dog|puppy" one is enough.',
    },
    "must_not": {**_WORDS, "description": "Words or phrases that it does not have."},
    "start": {**_TEXT, "description": "How it begins.", "default": ""},
    "no_repeat": _whole("No so many words in a row twice.", 0, MOST_WORDS, default=0),
    "no_dangling": {"type": "boolean", "description": 'No caption that ends in a word like "with".', "default": False},
    "diversity": {
        "type": "number", "minimum": 0, "maximum": 10, "default": 0,
        "description": "Make the captions of `num` differ; try 0.5.",
    },
    "sample": {"type": "boolean", "description": "Draw captions at random instead of the best.", "default": False},
    "temperature": {
        "type": "number", "exclusiveMinimum": 0, "description": "How evenly to draw: below 1 the probable more often.",
    },
    "top_k": _whole("Draw among so many most probable words.", 1, None),
    "top_p": {
        "type": "number", "exclusiveMinimum": 0, "maximum": 1,
        "description": "Draw among the most probable words that have so much probability together.",
    },
    "seed": _whole("Draw the same captions as before with this.", 0, None),
    "style": {"type": "string", "enum": list(STYLES), "description": "How captions are worded.", "default": "plain"},
    "force": {"type": "boolean", "description": "Describe also what does not look like a photo.", "default": False},
    "features": {
        "type": "boolean", "default": False,
        "description": "Tell also what the picture looks like to the encoder, as numbers to compare pictures by.",
    },
    "attention": {
        "type": "boolean", "default": False,
        "description": "Tell also where the decoder looked for each word.",
    },
}  # fmt: skip
"""JSON Schemas of the fields of `CaptionOptions`."""

assert set(OPTIONS) == {field.name for field in fields(CaptionOptions)}


def options_of(given: Mapping[str, Any]) -> CaptionOptions:
    """The options that are given by name.

    Raises:
        OptionError: one is unknown, or its value cannot be.

    """
    for name, value in given.items():
        if name not in OPTIONS:
            raise OptionError(f"there is no option {name[:100]!r}")
        if _length(value) > MOST_CHARACTERS:
            raise OptionError(f"{name} is longer than {MOST_CHARACTERS} characters")
    try:
        # `null` is the same as not asking.
        return CaptionOptions(**{name: value for name, value in given.items() if value is not None})
    except OptionError as error:
        if len(error.message) <= _MOST_SAID:
            raise
        raise OptionError(error.message[:_MOST_SAID] + " ...") from error
    except RecursionError:
        raise OptionError("an option is nested too deeply") from None


def _length(value: Any) -> int:
    """Characters of a text, or of those in a list and what keeps them apart."""
    if isinstance(value, list | tuple):
        return sum(1 + (len(each) if isinstance(each, str) else 0) for each in value)
    return len(value) if isinstance(value, str) else 0


def value_of(name: str, text: str) -> Any:
    """The value of an option that a form or a query gives as text.

    Raises:
        OptionError: the text is no such value.

    """
    kind = OPTIONS.get(name, {}).get("type", "string")
    if kind == "boolean":
        return truth(name, text)
    try:
        if kind == "integer":
            return int(text) if len(text) < 40 else float("nan")
        return float(text) if kind == "number" else text
    except ValueError:
        raise OptionError(f"{name} must be a {'whole ' * (kind == 'integer')}number, not {text[:100]!r}") from None


def truth(name: str, text: str) -> bool:
    """`true` or `false`, also as `1`, `on`, `yes` or `0`, `off`, `no`.

    Raises:
        OptionError: it is neither.

    """
    if text.lower() in ("true", "1", "on", "yes"):
        return True
    if text.lower() in ("false", "0", "off", "no"):
        return False
    raise OptionError(f"{name} must be true or false, not {text[:100]!r}")
