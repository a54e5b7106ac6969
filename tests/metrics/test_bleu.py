from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics import Bleu

Corpus = list[tuple[list[list[str]], list[str]]]

captions = st.lists(st.sampled_from("abcdef"), max_size=9)
corpora = st.lists(st.tuples(st.lists(captions, min_size=1, max_size=4), captions), min_size=1, max_size=6)


def bleu(references: list[str], candidate: str) -> list[float]:
    corpus, per_image = Bleu([[reference.split() for reference in references]]).score([candidate.split()])
    assert per_image == [corpus]
    return corpus


def test_identical_captions_score_one() -> None:
    text = "a brown dog runs over green grass"
    assert bleu(["two people sit", text], text) == pytest.approx([1, 1, 1, 1], abs=1e-8)


def test_a_word_counts_no_more_often_than_in_one_reference() -> None:
    references = ["the cat is on the mat", "there is a cat on the mat"]
    assert bleu(references, "the the the the the the the")[0] == pytest.approx(2 / 7)


def test_each_word_is_clipped_at_the_reference_that_has_it_most() -> None:
    # "a" twice from the first, "b" twice from the second: all four words match, as do "a a" and "b b" but not "a b".
    scores = bleu(["a a x y", "b b z w"], "a a b b")
    assert scores[:2] == pytest.approx([1, math.sqrt(2 / 3)])


def test_geometric_mean_of_the_precisions() -> None:
    # Of "a b c d x": 4 of 5 words, 3 of 4 pairs, 2 of 3 triples and 1 of 2 quadruples match.
    products = [4 / 5, 3 / 5, 2 / 5, 1 / 5]
    expected = [product ** (1 / order) for order, product in enumerate(products, start=1)]
    assert bleu(["a b c d e"], "a b c d x") == pytest.approx(expected)


def test_a_caption_half_as_long_pays_for_its_brevity() -> None:
    assert bleu(["a b c d"], "a b")[:2] == pytest.approx([math.exp(-1), math.exp(-1)])


def test_the_reference_nearest_in_length_counts() -> None:
    assert bleu(["a b c d e f g h", "a b c"], "a b c")[0] == pytest.approx(1)


def test_of_two_equally_near_references_the_shorter_counts() -> None:
    assert bleu(["a b c d", "a b"], "a b c")[0] == pytest.approx(1)


def test_an_empty_candidate_scores_nothing() -> None:
    assert bleu(["a b"], "") == pytest.approx([0, 0, 0, 0])


def test_the_corpus_sums_counts_rather_than_averaging_images() -> None:
    references = [[["a", "b", "c"]], [["d"]]]
    corpus, per_image = Bleu(references).score([["a", "b", "c"], ["x"]])
    assert corpus[0] == pytest.approx(3 / 4)
    assert [image[0] for image in per_image] == pytest.approx([1, 0])


@given(corpora)
def test_scores_are_shares(corpus: Corpus) -> None:
    whole, per_image = Bleu([own for own, _ in corpus]).score([words for _, words in corpus])
    assert len(whole) == 4
    assert len(per_image) == len(corpus)
    assert all(0 <= number <= 1 + 1e-9 for numbers in [whole, *per_image] for number in numbers)


@given(corpora)
def test_neither_order_of_images_nor_of_references_matters(corpus: Corpus) -> None:
    whole, per_image = Bleu([own for own, _ in corpus]).score([words for _, words in corpus])
    backwards = corpus[::-1]
    turned, turned_per_image = Bleu([own[::-1] for own, _ in backwards]).score([words for _, words in backwards])
    assert turned == whole
    assert turned_per_image == per_image[::-1]


def test_scoring_again_gives_the_same() -> None:
    scorer = Bleu([[["a", "b"]], [["c", "d", "e"]]])
    first = scorer.score([["a", "b"], ["c", "new", "word"]])
    scorer.score([["another", "new"], ["word", "word", "word", "word"]])
    assert scorer.score([["a", "b"], ["c", "new", "word"]]) == first


@pytest.mark.parametrize(("references", "kind"), [([], "empty"), ([[["a"]], []], "no-references")])
def test_references_that_cannot_be(references: list[list[list[str]]], kind: str) -> None:
    with pytest.raises(PictellError) as raised:
        Bleu(references)
    assert raised.value.kind == kind


def test_too_few_candidates() -> None:
    with pytest.raises(PictellError, match="1 candidates for 2 images") as raised:
        Bleu([[["a"]], [["b"]]]).score([["a"]])
    assert raised.value.kind == "missing-candidates"
