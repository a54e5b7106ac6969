"""The words of many images' captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from pictell.metrics.ptb import NO_BREAK_SPACE, ptb_lines, tokens_of


def split_captions(captions: Iterable[Sequence[str]]) -> list[list[list[str]]]:
    """The tokens of each caption of each image, taken in a row as `caption_lines` takes them."""
    return [[tokens_of(line) for line in own] for own in caption_lines(captions)]


def caption_lines(captions: Iterable[Sequence[str]]) -> list[list[str]]:
    """The `ptb_lines` of each image's captions, all of them in a row, for one's tokens can depend on the next."""
    images = [list(own) for own in captions]
    lines = iter(ptb_lines(list(chain.from_iterable(images))))
    return [list(islice(lines, len(own))) for own in images]


def parted(captions: list[list[list[str]]]) -> list[list[list[str]]]:
    """Part the tokens that hold a no-break space (`22 3/4`) there, as the published BLEU and CIDEr see them."""
    tokens = set(chain.from_iterable(chain.from_iterable(captions)))
    if NO_BREAK_SPACE not in "".join(tokens):
        return captions
    return [[" ".join(words).split() for words in own] for own in captions]
