from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics import CiderD, DocumentFrequencies
from pictell.metrics.ngrams import References

captions = st.lists(st.sampled_from("abcdef"), max_size=9)
corpora = st.lists(st.tuples(st.lists(captions, min_size=1, max_size=4), captions), min_size=2, max_size=6)


def test_counted_by_hand() -> None:
    found = DocumentFrequencies.of([[["a", "dog"], ["a", "a", "dog"]], [["a"]]], "ptb-1")
    assert found.images == 2
    assert found.counts == {("a",): 2, ("dog",): 1, ("a", "dog"): 1, ("a", "a"): 1, ("a", "a", "dog"): 1}


@given(corpora)
def test_a_corpus_with_its_own_frequencies_scores_as_it_does(corpus: list[tuple[list[list[str]], list[str]]]) -> None:
    references, candidates = [own for own, _ in corpus], [words for _, words in corpus]
    own = DocumentFrequencies.of(references, "ptb-1")
    found = CiderD(References(references, own)).score(candidates)
    assert found[1] == pytest.approx(CiderD(references).score(candidates)[1], abs=1e-12)


def test_words_of_another_corpus_weigh_as_they_do_there() -> None:
    # "a" in 8 of 16 images, "b" in 2, "c" in none: idf log 2, log 8 and log 16. "b" stands in the candidate alone.
    there = DocumentFrequencies(16, {("a",): 8, ("b",): 2}, "ptb-1")
    a, b, c = math.log(2), math.log(8), math.log(16)
    [score] = CiderD(References([[["a", "c"]]], there)).score([["a", "b"]])[1]
    assert score == pytest.approx(10 / 4 * a * a / (math.hypot(a, c) * math.hypot(a, b)))


def test_one_image_scores_with_the_frequencies_of_a_corpus() -> None:
    there = DocumentFrequencies(1000, {("a",): 900}, "ptb-1")
    assert CiderD(References([[["a", "dog", "runs", "here"]]], there)).score([["a", "dog", "runs", "here"]]) == (
        pytest.approx(10),
        pytest.approx([10]),
    )


@given(st.lists(st.lists(captions, min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, references: list[list[list[str]]]) -> None:
    path = tmp_path_factory.mktemp("frequencies") / "df.json"
    found = DocumentFrequencies.of(references, "ptb-1")
    found.save(path)
    assert DocumentFrequencies.load(path) == found


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"a dog": 3}',
        json.dumps({"format": "pictell document frequencies 1", "tokens": "ptb-1", "images": 2, "counts": {"a": 3}}),
        json.dumps(
            {"format": "pictell document frequencies 1", "tokens": "ptb-1", "images": 2, "counts": {"a b c d e": 1}}
        ),
        json.dumps({"format": "pictell document frequencies 1", "tokens": "ptb-1", "images": "2", "counts": {}}),
        json.dumps({"format": "pictell document frequencies 1", "images": 2, "counts": {}}),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "df.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PictellError, match=r"df\.json") as raised:
        DocumentFrequencies.load(path)
    assert "\n" not in raised.value.message
