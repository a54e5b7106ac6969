"""The words of a caption as the metrics compare them."""

from __future__ import annotations

import unicodedata

VERSION = "plain-1"

_APOSTROPHES = "'’‘ʼ＇"
_HYPHENS = "-‐‑－"
_CLITICS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")


def plain_tokens(text: str) -> list[str]:
    """Lower-case a caption, strip its punctuation and split it into words.

    - Letters, digits and the marks that belong to letters stay; characters are brought to Unicode's composed form.
      Invisible format characters (soft hyphens, joiners) vanish. Everything else, underscores, symbols and emoji
      among it, parts words and is dropped.
    - A hyphen or apostrophe stays inside a word (`t-shirt`, `o'clock`) and is dropped at its ends and where doubled.
      Typographic ones (`’`, `‑`) count as plain ones.
    - English clitics are words of their own: `man's` gives `man`, `'s`; `isn't` gives `is`, `n't`; likewise `'re`,
      `'ve`, `'ll`, `'d`, `'m`. Text already split so stays as it is.

    The hyphen and clitic rules are the Penn Treebank's; its other ones (`cannot`, decimal points, brackets as words,
    symbols kept) are not followed. Any text is allowed; one without a letter or digit gives no words.
    """
    text = unicodedata.normalize("NFC", text.lower().translate(_TABLE)).replace("--", " ").replace("''", " ")
    return [word for piece in text.split() for word in _split_clitics(piece)]


def _split_clitics(piece: str) -> list[str]:
    if "'" not in piece and "-" not in piece:
        return [piece]
    clitics: list[str] = []
    piece = piece.strip("-").rstrip("-'")
    while clitic := next((clitic for clitic in _CLITICS if piece.endswith(clitic)), None):
        clitics.insert(0, clitic)
        piece = piece.removesuffix(clitic).rstrip("-'")
    piece = piece.strip("-'")
    return [piece, *clitics] if piece else clitics


class _Table(dict[int, str]):
    """What each character becomes; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if char in _APOSTROPHES:
            kept = "'"
        elif char in _HYPHENS:
            kept = "-"
        elif category[0] in "LNM":
            kept = char
        else:
            kept = "" if category == "Cf" else " "
        self[code] = kept
        return kept


_TABLE = _Table()
