"""BLEU, ROUGE-L and CIDEr-D agree with the published evaluation's own programs, on the same words and from text on."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pictell.metrics import Bleu, CiderD, RougeL, score

published_bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
published_cider = pytest.importorskip("pycocoevalcap.cider.cider")
published_rouge = pytest.importorskip("pycocoevalcap.rouge.rouge")

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


def assert_rouge_agrees(corpus: Corpus) -> None:
    theirs, theirs_per_image = published_rouge.Rouge().compute_score(*published_input(corpus))
    ours, ours_per_image = RougeL([own for own, _ in corpus]).score([words for _, words in corpus])
    assert ours == pytest.approx(theirs, rel=0, abs=1e-12)
    np.testing.assert_allclose(ours_per_image, theirs_per_image, rtol=0, atol=1e-12)


@given(corpora)
def test_rouge_of_any_corpus(corpus: Corpus) -> None:
    assert_rouge_agrees(corpus)


# -- the whole way, from text to scores ---------------------------------------------------------------------------


def assert_scores_agree(said: Mapping[str, list[str]]) -> None:
    """The first caption of each image against the others, by the published programs with their Java tokeniser and by ours."""
    if shutil.which("java") is None:
        pytest.skip("the published tokeniser needs Java")
    references = {key: own[1:] for key, own in said.items()}
    candidates = {key: own[0] for key, own in said.items()}
    tokeniser = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    split = tokeniser.tokenize({key: [{"caption": text} for text in own] for key, own in references.items()})
    spoken = tokeniser.tokenize({key: [{"caption": text}] for key, text in candidates.items()})
    bleu, bleu_per_image = published_bleu.Bleu(4).compute_score(split, spoken, verbose=0)
    rouge, rouge_per_image = published_rouge.Rouge().compute_score(split, spoken)
    cider, cider_per_image = published_cider.Cider().compute_score(split, spoken)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CIDEr-D of one image", UserWarning)
        scores = score(references, candidates)
    np.testing.assert_allclose(list(scores.corpus.values()), [*bleu, rouge, cider], rtol=0, atol=1e-9)
    theirs = np.column_stack([*bleu_per_image, rouge_per_image, cider_per_image])
    ours = [list(image.values()) for image in scores.per_image.values()]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("images", [1, 1000, 5000])
def test_coco_captions(coco: dict[str, list[str]], images: int) -> None:
    chosen = sorted(coco)[images : 2 * images]
    assert_scores_agree({key: coco[key] for key in chosen})


def test_flickr8k_captions(shared_data: Path) -> None:
    folder = shared_data / "flickr8k" / "Flickr8k_text"
    said: dict[str, list[str]] = {}
    for line in (folder / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        name, text = line.split("\t")
        said.setdefault(name.partition("#")[0], []).append(text)
    photos = (folder / "Flickr_8k.testImages.txt").read_text(encoding="utf-8").split()
    assert_scores_agree({photo: said[photo] for photo in photos})
