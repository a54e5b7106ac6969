"""The tokeniser of the captioning metrics: Penn Treebank tokens, small letters, punctuation left out.

The tokens are those of the 2015 COCO caption evaluation, which runs a Java program (Stanford CoreNLP 3.4.1's
`PTBTokenizer -preserveLines -lowerCase`) and then drops a list of punctuation tokens. Its rules are the Penn Treebank's
(Marcus, Santorini and Marcinkiewicz 1993, and the tokenisation page of the treebank) with many additions for the web;
the additions were found by watching what the program does. All 616,767 captions of COCO 2014 and all 40,455 of Flickr8k
give the same tokens.

What is worth knowing, because it is part of every published score:

- Brackets stay, as `-lrb-`, `-rrb-`, `-lsb-`, `-rsb-`, `-lcb-`, `-rcb-`; so do `??`, `!!`, `?!`, five hyphens or more,
  and two curly quotes side by side.
- `it's` is `it 's`, `don't` is `do n't`, `cannot` is `can not`, `gonna` is `gon na`; `o'clock` is one token.
- `word.word`, `U.S.`, `St.`, `Ave.`, `a.m.` and initials keep their periods; `4:06pm` is `4:06 pm`.
- A period before a comma, semicolon or colon stays with its word: `on a bike.,` ends in `bike.`.
- `22 3/4`, a telephone number with spaces, and an HTML tag are one token with no-break spaces inside.
- An initial at the end of a caption keeps its period, unless the *next* caption begins with a word such as `The` or `A`.
- Emoji and characters younger than the program vanish.

What differs from the program, knowingly:

- A line separator inside a caption (`\\r`, `\\v`, `\\f`, U+0085, U+2028, U+2029) is a space here. There it begins a new
  line, so that every later caption gets the tokens of a wrong one. For the same reason an HTML tag, a telephone number
  or a fraction never reaches from one caption into the next.
- HTML entities for apostrophes and accented letters (`&apos;`, `&eacute;`) inside a word with other apostrophes, soft
  hyphens beside underscores or hyphens, and combining marks after an apostrophe may be cut elsewhere.
- Which characters are letters is taken from a table for the basic multilingual plane, observed as a whole; the
  boundaries of rarer combinations were only sampled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pictell.metrics.ptb_abbreviations import (
    CAPITALISED,
    GO_ON,
    MAY_END_A_SENTENCE,
    NUMBERED,
    SPLIT,
)
from pictell.metrics.ptb_rules import cut

VERSION = "ptb-1"

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
"""Inside the tokens that stand for several words."""

# Characters that end a line somewhere; the reference itself makes spaces of newlines.
_SEPARATORS = "\n\r\v\f\x85\u2028\u2029"

# Anything in a text of captions, one a line, that needs the rules: all but letters, single numbers, hyphens between
# letters or digits, commas after those and before a space or an end, and a period at the end.
_UNUSUAL = re.compile(
    r"[^A-Za-z \n]"
    r"(?:(?<=[^A-Za-z0-9 \n,.-])"
    r"|(?<=[0-9])(?= +[0-9])"
    r"|(?<=,)(?:(?<![A-Za-z0-9],)|(?![ \n]|\Z))"
    r"|(?<=-)(?:(?<![A-Za-z0-9]-)|(?![A-Za-z0-9]))"
    r"|(?<=\.)(?:(?<![A-Za-z0-9 ]\.)|(?! *(?:\n|\Z))))"
)
# Words before a final period that may be abbreviations or initials; the rules know.
_KEEP_A_PERIOD = frozenset(
    [*MAY_END_A_SENTENCE, *GO_ON, *CAPITALISED, *NUMBERED, *"abcdefghijklmnopqrstuvwxyz", "mfg", "mtg"]
    + [f"{double}{stem}{plural}" for double in ("", "p") for stem in ("pte", "pty") for plural in ("", "s")]
)


def ptb_tokens(captions: Sequence[str]) -> list[list[str]]:
    """The tokens of each caption, in order, as the reference gives them for the same captions in the same order.

    The captions are taken together, as a caption-final initial depends on the caption after it. Any text will do; a
    caption without words gives no tokens. A token has no ASCII whitespace in it, but may have a no-break space: metrics
    that join tokens and split them at whitespace again (`str.split()`) cut such a token at it.
    """
    return [tokens_of(line) for line in ptb_lines(captions)]


def ptb_lines(captions: Sequence[str]) -> list[str]:
    """The same tokens as `ptb_tokens`, each caption's as one line of text, parted by one or more spaces."""
    lines = list(captions)
    text = "\n".join(lines)
    separators = [sign for sign in _SEPARATORS[1:] if sign in text]
    if text.count("\n") >= len(lines) > 0:
        separators.append("\n")
    for separator in separators:
        lines = [line.replace(separator, " ") for line in lines]
    if separators:
        text = "\n".join(lines)
    small = text.lower()
    unusual = _unusual_lines(text, small)
    tokens = small.replace(",", " ").replace(".", " ").split("\n") if lines else []
    for index in unusual:
        tokens[index] = " ".join(cut(lines[index], _what_follows(lines, index)))
    return tokens


def tokens_of(line: str) -> list[str]:
    """The tokens of one of the `ptb_lines`."""
    return [token for token in line.split(" ") if token] if NO_BREAK_SPACE in line else line.split()


def _unusual_lines(text: str, small: str) -> set[int]:
    """The numbers of the lines that need the rules; `small` is the text in small letters, of the same lines."""
    unusual: set[int] = set()
    for found_in, finds in ((text, _UNUSUAL.finditer(text)), *((small, re.finditer(word, small)) for word in SPLIT)):
        line = place = 0
        for find in finds:
            line += found_in.count("\n", place, find.start())
            place = find.start()
            unusual.add(line)
    for number, plain in enumerate(small.split("\n")):
        before, period, _ = plain.rpartition(".")
        if period and before[before.rfind(" ") + 1 :] in _KEEP_A_PERIOD:
            unusual.add(number)
    return unusual


def _what_follows(lines: Sequence[str], index: int) -> str:
    """The lines after a line up to the first with words, each after a newline; and the newline after that one."""
    following = ""
    for later in range(index + 1, len(lines)):
        following += "\n" + lines[later]
        if not lines[later].isspace() and lines[later]:
            return following + "\n" if later + 1 < len(lines) else following
    return following
