from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics import CiderD

Corpus = list[tuple[list[list[str]], list[str]]]

captions = st.lists(st.sampled_from("abcdef"), max_size=9)
corpora = st.lists(st.tuples(st.lists(captions, min_size=1, max_size=4), captions), min_size=2, max_size=6)


def split(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


def test_identical_captions_score_ten() -> None:
    scorer = CiderD([split("a dog runs over grass"), split("two people sit down here")])
    assert scorer.score(split("a dog runs over grass", "two people sit down here")) == (
        pytest.approx(10),
        pytest.approx([10, 10]),
    )


def test_two_words_have_no_longer_ngrams_to_share() -> None:
    # Cosines 1, 1, 0, 0: a quarter of ten for each order that is there.
    assert CiderD([split("a b"), split("c d")]).score(split("a b", "c x"))[1][0] == pytest.approx(5)


def test_clipping_and_length_worked_by_hand() -> None:
    # "a" against "a b": clipped to 1 of 4; norms 4 and sqrt 2; one bigram against three, so two apart.
    expected = 10 / 4 * (1 / (4 * math.sqrt(2))) * math.exp(-(2**2) / (2 * 6**2))
    assert CiderD([split("a b"), split("c d")]).score(split("a a a a", "c"))[1][0] == pytest.approx(expected)


def test_rare_words_weigh_more() -> None:
    # Three images; "a" stands in two of them, "b" in one: squared idf of log 1.5 and log 3.
    common, rare = math.log(3 / 2) ** 2, math.log(3) ** 2
    scorer = CiderD([split("a b"), split("a"), split("c")])
    norm = math.sqrt(common + rare)
    gaussian = math.exp(-1 / 72)
    assert scorer.score_images([0, 0], split("a", "b")) == pytest.approx(
        [10 / 4 * gaussian * math.sqrt(common) / norm, 10 / 4 * gaussian * math.sqrt(rare) / norm]
    )


def test_what_every_image_has_weighs_nothing() -> None:
    scorer = CiderD([split("a dog runs", "a cat"), split("a tree"), split("a car stands")])
    assert scorer.score(split("a", "a", "a")) == (0, [0, 0, 0])


def test_the_mean_over_references() -> None:
    scorer = CiderD([split("a b", "x y"), split("c d")])
    assert scorer.score(split("a b", "c d")) == (pytest.approx(3.75), pytest.approx([2.5, 5]))


def test_one_image_warns_and_scores_nothing() -> None:
    with pytest.warns(UserWarning, match="one image"):
        scorer = CiderD([split("a dog runs over grass")])
    assert scorer.score(split("a dog runs over grass")) == (0, [0])


def test_empty_captions_are_like_no_other() -> None:
    assert CiderD([split("", ""), split("a b")]).score(split("", "")) == (0, [0, 0])
    assert CiderD([split(""), split("")]).score(split("a", "")) == (0, [0, 0])


@given(corpora)
def test_scores_are_in_range_and_average_to_the_corpus(corpus: Corpus) -> None:
    whole, per_image = CiderD([own for own, _ in corpus]).score([words for _, words in corpus])
    assert all(0 <= number <= 10 + 1e-9 for number in per_image)
    assert whole == pytest.approx(sum(per_image) / len(corpus))


@given(corpora)
def test_neither_order_of_images_nor_of_references_matters(corpus: Corpus) -> None:
    _, per_image = CiderD([own for own, _ in corpus]).score([words for _, words in corpus])
    backwards = corpus[::-1]
    _, turned = CiderD([own[::-1] for own, _ in backwards]).score([words for _, words in backwards])
    assert turned[::-1] == pytest.approx(per_image)


@given(corpora, st.data())
def test_some_images_score_as_in_the_whole_corpus(corpus: Corpus, data: st.DataObject) -> None:
    scorer = CiderD([own for own, _ in corpus])
    _, per_image = scorer.score([words for _, words in corpus])
    images = data.draw(st.lists(st.integers(0, len(corpus) - 1), max_size=8))
    some = scorer.score_images(images, [corpus[image][1] for image in images])
    assert some == pytest.approx([per_image[image] for image in images])


def test_scoring_again_gives_the_same() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scorer = CiderD([split("a b c"), split("c d e")])
        first = scorer.score(split("a b new", "c new new word"))
        scorer.score(split("other new words", "new"))
        assert scorer.score(split("a b new", "c new new word")) == first


@pytest.mark.parametrize(("references", "kind"), [([], "empty"), ([[["a"]], []], "no-references")])
def test_references_that_cannot_be(references: list[list[list[str]]], kind: str) -> None:
    with pytest.raises(PictellError) as raised:
        CiderD(references)
    assert raised.value.kind == kind


def test_candidates_that_do_not_fit() -> None:
    scorer = CiderD([split("a"), split("b")])
    with pytest.raises(PictellError, match="1 candidates for 2 images"):
        scorer.score(split("a"))
    for image in (-1, 2):
        with pytest.raises(PictellError, match="only images 0 to 1"):
            scorer.score_images([image], split("a"))
