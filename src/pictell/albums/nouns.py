"""The things that a caption names, as keywords."""

from __future__ import annotations

from functools import cache
from importlib import resources

from pictell.metrics.hallucination import Objects


def nouns_of(caption: str) -> list[str]:
    """The keywords of an English caption, in its order, each once: "two puppies on a beach" has "dog" and "beach".

    Words for one thing have one keyword, so that a search finds them together: the categories of `metrics/objects.txt`
    (people are all "person", whatever gender or age the caption says), and for places, nature, food, clothes and games those of
    `nouns.txt`. A word in neither gives none.
    """
    return list(dict.fromkeys(_things().named(caption)))


@cache
def _things() -> Objects:
    objects = resources.files("pictell.metrics").joinpath("objects.txt").read_text(encoding="utf-8")
    others = resources.files("pictell.albums").joinpath("nouns.txt").read_text(encoding="utf-8")
    return Objects(f"{objects}\n{others}")
