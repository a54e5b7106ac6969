"""The Penn Treebank tokeniser beside the Java program it follows; where Java and pycocoevalcap are there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.metrics.ptb import ptb_tokens

Tokenise = Callable[[list[str]], list[list[str]]]

if shutil.which("java") is None:
    pytest.skip("Java is not on this machine", allow_module_level=True)
pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed")


@pytest.fixture(scope="module")
def oracle() -> Tokenise:
    from pycocoevalcap.tokenizer import ptbtokenizer

    def tokenise(captions: list[str]) -> list[list[str]]:
        by_place = {place: [{"caption": caption}] for place, caption in enumerate(captions)}
        tokens = ptbtokenizer.PTBTokenizer().tokenize(by_place)
        assert len(tokens) == len(captions)
        return [[token for token in tokens[place][0].split(" ") if token] for place in by_place]

    return tokenise


def _differing(captions: list[str], oracle: Tokenise) -> list[tuple[str, list[str], list[str]]]:
    """Captions whose tokens differ, with the reference's and ours."""
    both = zip(captions, oracle(captions), ptb_tokens(captions), strict=True)
    return [(caption, theirs, ours) for caption, theirs, ours in both if theirs != ours]


@pytest.fixture(scope="module")
def coco_captions(coco_annotations: list[dict[str, Any]]) -> list[str]:
    """A thousand neighbouring captions of COCO val2014 from each of three places, and all that are anything but plain."""
    captions = [annotation["caption"] for annotation in coco_annotations]
    unusual = [caption for caption in captions if set(caption) & set("'\"/:;?&!)(#$=[`\\>]@+_*%")]
    return [*captions[:1000], *captions[100_000:101_000], *captions[-1000:], *unusual]


def test_coco_captions(coco_captions: list[str], oracle: Tokenise) -> None:
    assert _differing(coco_captions, oracle) == []


@pytest.mark.shared
def test_flickr8k_captions(shared_data: Path, oracle: Tokenise) -> None:
    lines = (shared_data / "flickr8k" / "Flickr8k_text" / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines()
    assert _differing([line.split("\t", 1)[1] for line in lines[::10]], oracle) == []


PIECES = (
    "a b dog Dog DOG The the A B it don't he's dogs' St. st. mr. Mr. U.S. T.V. t.v 5 12 123 1,000 5.5 1/2 t-shirt and/or "
    "cannot gonna Ave. etc. no. o'clock 'n' y'all O'Brien LA La. p.m. 4:06pm $5 #1 50% café it’s “hi” '90s 1950's "
    "www.foo.com a@b.com ... .. ! ? !! ( ) [ ] \" ' ` `` '' - -- / & AT&T M&M's :) ;) <b> </b> &amp; + = * @ # _ ~ : ; , ."
)


@pytest.mark.parametrize("glue", [" ", ""])
def test_pieces_put_together_at_random(glue: str, oracle: Tokenise) -> None:
    source, pieces = random.Random(20141225), PIECES.split()
    captions = [
        "".join(source.choice(pieces) + source.choice([glue, " "]) for _ in range(source.randint(1, 7)))
        for _ in range(1000)
    ]
    differing = _differing(captions, oracle)
    assert len(differing) <= 3, differing
