"""BLEU and CIDEr-D agree with the published evaluation's own programs on the same words."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pictell.metrics import Bleu, CiderD, plain_tokens

published_bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
published_cider = pytest.importorskip("pycocoevalcap.cider.cider")

Caption = list[str]
Corpus = list[tuple[list[Caption], Caption]]

# Few words, so that n-grams meet often and repeat within a caption.
captions = st.lists(st.sampled_from(["a", "dog", "runs", "on", "the", "grass"]), max_size=9)
corpora = st.lists(st.tuples(st.lists(captions, min_size=1, max_size=4), captions), min_size=1, max_size=6)


def published_input(corpus: Corpus) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    references = {image: [" ".join(words) for words in own] for image, (own, _) in enumerate(corpus)}
    return references, {image: [" ".join(words)] for image, (_, words) in enumerate(corpus)}


def assert_bleu_agrees(corpus: Corpus) -> None:
    theirs, theirs_per_image = published_bleu.Bleu(4).compute_score(*published_input(corpus), verbose=0)
    ours, ours_per_image = Bleu([own for own, _ in corpus]).score([words for _, words in corpus])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.transpose(ours_per_image), theirs_per_image, rtol=0, atol=1e-12)


def assert_cider_agrees(corpus: Corpus) -> None:
    theirs, theirs_per_image = published_cider.Cider().compute_score(*published_input(corpus))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CIDEr-D of one image", UserWarning)
        ours, ours_per_image = CiderD([own for own, _ in corpus]).score([words for _, words in corpus])
    assert ours == pytest.approx(theirs, rel=0, abs=1e-12)
    np.testing.assert_allclose(ours_per_image, theirs_per_image, rtol=0, atol=1e-12)


@given(corpora)
def test_bleu_of_any_corpus(corpus: Corpus) -> None:
    assert_bleu_agrees(corpus)


@given(corpora)
def test_cider_of_any_corpus(corpus: Corpus) -> None:
    assume(any(words for own, _ in corpus for words in own))  # the published program fails where all are empty
    assert_cider_agrees(corpus)


def test_people_scored_against_each_other(shared_data: Path) -> None:
    """The first caption of each Flickr8k test photo, scored against the other four."""
    folder = shared_data / "flickr8k" / "Flickr8k_text"
    said: dict[str, list[Caption]] = {}
    for line in (folder / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        name, text = line.split("\t")
        said.setdefault(name.partition("#")[0], []).append(plain_tokens(text))
    photos = (folder / "Flickr_8k.testImages.txt").read_text(encoding="utf-8").split()
    corpus = [(said[photo][1:], said[photo][0]) for photo in photos]
    assert len(corpus) == 1000
    assert_bleu_agrees(corpus)
    assert_cider_agrees(corpus)
