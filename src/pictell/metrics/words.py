"""The words of many images' captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from pictell.metrics.ptb import ptb_tokens


def split_captions(captions: Iterable[Sequence[str]]) -> list[list[list[str]]]:
    """Split the captions of each image by `ptb_tokens`, all of them in a row, for one's tokens can depend on the next."""
    images = [list(own) for own in captions]
    split = iter(ptb_tokens(list(chain.from_iterable(images))))
    return [list(islice(split, len(own))) for own in images]


def parted(captions: list[list[list[str]]]) -> list[list[list[str]]]:
    """Part the tokens that hold a no-break space (`22 3/4`) there, as the published BLEU and CIDEr see them."""
    tokens = set(chain.from_iterable(chain.from_iterable(captions)))
    if "\N{NO-BREAK SPACE}" not in "".join(tokens):
        return captions
    return [[" ".join(words).split() for words in own] for own in captions]
