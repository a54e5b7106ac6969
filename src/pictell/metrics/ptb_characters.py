"""Which characters outside ASCII are letters, digits, marks or symbols to the Penn Treebank tokeniser.

The reference knows the Unicode of its day: newer letters, everything beyond the basic multilingual plane (most emoji)
and many signs are not in any of its classes, and vanish from its output. The table holds what was observed of each
character from U+00A0 to U+FFFF, alone, between letters and between digits.
"""

from __future__ import annotations

import re

# Runs of characters of one class from U+00A0 on: a letter, d digit, m mark (part of a word, not of a number),
# s symbol (a token of its own), x not known. A number is the run's length.
_RUNS = (
    "xsx3s5axsxs7as4ax4sa23sa31sa458m4a12m14a5m7amam129a5ma2m2a4sx5m2asa3xaxa20xa83ma139xm5x2a158x9a38x2am6xa39xsx7m4"
    "5smsm2sm2smx8a27x5a3s2x11s4x2s7x7sm6sx2s2a43m20xd10sx2sa2ma99sam15a2m7a2d10a3m2as14xmama30m29a89m11ax14d10a33m9a"
    "2s3xax5a22x4ax9ax3ax23a25x71axa11x83m4a54x2mam17xam5x2a10m2s2d10xa7xa7xm3xa8x2a2x2a22xa7xax3a4x2mam7x2m2x2m3ax8m"
    "x4a2xa3m2x2d10a2x15m3xa6x4a2x2a22xa7xa2xa2xa2x2mxm18x9a4xax7d10x2a3x12m3xa9xa3xa22xa7xa2xa5x2mam18ax15a2x4d10x21"
    "a8x2a2x2a22xa7xa2xa5x3ax30a2xa3x4d10xax16maxa6x3a3xa4x3a2xaxa2x3a2x3a3x3a12x4m5x3m3xm4x2ax21d10x17m3xa8xa3xa23xa"
    "10xa5x3am25xa2x6a2x4d10x21a8xa3xa23xa10xa5x3ax32axa2x4d10xa2x18a8xa3xa41x2am7xm3x5ax17a2x4d10x10a6x5a18x3a24xa9x"
    "ax2a7x58a48ma2m7x4sa7m8sd10x39a2xax2a2xax2ax6a4xa7xa3xaxax2a2xa4ma2m9ax2a5xaxm6x2d10x2a4x32ax31d10x22a8xa36x27a5"
    "x115a43x20ad10x6a6x4a4x3ax3a2x7a3x4a13x12axd10x6a38xax5ax2a43xa333xa4x2a7xaxa4x2a41xa4x2a33xa4x2a7xaxa4x2a15xa57"
    "xa4x2a67x37a16x16a85x12a620x2a17xa26x5a75x21a13xa4x14a18x14a18x14a13xa3x15a52x35ax4ax3d10x38d10x6a88x8a41xax5a70"
    "x10a29x41d10a30x2a5x11a44x21a7x8d10x38a23x9a53x43d10x6d10x13ax93a47x17a7x4d10x41a30x13a2d10a44x26a36x28d10x3a3d1"
    "0a36x107a4xa4x3a2x9a192x64a278x2a6x2a38x2a6x2a8xaxaxaxa31x2a53xa7sax3a3xa7x3a4x2a6x4a13x5a3xa7x25s2x2sx3s6x12s9x"
    "2sx2s5xsx43sax2s11as15xa13x7sx91s2as4as2a10sas3a5s6asasasa4sa11s2a4s5a5s4asx5s10x36a2x11s2672a47xa47xa133x6a4x3a"
    "2x12a38xax5ax2a56x7ax16a23x9a7xa7xa7xa7xa7xa7xa7xa7x80ax465s2x2a2x11sx30a5x5a2x4a86x6a3xa90sa4x5a41x3a94x17a27x5"
    "3a16x512a6582x74a20941x51a1165x67a46x2a269x3a16d10a2x20a47x16a25x8a70x49a9x2a103x2a4xa4x12a11x77a10xa3xa4xa23x29"
    "a52x14a50x28d10x24a6x3ax4d10a28x10a23x25a29x7a47x28ad10x38a41x23a3xa8x4d10x6a23x3ax5a48xax3a2x2a5x2axax24a3x2a11"
    "x7a3x12a6x2a6x2a6x9a7xa7x145a35x13d10x6a11172x12a23x4a49x8452a366x2a106x38a7x12a5x5axa10xa13xa5xaxa2xa2xa108x33a"
    "363x18a64x2a54x40a12x116a5xa135x4s15d10s7a26s6a26s11a89x3a6x2a6x2a6x2a3x3s2x3s2x25"
)

LETTER, DIGIT, MARK, SYMBOL, UNKNOWN = "é٠\u0301§\0"
ACCENTED = "ê"
SPACE = "\xa0"
SUPERSCRIPT = "²"

_CLASSES = {"a": LETTER, "d": DIGIT, "m": MARK, "s": SYMBOL, "x": UNKNOWN}

_OWN = {
    "\xad": "\xad",
    "‐‑": "‐",
    "⁄": "⁄",
    "٫٬": "٬",
    "’\x92\ue000": "’",
    "‘‛‹\x91": "‘",
    "›“”„‚«»‟\x93\x94": "“",
    "²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉": SUPERSCRIPT,
    "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000": SPACE,
    "€¤₠\x80": "€",
    "£¢¼½¾⅓⅔": SYMBOL,
}

#: What the reference writes for a symbol.
WRITTEN = {
    "€": "$", "¤": "$", "₠": "$", "\x80": "$", "£": "#", "¢": "cents",
    "¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3",
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
}  # fmt: skip


class _Shapes(dict[int, str]):
    """Every character's stand-in; filled with the table at the first character outside ASCII."""

    def __missing__(self, code: int) -> str:
        if code < 0x80:
            self[code] = chr(code)
        elif 0xA0 not in self:
            self._read_table()
            return self[code]
        else:
            self[code] = UNKNOWN
        return self[code]

    def _read_table(self) -> None:
        code = 0xA0
        for name, count in re.findall(r"([a-z])([0-9]*)", _RUNS):
            for _ in range(int(count or 1)):
                self[code] = _CLASSES[name]
                code += 1
        for characters, shape in _OWN.items():
            for character in characters:
                self[ord(character)] = shape


_SHAPES = _Shapes()
_ACCENTED = re.compile(r"&[aeiouAEIOU](?:acute|grave|uml);")


def shape_of(line: str) -> str:
    """The line with one stand-in for every character outside ASCII, of the same length."""
    shape = line if line.isascii() else line.translate(_SHAPES)
    return _ACCENTED.sub(lambda entity: ACCENTED * len(entity[0]), shape) if "&" in shape else shape
