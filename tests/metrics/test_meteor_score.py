"""METEOR on a small language of our own, and the formula worked by hand."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics.meteor import Meteor, from_statistics
from pictell.metrics.meteor.align import align
from pictell.metrics.meteor.data import MeteorFiles, WordData
from pictell.metrics.meteor.matchers import WordMatcher, base_forms
from pictell.metrics.meteor.normalise import meteor_words
from pictell.metrics.meteor.score import Statistics

PARAPHRASES = [
    ("in front of", "before"),
    ("sits down", "takes a seat"),
    ("glad", "happy"),
    ("big", "huge"),
    ("huge", "big"),
]
SYNSETS = {"sofa": "1", "couch": "1 2", "goose": "3", "bird": "3", "bake": "4", "cook": "4", "bak": "9", "roast": "9"}
IRREGULAR = {"goose": "geese"}
FUNCTION_WORDS = ["the", "a", "on", "of", "in", "is"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> MeteorFiles:
    folder = tmp_path_factory.mktemp("meteor")
    (folder / "data").mkdir()
    with gzip.open(folder / "data" / "paraphrase-en.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"0.1\n{one}\n{other}\n" for one, other in PARAPHRASES)
    with zipfile.ZipFile(folder / "meteor-1.5.jar", "w") as jar:
        jar.writestr("function/english.words", "\n".join(FUNCTION_WORDS) + "\n")
        jar.writestr("synonym/english.synsets", "".join(f"{word}\n{sets}\n" for word, sets in SYNSETS.items()))
        jar.writestr("synonym/english.exceptions", "".join(f"{base}\n{forms}\n" for base, forms in IRREGULAR.items()))
    return MeteorFiles(folder)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICTELL_CACHE", str(folder))
        patch.setitem(sys.modules, "Stemmer", _Stemmer)
        yield folder


class _Stemmer:
    """Takes the place of PyStemmer: plural endings are cut."""

    class Stemmer:
        def __init__(self, language: str) -> None:
            assert language == "english"

        def stemWord(self, word: str) -> str:
            return word.removesuffix("s")


def one(files: MeteorFiles, candidate: str, *references: str) -> float:
    corpus, per_image = Meteor([[reference.split() for reference in references]], files=files).score(
        [candidate.split()]
    )
    assert corpus == pytest.approx(per_image[0], abs=1e-12)
    return corpus


def test_the_same_caption_scores_one(files: MeteorFiles) -> None:
    assert one(files, "a dog on the sofa", "a dog on the sofa") == 1
    assert one(files, "a dog", "a cat sits", "a dog") == 1


def test_nothing_in_common_scores_nothing(files: MeteorFiles) -> None:
    assert one(files, "tree", "lamp") == 0
    assert one(files, "", "a dog") == 0
    assert one(files, "a dog", "") == 0
    assert Meteor([], files=files).score([]) == (0.0, [])


def test_worked_by_hand(files: MeteorFiles) -> None:
    """Two of three words match in one chunk: `a` (function, 0.25) and `dog` (content, 0.75)."""
    precision = (0.25 + 0.75) / (0.25 + 0.75 + 0.75)
    recall = (0.25 + 0.75) / (0.25 + 0.75 + 0.25 + 0.75)
    mean = precision * recall / (0.85 * precision + 0.15 * recall)
    expected = mean * (1 - 0.6 * (1 / 2) ** 0.2)
    assert one(files, "a dog runs", "a dog on grass") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("candidate", "reference", "weight"),
    [
        ("dogs", "dog", 0.6),
        ("sofa", "couch", 0.8),
        ("bird", "geese", 0.8),
        ("cook", "baking", 0.8),
        ("glad", "happy", 0.6),
        ("happy", "glad", 0.6),
        ("before", "in front of", 0.6),
    ],
)
def test_each_matcher_has_its_weight(files: MeteorFiles, candidate: str, reference: str, weight: float) -> None:
    """A sentence of one match is one chunk of whole sentences: no penalty, and precision and recall are the weight."""
    assert one(files, candidate, reference) == pytest.approx(weight, abs=1e-12)


def test_a_match_in_two_ways_needs_company(files: MeteorFiles) -> None:
    """`big` and `huge` are listed both ways round: a contested match, which is taken where it makes no chunk."""
    assert one(files, "big", "huge") == 0
    assert one(files, "big dog", "huge dog") > 0.7


def test_the_corpus_is_scored_by_summed_statistics(files: MeteorFiles) -> None:
    references = [[["a", "tree"], ["a", "dog", "on", "grass"]], [["a", "cat"]], []]
    candidates = [["a", "dog", "runs"], ["a", "cat"], ["a"]]
    meteor = Meteor(references, files=files)
    corpus, per_image = meteor.score(candidates)
    rows = np.array([Statistics(3, 4, 1, 2, 1, 1, 2, 2, 1), Statistics(2, 2, 1, 1, 1, 1, 2, 2, 0), Statistics()])
    np.testing.assert_allclose(meteor.statistics(candidates), rows, atol=1e-12)
    assert per_image == pytest.approx(from_statistics(rows).tolist(), abs=1e-12)
    assert corpus == pytest.approx(from_statistics(rows.sum(axis=0)[None])[0], abs=1e-12)
    assert corpus != pytest.approx(sum(per_image) / 2, abs=1e-3)


def test_no_image_has_no_statistics(files: MeteorFiles) -> None:
    assert Meteor([], files=files).statistics([]).shape == (0, 9)
    assert from_statistics(np.zeros((0, 9))).shape == (0,)


words = st.lists(
    st.sampled_from(
        [
            *["the", "a", "dog", "dogs", "sofa", "couch", "in", "front", "of", "before", "big", "huge", "geese"],
            "é",
            "-lrb-",
        ]
    ),
    max_size=14,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=1, max_size=3), words)
def test_scores_are_shares(files: MeteorFiles, references: list[list[str]], candidate: list[str]) -> None:
    corpus, per_image = Meteor([references], files=files).score([candidate])
    assert 0 <= corpus <= 1
    assert per_image == [pytest.approx(corpus, abs=1e-12)]
    if candidate:
        assert Meteor([[*references, candidate]], files=files).score([candidate])[0] == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_tokens_are_taken(files: MeteorFiles, tokens: list[str]) -> None:
    assert 0 <= Meteor([[tokens]], files=files).score([tokens])[0] <= 1


@given(st.lists(st.tuples(*[st.integers(0, 8), st.integers(1, 3)] * 2, st.integers(0, 3)), max_size=14))
def test_no_word_is_matched_twice(matches: list[tuple[int, int, int, int, int]]) -> None:
    chosen, chunks = align(matches)
    assert set(chosen) <= set(matches)
    assert bool(chunks) == bool(chosen)
    assert chunks <= len(chosen)
    for first, column in ((0, 1), (2, 3)):
        covered = [word for match in chosen for word in range(match[first], match[first] + match[column])]
        assert len(covered) == len(set(covered))
    exact_alone = [
        match for match in matches if not any(_touch(match, other) for other in matches if other is not match)
    ]
    assert set(exact_alone) <= set(chosen)


def _touch(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return any(
        one[first] < other[first] + other[first + 1] and other[first] < one[first] + one[first + 1] for first in (0, 2)
    )


def test_fewest_chunks_are_made() -> None:
    """`a b ... a c` against `a c`: the second `a` is taken, for it makes one chunk with `c`."""
    assert align([(0, 1, 0, 1, 0), (0, 1, 5, 1, 0), (1, 1, 6, 1, 0)]) == ([(0, 1, 5, 1, 0), (1, 1, 6, 1, 0)], 1)


def places(*matches: tuple[int, int, int, int, int]) -> list[tuple[int, int]]:
    return [(match[0], match[2]) for match in align(list(matches))[0]]


def word(reference: int, candidate: int, matcher: int = 0) -> tuple[int, int, int, int, int]:
    return reference, 1, candidate, 1, matcher


def test_the_first_of_equal_words_is_taken() -> None:
    assert places(word(4, 0), word(12, 0)) == [(4, 0)]
    assert places(word(2, 2), word(2, 4)) == [(2, 2)]
    assert places(word(4, 2), word(4, 4), word(0, 2), word(0, 4)) == [(0, 2), (4, 4)]


def test_an_equal_place_burdens_nobody() -> None:
    """A match between equal places adds nothing to those who come after it, so that the later one, open longer, is first."""
    assert places(word(2, 2), word(6, 2)) == [(6, 2)]
    assert places(word(0, 0), word(2, 0), word(6, 0), word(0, 2), word(2, 2), word(6, 2)) == [(0, 0), (6, 2)]


def test_of_equal_chunks_the_first_is_kept() -> None:
    """`a b x a c` against `a b y c`, where the second word may stay in its chunk or begin that of the last."""
    assert places(word(0, 0), word(1, 1), word(2, 2), word(8, 2), word(9, 3)) == [(0, 0), (1, 1), (2, 2), (9, 3)]


def test_an_equal_word_is_tried_before_a_synonym() -> None:
    assert places(word(1, 1, 2), word(8, 1, 2), word(1, 6), word(8, 6), word(4, 0)) == [(4, 0), (8, 6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog 's t-shirt is n't red", "a dog ' s t shirt is n 't red"),
        ("don't", "don 't"),
        ("-lrb- -rrb-", "-lrb- -rrb-"),
        ("4:06 1,000 22\u00a03/4", "4 : 06 1,000 22 3 / 4"),
        ("u.s. mr. smith", "us mr. smith"),
        ("end.", "end ."),
        ("he said -- \u201cwow\u201d !!", 'he said - " wow " ! !'),
        ("a-b-c 90's", "a b-c 90 's"),
        ("CAFÉ", "café"),
    ],
)
def test_words_of_tokens(text: str, expected: str) -> None:
    assert meteor_words(text.split(" ")) == expected.split(" ")


@pytest.mark.parametrize(
    ("word", "bases"),
    [
        ("geese", ("goose",)),
        ("gooses", ("goose",)),
        ("baked", ("bake",)),
        ("cooking", ("cook",)),
        ("cooss", ()),
        ("xs", ()),
    ],
)
def test_base_forms(word: str, bases: tuple[str, ...]) -> None:
    assert base_forms(word, WordData(frozenset(), SYNSETS, {"geese": ("goose",)})) == bases


def test_two_ways_are_two_matches() -> None:
    matcher = WordMatcher(WordData(frozenset(), {"sofa": "1", "sofas": "1"}, {}), lambda word: word.removesuffix("s"))
    matcher.learn(["sofa", "couch"])
    assert matcher.matches({"couch": [0], "sofa": [1, 2]}, ["x", "sofa"]) == [(1, 1, 1, 1, 0), (2, 1, 1, 1, 0)]
    assert matcher.matches({"sofa": [0]}, ["sofas"]) == [(0, 1, 0, 1, 1), (0, 1, 0, 1, 2)]


def test_the_index_is_kept(files: MeteorFiles, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    files.paraphrases(tmp_path, lambda done, whole: calls.append((done, whole)))
    assert calls
    assert calls[-1][0] <= calls[-1][1]
    calls.clear()
    files.paraphrases(tmp_path, lambda done, whole: calls.append((done, whole)))
    assert not calls
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "words.json").read_text(encoding="utf-8"))
    (folder / "keys.npy").write_bytes(b"no array")
    with pytest.raises(PictellError, match="delete it"):
        files.paraphrases(tmp_path)


def test_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(PictellError, match="install pycocoevalcap again"):
        MeteorFiles(tmp_path).tag()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, files: MeteorFiles) -> None:
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    with pytest.raises(PictellError, match=r"pictell\[metrics\]") as caught:
        Meteor([], files=files)
    assert caught.value.kind == "missing-extra"


def test_captions_too_long_to_align_are_refused(files: MeteorFiles) -> None:
    long = ["dog", "runs"] * 500
    assert Meteor([[["a", "dog", "runs"]]], files=files).score([long])[0] > 0
    with pytest.raises(PictellError, match="leave METEOR out") as raised:
        Meteor([[long]], files=files).score([long])
    assert raised.value.kind == "too-long"
