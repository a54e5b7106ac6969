"""Pictures given as text: base64, or data URLs (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from pictell.errors import PictellError

_DATA_URL = re.compile(r"data:([^,]{0,200}),", re.I)
_BLANK = re.compile(r"[ \t\r\n]+")


def picture_of(text: str) -> bytes:
    """The bytes of a picture; what they are is not looked at. The URL-safe alphabet is taken too, and padding may lack.

    Raises:
        PictellError: of kind `base64`, where the text is neither base64 nor a data URL.

    """
    if found := _DATA_URL.match(text):
        if not found[1].rstrip().lower().endswith(";base64"):
            return unquote_to_bytes(text[found.end() :])
        text = text[found.end() :]
        if "%" in text[:2000]:
            text = unquote_to_bytes(text).decode("latin-1")
    if not text:
        raise PictellError("base64", "an empty text is no picture")
    try:
        return base64.b64decode(_plain(text), validate=True)
    except (binascii.Error, ValueError) as error:
        what = "neither base64 nor a data URL" if found is None else "a data URL whose base64 is broken"
        raise PictellError("base64", f"a picture is given as {what}") from error


def _plain(text: str) -> str:
    if "\n" in text or " " in text or "\r" in text or "\t" in text:
        text = _BLANK.sub("", text)
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    return text if text.endswith("=") or len(text) % 4 == 0 else text + "=" * (-len(text) % 4)
