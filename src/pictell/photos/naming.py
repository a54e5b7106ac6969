"""Names of files as they may be printed: on one line, with nothing in them that steers a terminal."""

from __future__ import annotations

import os

# Both join letters in Persian, Arabic and Indic scripts and in emoji, so real file names carry them.
_JOINERS = "\u200c\u200d"


def printable(name: str | os.PathLike[str]) -> str:
    r"""Return `name` with every character that does not print escaped, as in `a\nb.jpg`.

    Letters of any script stay as they are. Control characters, line and paragraph separators, characters that turn the
    direction of the text and bytes that are no valid text (surrogate escapes, shown as `\xff`) are escaped.
    """
    text = os.fspath(name)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that Python could not decode, kept as a surrogate (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
