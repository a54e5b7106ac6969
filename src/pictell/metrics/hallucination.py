"""Objects that are not there: CHAIR (Rohrbach et al. 2018, "Object hallucination in image captioning").

The 80 object categories are COCO's; the words for them are this project's own, in `objects.txt`. There is one difference
from the paper: an object counts as being in the picture where a reference names it, and no list of the photo's annotated
objects is looked at. Objects that nobody thought worth a word therefore count as hallucinated, so these numbers stand
above the published ones, and compare systems on the same references only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby

from pictell.errors import PictellError
from pictell.metrics import ptb

VERSION = "pictell-chair 1"

_NOTHING = "nothing"
_YOUNG = "young"
_SIBILANTS = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True)
class Hallucination:
    """What `hallucination` found.

    Candidates name objects `mentions` times, `hallucinated` of them in no reference; `chair_i` is the share of these
    and `chair_s` the share of candidates with at least one, both 0..1. `per_image` has each id's hallucinated
    categories, in the order of the caption and as often as they are named.
    """

    chair_i: float
    chair_s: float
    mentions: int
    hallucinated: int
    per_image: dict[str, tuple[str, ...]]
    version: str = f"{VERSION}, tokens {ptb.VERSION}"


class Objects:
    """Finds the objects that a caption names. `text` is a list in the layout that `objects.txt` explains.

    Raises `PictellError` (`"objects"`) where a line is not in that layout or a word is in two categories; a category goes
    before `nothing`, so that a list may be joined with another that knows more.
    """

    def __init__(self, text: str) -> None:
        self._phrases: dict[tuple[str, ...], str] = {}
        self._categories: list[str] = []
        young: list[str] = []
        for number, head, phrases in _entries(text):
            category = head.removesuffix("*")
            if category == _YOUNG:
                young = phrases
                continue
            if category != _NOTHING:
                self._categories.append(category)
            before = [(), *(tuple(phrase.split()) for phrase in young)] if head != category else [()]
            for form in (form for phrase in phrases for form in _forms(phrase)):
                for words in (start + form for start in before):
                    known = self._phrases.setdefault(words, category)
                    if known == _NOTHING:  # until a category has it
                        self._phrases[words] = category
                    elif category not in (known, _NOTHING):
                        raise PictellError(
                            "objects",
                            f"line {number} of the objects: {' '.join(words)!r} stands for {known} as well",
                        )
        self._longest: dict[str, int] = {}  # of the phrases that begin with a word
        for words in self._phrases:
            self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order of the list."""
        return tuple(self._categories)

    def named(self, caption: str) -> list[str]:
        """The categories of the objects that a caption names, one for each time. The longest phrase wins.

        Words for one category side by side name one object, as in "police officer" or "toddler boy".
        """
        words = [part for word in ptb.ptb_tokens([caption])[0] for part in word.split("-")]
        met: list[str] = []  # a category, or `_NOTHING`, for each phrase or word
        at = 0
        while at < len(words):
            category, length = self._at(words, at)
            met.append(category)
            at += length
        return [category for category, _ in groupby(met) if category != _NOTHING]

    def _at(self, words: Sequence[str], at: int) -> tuple[str, int]:
        """What the longest phrase at a place stands for, and its length."""
        for length in range(min(self._longest.get(words[at], 0), len(words) - at), 0, -1):
            category = self._phrases.get(tuple(words[at : at + length]))
            if category is not None:
                return category, length
        return _NOTHING, 1


@cache
def everyday_objects() -> Objects:
    """The 80 categories of COCO and this project's words for them."""
    return Objects(resources.files("pictell.metrics").joinpath("objects.txt").read_text(encoding="utf-8"))


def hallucination(
    references: Mapping[str, Sequence[str]], candidates: Mapping[str, str], objects: Objects | None = None
) -> Hallucination:
    """Count the objects that candidates name and none of their image's references does.

    Every id of `candidates` must be among `references`. The words are English; `objects` is `everyday_objects()` if
    `None`.
    """
    objects = objects or everyday_objects()
    mentions = 0
    per_image: dict[str, tuple[str, ...]] = {}
    for key, candidate in candidates.items():
        named = objects.named(candidate)
        there = {category for reference in references[key] for category in objects.named(reference)} if named else set()
        mentions += len(named)
        per_image[key] = tuple(category for category in named if category not in there)
    hallucinated = sum(map(len, per_image.values()))
    return Hallucination(
        chair_i=hallucinated / mentions if mentions else 0.0,
        chair_s=sum(map(bool, per_image.values())) / len(per_image) if per_image else 0.0,
        mentions=mentions,
        hallucinated=hallucinated,
        per_image=per_image,
    )


def _entries(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each entry's line number, what stands before its colon, and its phrases."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].rstrip()
        if content.startswith(" ") and lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + content)
        elif content:
            lines.append((number, content))
    for number, line in lines:
        head, colon, listed = line.partition(":")
        if not colon:
            raise PictellError("objects", f"line {number} of the objects: expected CATEGORY: WORD, WORD ...")
        yield number, head, [phrase.strip() for phrase in listed.split(",") if phrase.strip(" !")]


def _forms(phrase: str) -> list[tuple[str, ...]]:
    """A phrase as it is and in the plural, unless a `!` says that it has none."""
    words = tuple(phrase.removesuffix("!").split())
    if phrase.endswith("!"):
        return [words]
    last = words[-1]
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        plural = f"{last[:-1]}ies"
    else:
        plural = f"{last}es" if last.endswith(_SIBILANTS) else f"{last}s"
    return [words, (*words[:-1], plural)]
