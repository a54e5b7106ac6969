"""From what a dialect was asked to what it says: captions in words, however many pictures there are."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pictell.errors import PictellError
from pictell.server.dialects.asking import objection
from pictell.server.dialects.catalogue import Offer, choose
from pictell.server.dialects.reading import Message, NotOffered
from pictell.server.refusals import Refusal
from pictell.server.service import Picture, Service
from pictell.steering import CaptionOptions
from pictell.types import Caption

GREETING = "I am pictell, a small model that describes photos. Send me a photo, and I say what is in it."
"""The answer to a short text without a picture: whether anybody is there is asked that way."""

MOST_CHOICES = 10
"""Different captions of one request."""

_SHORT = 200  # characters of a text that may be a greeting; what is longer is work for a model of language
_FREELY = 40  # a limit of so many words or more a picture is none: captions are shorter
_GIVEN = "the given bytes"  # what the library calls a picture without a name


@dataclass(frozen=True)
class Said:
    """What was said, as `num` texts, the best first; `seconds` is how long it took. Words are counted where tokens are."""

    offer: Offer
    texts: tuple[str, ...]
    words_in: int
    seconds: float

    @property
    def words_out(self) -> int:
        """The words of all texts."""
        return sum(len(text.split()) for text in self.texts)


async def say(service: Service, name: str | None, message: Message, *, words: int | None = None, num: int = 1) -> Said:
    """Describes the pictures of a message, at most in so many words, in `num` ways, by the model of this name.

    Raises:
        Refusal: `unknown-model`, `no-picture`, or what `Service.captions` raises.
        NotOffered: the text asks for something else than a description.
        PictellError: no picture could be captioned.

    """
    begun = time.perf_counter()
    offer = choose(service.models, name)
    if not 1 <= num <= MOST_CHOICES:
        raise NotOffered(f"1 to {MOST_CHOICES} different answers can be had of a request")
    count = len(message.pictures)
    if count:
        if reason := objection(message.text, offer.model.language):
            raise NotOffered(reason)
        texts = await describe(service, offer, message.pictures, words=words, num=num)
    elif len(message.text) <= _SHORT:
        texts = (GREETING,) * num
    else:
        raise Refusal("no-picture", "pictell describes pictures and does nothing else: there is none in this request")
    return Said(offer, texts, len(message.text.split()) + count, time.perf_counter() - begun)


async def describe(
    service: Service, offer: Offer, contents: Sequence[str | bytes], *, words: int | None = None, num: int = 1
) -> tuple[str, ...]:
    """Pictures in `num` texts; raises what `captions` does."""
    each = None if words is None or words >= _FREELY * len(contents) else max(1, words // len(contents))
    options = CaptionOptions(style=offer.style, num=num, max_words=each)
    results = await captions(service, offer, contents, options)
    return tuple(in_words([_nth(result, number) for result in results]) for number in range(num))


async def captions(
    service: Service, offer: Offer, contents: Sequence[str | bytes], options: CaptionOptions | None = None
) -> list[Caption | PictellError]:
    """The caption of each picture, given as bytes or text, or what is wrong with it. One of them at least is a caption.

    Raises:
        PictellError: none has a caption, and this is why the first has none; or what `Service.captions` raises.

    """
    options = options or CaptionOptions(style=offer.style)
    await service.accepted(len(contents), options, model=offer.model.label)
    pictures = await asyncio.gather(*(_bytes(service, content) for content in contents))
    results = await service.captions(pictures, options, model=offer.model.label)
    told = [_told(result) for result in results]
    if isinstance(told[0], PictellError) and all(isinstance(result, PictellError) for result in told):
        raise told[0]
    return told


async def _bytes(service: Service, content: bytes | str) -> Picture:
    return content if isinstance(content, bytes) else await service.picture(content)


def fields(result: Caption | PictellError, name: str) -> dict[str, Any]:
    """One caption as JSON for programs that store what they get: nothing is said for nothing, and why, beside it."""
    if isinstance(result, PictellError):
        raise result
    if result.text is None:
        return {name: "", "reason": result.reason}
    return {name: result.text}


def _told(result: Caption | PictellError) -> Caption | PictellError:
    if isinstance(result, PictellError) and _GIVEN in result.message:
        return PictellError(result.kind, result.message.replace(_GIVEN, "the picture"))
    return result


def _nth(result: Caption | PictellError, number: int) -> str:
    """The caption, or another one of the same search; the last there is where there are not so many."""
    if isinstance(result, PictellError):
        return f"No description: {result.message}."
    if result.text is None:
        return f"No description: this {result.reason}."
    texts = [result.text, *(other.text for other in result.alternatives)]
    return texts[min(number, len(texts) - 1)]


def in_words(texts: Sequence[str]) -> str:
    """The descriptions of pictures as one text: a single one as it is, several by the pictures' numbers."""
    if len(set(texts)) == 1:
        return texts[0]
    lines = []
    for text, group in groupby(enumerate(texts, 1), key=lambda numbered: numbered[1]):
        numbers = [number for number, _ in group]
        which = f"Image {numbers[0]}" if len(numbers) == 1 else f"Images {numbers[0]} to {numbers[-1]}"
        lines.append(f"{which}: {text}")
    return "\n".join(lines)


def pieces(text: str) -> list[str]:
    """A text in pieces for a stream, each a word with the blanks before it; together they are the text."""
    return re.findall(r"\s*\S+|\s+$", text) or [text]
