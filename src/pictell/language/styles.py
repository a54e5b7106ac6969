"""Ways to word a caption: plain, as alt text, hedged, and without the gender and age of people."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal, get_args

from pictell.language.function_words import function_words
from pictell.language.neutral import neutral
from pictell.language.words import detokenise, tokenise
from pictell.types import Alternative, Band, Caption

Style = Literal["plain", "alt", "hedged", "neutral"]
STYLES: tuple[Style, ...] = get_args(Style)
"""The styles; all but `plain` are for English."""

ALT_LENGTH = 125
"""The most characters of an alt text: what screen readers read in one piece."""

HEDGES: dict[Band, str] = {"low": "Unsure, perhaps", "medium": "Possibly", "high": "Probably"}
"""How a hedged caption begins, by the band of its confidence."""

_KIND = r"(?:picture|photo|photograph|image|snapshot|shot|close[- ]?up(?: view)?)"
# Colours and the like go with it.
ALT_PREAMBLE = (
    rf"^(?:(?:(?:there is|this is|it is|here is) )?(?:(?:an?|the|this) )?(?:(?:black and white|black|white|colou?r|old|vintage"
    rf"|blurry|blurred|close[- ]?up|up[- ]close) )*{_KIND}(?: {_KIND})? (?:of|showing|that shows|which shows) (?=\S))+"
)
"""What alt text leaves out at its beginning, of the picture and not of what is on it: a regular expression, case ignored, that
JavaScript reads as well."""

_PREAMBLE = re.compile(ALT_PREAMBLE, re.IGNORECASE)


def in_style(caption: Caption, style: Style) -> Caption:
    """The caption in another wording, its alternatives too; `raw` then has the model's own words.

    - `plain`: as it is.
    - `alt`: for alt text. No "a picture of", `ALT_LENGTH` characters at most, one sentence with a capital and a full stop.
    - `hedged`: it says how sure it is, "Possibly: ...", by the band that its confidence is in; without a confidence,
      and for alternatives, which have none, as for the band in the middle.
    - `neutral`: without the gender and age of people, see `pictell.language.neutral`. Alternatives that then read the
      same are given once.

    A withheld caption has nothing to word.
    """
    if style == "plain" or caption.text is None:
        return caption
    if style == "neutral":
        text = _neutral_text(caption)
        others = [detokenise(neutral(tokenise(other.text))) for other in caption.alternatives]
    elif style == "alt":
        text = alt_text(caption.text)
        others = [alt_text(other.text) for other in caption.alternatives]
    else:
        text = f"{HEDGES[caption.band or 'medium']}: {caption.text}"
        others = [f"{HEDGES['medium']}: {other.text}" for other in caption.alternatives]
    alternatives: dict[str, Alternative] = {}
    for other, worded in zip(caption.alternatives, others, strict=True):
        if worded != text:
            alternatives.setdefault(worded, Alternative(worded, other.log_prob))
    return replace(caption, text=text, raw=caption.text, style=style, alternatives=tuple(alternatives.values()))


def alt_text(text: str) -> str:
    """A caption as alt text; see `in_style`."""
    text = _PREAMBLE.sub("", text.strip()).rstrip(" .")
    text = f"{text[:1].upper()}{text[1:]}"
    if len(text) >= ALT_LENGTH:
        words = text[:ALT_LENGTH].split(" ")[:-1]
        while len(words) > 1 and words[-1] in (function_words("en") or ()):
            words.pop()
        text = " ".join(words) or text[: ALT_LENGTH - 1]
    return f"{text}." if text else ""


def says_gender_or_age(caption: Caption) -> bool:
    """Whether the style `neutral` words this caption otherwise."""
    return caption.text is not None and _neutral_text(caption) != caption.text


def _neutral_text(caption: Caption) -> str:
    assert caption.text is not None
    words = tokenise(caption.text)
    known = [word.text for word in caption.words] == words
    changed = neutral(words, [word.prob for word in caption.words] if known else None)
    return caption.text if changed == words else detokenise(changed)
