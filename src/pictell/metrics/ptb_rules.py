"""The Penn Treebank tokeniser's rules: how one line of text is cut into tokens, as the reference cuts it.

All rules that can begin with a character are tried there and the one that reaches farthest wins, what it only looks
ahead at counted in; of equals the first. A rule's group 1, where it has one, is the token; the rest is looked at only.
The rules read a line's shape (`pictell.metrics.ptb_characters`): ASCII as it is, a stand-in for every class of other
characters. A line takes time in proportion to its length: no rule goes twice over what it has gone over in vain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pictell.metrics.ptb_abbreviations import (
    BEFORE_EITHER_APOSTROPHE,
    BEFORE_PLAIN_APOSTROPHE,
    CAPITALISED,
    FILE_ENDINGS,
    GO_ON,
    MAY_END_A_SENTENCE,
    NUMBERED,
    SPLIT,
    STARTERS,
)
from pictell.metrics.ptb_characters import WRITTEN, shape_of

# Contents of character classes. é: any letter outside ASCII, ٠: any digit outside ASCII, \u0301: any mark.
_AZ = "A-Za-z"
_LETTER = _AZ + "é\u0301\xad"
_ALNUM = _AZ + "0-9é٠"
_DIGIT = "0-9٠"
_BLANK = r" \t\xa0"
_QUOTE = "['’‘`]"

_WORD = f"[{_LETTER}ê]+"
_DIGITS = rf"[{_DIGIT}][{_DIGIT}\xad]*"
_NUMBER = f"(?:(?:{_DIGITS})?(?:[.:,٬]{_DIGITS})+|{_DIGITS})"
_PIECE = f"(?:[dDoOlL]['’][{_ALNUM}]{{2,}}|[{_ALNUM}]+)"
_DOTTED = rf"[{_LETTER}ê][{_ALNUM}\xadê\u0301]*"
_ACRONYM = rf"[{_AZ}](?:\.[{_AZ}])+"
_SLASHED = f"[{_AZ}0-9]+(?:-[{_AZ}]+){{0,2}}"
_LOOSE = rf"[{_AZ}0-9][{_AZ}0-9.,\xad]*+"
_ADDRESS = r'[^\s"<>|(){}]'
_DOMAIN = r'[^\s"<>|(){}.]'
_HOST = r"[^\s\"`'<>|.!?(){},-_$]"
_PATH = r'/[^\s"<>|()]+[^\s"<>|.!?(){},-]'
_TAG_NAME = r"[A-Za-z][A-Za-z0-9_:.-]*"
_TAG_BLANK = rf"[{_BLANK}]"
_EYE = "[-x=~<>^']"


_APOS = "\ue000"  # &apos; while a line is cut: an apostrophe of one character that no caption has


class Rule(NamedTuple):
    """A pattern over shapes and what becomes of the text it matched."""

    pattern: re.Pattern[str]
    write: Callable[[str], str]


class SearchingRule(NamedTuple):
    """A rule that goes over a whole stretch of text before it can know that it fails.

    It fails at every later place of a stretch where it failed at the first.
    """

    first: frozenset[str]
    stretch: re.Pattern[str]
    rule: Rule


def _as_word(text: str) -> str:
    """Small letters; a soft hyphen is no part of a word."""
    return text.lower().replace("\xad", "") if "\xad" in text else text.lower()


def _as_clitic(text: str) -> str:
    return (
        text.lower().replace("’", "'").replace("‘", "`").replace("\x92", "'").replace("\x91", "`").replace(_APOS, "'")
    )


_UNBROKEN = str.maketrans({" ": "\xa0", "\t": "\xa0"})
_INSIDE = str.maketrans({" ": "\xa0", "\t": "\xa0", "(": "-lrb-", ")": "-rrb-"})


def _as_one(text: str) -> str:
    """Blanks inside a token become no-break spaces, brackets their names."""
    return text.lower().translate(_INSIDE)


def _as_tag(text: str) -> str:
    return text.lower().translate(_UNBROKEN)


def _as_written(text: str) -> str:
    return text.lower()


def _nothing(text: str) -> str:
    """Punctuation that the captioning metrics leave out."""
    return ""


_STRAIGHT = str.maketrans(
    dict.fromkeys("‘‛‹\x91", "`")
    | dict.fromkeys("’›\x92\ue000", "'")
    | dict.fromkeys("“«\x93", "``")
    | dict.fromkeys("”»\x94", "''")
)


def _as_quotes(text: str) -> str:
    """Two curly quotes side by side are one token, which the captioning metrics keep unless it looks like a quote."""
    token = text.translate(_STRAIGHT)
    return "" if token in ("`", "'", "``", "''") else token


def _with_ampersands(text: str) -> str:
    return text.lower().replace("&amp;", "&")


def _rule(pattern: str, write: Callable[[str], str] = _as_word, *, any_case: bool = True) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE if any_case else re.NOFLAG), write)


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_STARTERS = [re.escape(form) for word in STARTERS for form in {word.capitalize(), word.upper()}]

_NUMBERS = [
    _rule(f"[-+]?{_NUMBER}"),
    _rule(f"[{_DIGIT}]{{1,2}}[-/][{_DIGIT}]{{1,2}}[-/][{_DIGIT}]{{2,4}}"),
    _rule(f"(?:[{_DIGIT}]{{1,4}}[-{_BLANK}])?[{_DIGIT}]{{1,4}}[/⁄][{_DIGIT}]{{1,4}}", _as_one),
    _rule(
        rf"\+?(?:[{_DIGIT}]{{2,4}}[-{_BLANK}])?(?:\([{_DIGIT}]{{2,3}}\)[{_BLANK}]?|[{_DIGIT}]{{2,4}}[-{_BLANK}])"
        rf"[{_DIGIT}]{{3,4}}[-{_BLANK}]?[{_DIGIT}]{{3,5}}",
        _as_one,
    ),
]
_EMOTICONS = [
    _rule(rf"[<>]?[:;=][-o*']?[()DPdpO\\{{@|\[\]](?=[^{_AZ}0-9])", _as_one, any_case=False),
    _rule(f"{_EYE}_{_EYE}", _as_one),
    _rule(rf"\((?:-[_.]?|[x=~<>^'][-_.]?){_EYE}\)", _as_one, any_case=False),
]
_THING = _rule(f"{_PIECE}(?:[-_‐]{_PIECE})*")
_EITHER_OR = _rule(f"{_SLASHED}(?:/{_SLASHED}){{1,2}}")
_TAGS = [
    _rule(
        rf"<{_TAG_NAME}(?:{_TAG_BLANK}++{_TAG_NAME}(?:{_TAG_BLANK}*+={_TAG_BLANK}*+(?:'[^'\n]*'|\"[^\"\n]*\"))?)*+"
        rf"{_TAG_BLANK}*+(?:/{_TAG_BLANK}*+)?>",
        _as_tag,
    ),
    _rule(rf"</{_TAG_NAME}{_TAG_BLANK}*+>", _as_tag),
]
_DECLARATION = SearchingRule(frozenset("<"), re.compile(r"<[!?][^>\n]*"), _rule(r"<[!?][A-Za-z-][^>\n]*>", _as_tag))
_ANY_TAG = "|".join(tag.pattern.pattern for tag in _TAGS)
_COMPANY = "[A-Z]+(?:(?:[&+]|&amp;)[A-Z]+)+"
_BEFORE_COMMA = _rule(rf"((?:{_THING.pattern.pattern}|{_DOTTED}(?:[.!?]{_DOTTED})*)\.)[,;:]")
_LETTERS = [
    # cannot, gonna: two words.
    *(_rule(f"({word[:cut]}){word[cut:]}") for word, cut in SPLIT.items()),
    # A word before 's and the like, and before n't, which takes back its n.
    _rule(rf"({_WORD}|{_DOTTED}(?:[.!?]{_DOTTED})+)['’](?:[smd]|ll|re|ve)"),
    _rule(rf"([{_AZ}]*[a-mo-z])n{_QUOTE}t"),
    _rule(f"n{_QUOTE}t", _as_clitic),
    # plan b. The: the period ends the sentence.
    _rule(rf"([{_AZ}])\.[{_BLANK}\n]+(?:{_any_of(_STARTERS)}|{_ANY_TAG})[{_BLANK}\n]", any_case=False),
    # Jan., La.: abbreviations that may end a sentence look at one character more.
    _rule(rf"((?:ph\.d|{_any_of(MAY_END_A_SENTENCE)})\.)[^\n]?"),
    _rule(rf"((?:{_any_of(f'{word[0].upper()}(?i:{word[1:]})' for word in CAPITALISED)})\.)[^\n]?", any_case=False),
    _rule(r"([Pp]?[Pp][Tt][ey]s?\.)[^\n]?", any_case=False),
    _rule(_WORD),
    # t-shirt, snake_case, x-o'clock; word.word, word!word; and/or/not.
    _THING,
    _rule(rf"{_DOTTED}(?:[.!?]{_DOTTED})*"),
    _EITHER_OR,
    # dog., - a period that a comma follows belongs to the word.
    _BEFORE_COMMA,
    _rule(rf"({_COMPANY}\.)[,;:]", _with_ampersands, any_case=False),
    # Initials and acronyms; St. and the like.
    _rule(rf"[{_AZ}]\."),
    _rule(rf"{_ACRONYM}\.?"),
    _rule(rf"(?:{_any_of(GO_ON)})\.|u\.s\.-u\.k"),
    _rule(r"(?:[Mm][ft][Gg])\.", any_case=False),
    _rule(rf"((?:{_any_of(NUMBERED)})\.)[{_BLANK}\n]?[{_DIGIT}]"),
    # M&M, C+D, C++, C#, US$.
    _rule(_COMPANY, _with_ampersands, any_case=False),
    _rule(r"c\+\+|[cf]#"),
    _rule(r"[A-Z]+\$", any_case=False),
    # Apostrophes inside words: N'Djamena, o'clock, Hawai'i, y'all, ol'.
    _rule(rf"[A-HJ-XZdlno]{_QUOTE}[{_LETTER}]{{2,}}", any_case=False),
    _rule(rf"[{_AZ}\xad]+[aeiouy]{_QUOTE}[aeiou][{_LETTER}]*"),
    _rule(rf"[{_LETTER}]+[aeiouyAEIOUY]{_QUOTE}[aeiouA-Z][{_LETTER}]*", any_case=False),
    _rule(rf"([yj]['’])[{_LETTER}]"),
    _rule(_any_of(word.replace("'", "['’]") for word in BEFORE_EITHER_APOSTROPHE)),
    _rule(_any_of(BEFORE_PLAIN_APOSTROPHE)),
    _rule(f"{_EYE}_{_EYE}", _as_one),
]
_ASCII_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_LOOSE_THING = SearchingRule(
    _ASCII_ALNUM, re.compile(_LOOSE), _rule(rf"{_LOOSE}(?:-(?:{_ACRONYM}\.|[{_AZ}0-9\xad]+))+(?:\.(?=[,;:]))?")
)
_EMAIL = SearchingRule(
    _ASCII_ALNUM | {"<"},
    re.compile(rf"<?[{_AZ}0-9]{_ADDRESS}*"),
    _rule(rf"<?[{_AZ}0-9]{_ADDRESS}*@(?:{_DOMAIN}+\.)*{_DOMAIN}+>?", _as_written),
)
_SITE = SearchingRule(
    frozenset(character for character in map(chr, range(0x100)) if re.match(_HOST, character)) | set("٠\u0301’‘“⁄٬"),
    re.compile(rf"(?:{_HOST}|\.)*"),
    _rule(rf"(?:{_HOST}+\.)+(?:(?i:com|net|org|edu))(?:{_PATH})?", _as_written, any_case=False),
)
_FILE = SearchingRule(
    _ASCII_ALNUM | set("é٠"),
    re.compile(rf"[{_ALNUM}.]*"),
    _rule(rf"([{_ALNUM}]+(?:\.[{_ALNUM}]+)*\.(?:{_any_of(FILE_ENDINGS)}))[{_BLANK}\n.,!?]"),
)
_WWW = _rule(rf"www\.(?:[^\s\"<>|.!?(){{}},]+\.)+[a-z]{{2,4}}(?:{_PATH})?", _as_written)
_URL = _rule(rf'https?://{_ADDRESS}+[^\s"<>|.!?(){{}},-]', _as_written)
_APOSTROPHES = [
    _rule(rf"'(?:[smd](?![{_AZ}])|(?:ll|re|ve)(?=[^{_AZ}]))|’(?:[smd]|ll|re|ve)", _as_clitic),
    _rule("['’](?:em|till?|cause)", _as_written),
    _rule(rf"['’]n['’]|('n)[{_BLANK}\n]|’n", _as_written),
    _rule("('t)(?:is|was)", _as_written),
    _rule(rf"['’][2-9]0s|(['’][{_DIGIT}]{{2}})[{_BLANK}\n]", _as_written),
    _rule("''", _nothing),
    _EMOTICONS[1],
    _rule("[‘’`“]{1,2}", _as_quotes),
]
_OTHERS: dict[str, list[Rule]] = {
    "'": _APOSTROPHES,
    "’": _APOSTROPHES,
    "`": [_rule("[`‘’“]{1,2}", _as_quotes)],
    "-": [*_NUMBERS, _EMOTICONS[1], _rule("-{2,4}(?!-)", _nothing), _rule("-{5,}")],
    "+": _NUMBERS,
    ".": [*_NUMBERS, _rule(r"\.{3,5}", _nothing)],
    ",": _NUMBERS,
    "٬": _NUMBERS,
    ":": [*_NUMBERS, *_EMOTICONS],
    ";": _EMOTICONS,
    "=": _EMOTICONS,
    "~": _EMOTICONS,
    "^": _EMOTICONS,
    "(": [*_EMOTICONS, *_NUMBERS],
    "<": [*_EMOTICONS, *_TAGS, _rule("<<")],
    ">": [*_EMOTICONS, _rule(">>")],
    "?": [_rule("[?!]{2,}")],
    "!": [_rule("[?!]{2,}")],
    "*": [_rule(r"\*+")],
    "_": [_rule("_+")],
    "“": [_rule("[`‘’“]{1,2}", _as_quotes)],
    "‘": [_rule("[`‘’“]{1,2}", _as_quotes)],
    "²": [_rule("²+", _as_written)],
    "#": [_rule(f"#[{_LETTER}]+", _as_written), _rule("#+")],
    "@": [_rule("@[A-Za-z_][A-Za-z_0-9]*"), _rule("@+")],
    "&": [_rule("&#[0-9]+;"), _rule("&(?:HT|TL|UR|LR|QC|QL|QR|odq|cdq|quot|apos);")],
}

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ENTITY = _rule("&(?:lt|gt|amp);", lambda entity: _ENTITIES[entity.lower()])
_OTHERS["&"].append(_ENTITY)
_HIDDEN = {"&quot;": '"', "&apos;": _APOS, "&mdash;": "—", "&ndash;": "–", "&MD;": "—"}
_HIDDEN_ENTITY = re.compile("|".join(_HIDDEN) + "|&(?i:nbsp);")

_PLAIN_WORD = re.compile(rf"(?!(?:{_any_of(SPLIT)})\b)[{_AZ}]+(?=,?(?:[\n{_BLANK}]|\Z))", re.IGNORECASE)
_GAP = re.compile(rf"[\0\n{_BLANK}]+")

# Single characters that give no token: punctuation, which the captioning metrics leave out, and control characters.
_DROPPED = frozenset("'’‘`\".,:;?!-‐") | frozenset(map(chr, (*range(0x20), 0x7F)))
# The rules that search, and what a line has that may need them.
_SIGNS = [
    (_LOOSE_THING, re.compile("-")),
    (_EMAIL, re.compile("@")),
    (_SITE, re.compile(r"\.(?:com|net|org|edu)", re.IGNORECASE)),
    (_FILE, re.compile(rf"\.(?:{_any_of(FILE_ENDINGS)})(?![A-Za-z0-9])", re.IGNORECASE)),
    (_DECLARATION, re.compile("<[!?]")),
]


def _rules_at(character: str) -> list[Rule]:
    if character.isalpha() or character in "\u0301\xad":
        rules = [*_LETTERS, _WWW] if character in "wW" else _LETTERS
        return [*rules, _URL] if character in "hH" else rules
    if character in "0123456789٠":
        return [*_NUMBERS, _THING, _EITHER_OR, _BEFORE_COMMA]
    return _OTHERS.get(character, [])


_RULES = {chr(code): _rules_at(chr(code)) for code in range(0x80)} | {c: _rules_at(c) for c in "éê٠\u0301\xad’‘“٬²"}


def cut(line: str, following: str) -> list[str]:
    """The tokens of a line without its punctuation.

    `following` is what follows the line: nothing, or a newline and the beginning of a text; it is only looked at.
    """
    if "&" in line:
        line = _HIDDEN_ENTITY.sub(lambda entity: _HIDDEN.get(entity[0], "\xa0"), line.replace(_APOS, " "))
    text = line + following
    shape = shape_of(text)
    searching = [rule for rule, sign in _SIGNS if sign.search(line)]
    failed_until = dict.fromkeys(searching, 0)
    tokens: list[str] = []
    at, end = 0, len(line)
    while at < end:
        if plain := _PLAIN_WORD.match(shape, at):
            at = plain.end()
            tokens.append(plain[0].lower())
            continue
        if gap := _GAP.match(shape, at):
            at = gap.end()
            continue
        character = shape[at]
        best: re.Match[str] | None = None
        write: Callable[[str], str] = _as_word
        for rule in _RULES.get(character, ()):
            match = rule.pattern.match(shape, at)
            if match and (best is None or match.end() > best.end()):
                best, write = match, rule.write
        for search in searching:
            if at < failed_until[search] or character not in search.first:
                continue
            match = search.rule.pattern.match(shape, at)
            if match is None:
                stretch = search.stretch.match(shape, at)
                failed_until[search] = stretch.end() if stretch else at
            elif best is None or match.end() > best.end():
                best, write = match, search.rule.write
        if best is None:
            token = "" if character in _DROPPED else WRITTEN.get(text[at], text[at])
            at += 1
        else:
            start, at = best.span(best.lastindex or 0)
            token = write(text[start:at])
        if token and token not in _DROPPED:
            tokens.append(token.replace(_APOS, "&apos;") if _APOS in token else token)
    return tokens
