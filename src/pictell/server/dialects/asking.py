"""Whether a text that comes with a picture asks for a description of it, or clearly for something else.

The rule: what is answered must not look like an answer to a question that was not understood. So texts are refused that demand a
form (JSON, yes or no, a number alone) or another language than the model's; then whoever speaks of describing is answered,
whatever else they say; then texts are refused that ask for a number, a colour or something written, or whose last line is a
question of yes or no. Everything else is answered, in any language: when in doubt, a caption is what a captioner has to say.
How the caption is to be worded is not read out of the text.
"""

from __future__ import annotations

import re

_DEMANDS = {
    "JSON": r"\bjson\b",
    "yes or no": r"\b(?:yes|true)\s*(?:/|\||,|\bor\b)\s*(?:no|false)\b",
    "a number alone": r"\b(?:only|just|single|one)\s+(?:with\s+)?(?:an?\s+|the\s+)?(?:number|integer|digit)\b",
}
_NEGATION = re.compile(r"\b(?:no|not|never|without|avoid|don't)\W+(?:\w+\W+){0,3}$", re.I)

_DESCRIBING = re.compile(
    r"\b(?:describ\w*|descriptions?|caption\w*|alt[- ]?text|summar\w+|analy[sz]e\w*|analysis|explain|narrate)\b"
    r"|\btell (?:me|us) (?:about|what)\b",
    re.I,
)

_QUESTIONS = {
    "how many, or how much": r"\bhow (?:many|much|old|tall|far|big|long|often|fast)\b|\bcount (?:the|all|how|every)\b",
    "a colour": r"\b(?:what|which)(?:'s| is| are)?(?: the)? colou?rs?\b",
    "what is written": r"\bread (?:the|out|this|all|what|any)\b|\btranscribe\b|\btranslate\b|\bocr\b"
    r"|\b(?:extract|license plate|licence plate|number plate)\b|\bwhat do(?:es)? .{1,60} say\b",
    "a time or a number": r"\bwhat (?:time|day|date|year|number)\b",
}
_YES_OR_NO = re.compile(
    r"(?:please )?(?:is|are|was|were|does|do|did|has|have|isn't|aren't|can you see)\b[^?]*\?(?: thanks?| please)?[.!]?",
    re.I,
)

_LANGUAGES = {
    "arabic": "ar", "bulgarian": "bg", "chinese": "zh", "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl",
    "english": "en", "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi",
    "hungarian": "hu", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "mandarin": "zh",
    "norwegian": "no", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "slovak": "sk",
    "spanish": "es", "swedish": "sv", "thai": "th", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
}  # fmt: skip
# "answer in German", but not "describe the women in German dress".
_IN_LANGUAGE = re.compile(
    rf"\b(?:in|into)\s+(?:simplified |traditional |brazilian )?({'|'.join(_LANGUAGES)})\b"
    r"(?=\s*(?:$|[.,;:!?)\n]|only\b|please\b|language\b))",
    re.I,
)

_MOST = 20_000  # characters; what is asked for is said within these


def objection(text: str, language: str) -> str | None:
    """Why a text is not answered with a caption in `language` (a code such as `en`); `None` where it is."""
    text = text[:_MOST]
    for what, pattern in _DEMANDS.items():
        for found in re.finditer(pattern, text, re.I):
            if not _NEGATION.search(text[max(0, found.start() - 60) : found.start()]):
                return f"pictell answers with a caption, and this asks for {what}"
    spoken = language.partition("-")[0].lower()
    for found in _IN_LANGUAGE.finditer(text):
        if _LANGUAGES[found[1].lower()] != spoken:
            return f"this model's captions are not in {found[1].capitalize()} (its language is {language})"
    if _DESCRIBING.search(text):
        return None
    for what, pattern in _QUESTIONS.items():
        if re.search(pattern, text, re.I):
            return f"pictell describes pictures and answers no questions about them; this asks for {what}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and _YES_OR_NO.fullmatch(lines[-1]):
        return "pictell describes pictures and answers no questions about them; this asks for yes or no"
    return None
