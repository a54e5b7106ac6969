from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pictell.errors import PictellError
from pictell.metrics import METRICS, Bleu, CiderD, plain_tokens, score

REFERENCES = {
    "dog": ["A dog runs over the grass.", "A brown dog's running."],
    "cat": ["A cat sleeps on a chair.", "The cat is asleep!"],
    "car": ["A red car is parked in a street."],
}
CANDIDATES = {"car": "a car in a street", "dog": "A dog runs on the grass", "cat": ""}


def refused(references: Mapping[str, Any], candidates: Mapping[str, Any], *metrics: str) -> PictellError:
    with pytest.raises(PictellError) as raised:
        score(references, candidates, metrics or METRICS)
    assert "\n" not in raised.value.message
    return raised.value


def test_every_score_of_corpus_and_images() -> None:
    names = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "CIDEr-D"]
    scores = score(REFERENCES, CANDIDATES)
    assert list(scores.corpus) == names
    assert list(scores.versions) == names
    assert list(scores.per_image) == ["dog", "cat", "car"]
    assert all(list(image) == names for image in scores.per_image.values())
    assert scores.versions["BLEU-4"] == "pictell-bleu 1, tokens plain-1"
    assert scores.versions["CIDEr-D"] == "pictell-cider-d 1, tokens plain-1"


def test_the_numbers_are_those_of_the_metrics_on_plain_tokens() -> None:
    references = [[plain_tokens(text) for text in texts] for texts in REFERENCES.values()]
    candidates = [plain_tokens(CANDIDATES[key]) for key in REFERENCES]
    scores = score(REFERENCES, CANDIDATES)
    bleu, bleu_per_image = Bleu(references).score(candidates)
    cider, cider_per_image = CiderD(references).score(candidates)
    assert list(scores.corpus.values()) == [*bleu, cider]
    assert [list(image.values()) for image in scores.per_image.values()] == [
        [*own_bleu, own_cider] for own_bleu, own_cider in zip(bleu_per_image, cider_per_image, strict=True)
    ]
    assert scores.per_image["dog"]["CIDEr-D"] > scores.per_image["cat"]["CIDEr-D"] == 0


def test_the_order_of_ids_and_case_and_punctuation_do_not_matter() -> None:
    turned = {key: [text.upper() for text in REFERENCES[key]] for key in reversed(REFERENCES)}
    shouted = {key: text.upper() + " !" for key, text in CANDIDATES.items()}
    scores, again = score(REFERENCES, CANDIDATES), score(turned, shouted)
    assert again.corpus == pytest.approx(scores.corpus)
    for key, image in scores.per_image.items():
        assert again.per_image[key] == pytest.approx(image)


@pytest.mark.parametrize("metrics", [["CIDEr-D"], ("CIDEr-D", "CIDEr-D"), "CIDEr-D"])
def test_only_what_is_asked_for(metrics: Sequence[str]) -> None:
    scores = score(REFERENCES, CANDIDATES, metrics)
    assert list(scores.corpus) == list(scores.versions) == ["CIDEr-D"]


def test_one_image_warns_that_cider_is_nothing() -> None:
    with pytest.warns(UserWarning, match="CIDEr-D of one image"):
        scores = score({"dog": ["a dog"]}, {"dog": "a dog"})
    assert scores.corpus["CIDEr-D"] == 0
    assert scores.corpus["BLEU-2"] == pytest.approx(1)


def test_unknown_metrics() -> None:
    error = refused(REFERENCES, CANDIDATES, "BLEU", "WER")
    assert error.kind == "unknown-metric"
    assert "'WER'" in error.message
    assert "BLEU, CIDEr-D" in error.message
    with pytest.raises(PictellError, match="no metric named"):
        score(REFERENCES, CANDIDATES, [])


def test_nothing_to_score() -> None:
    assert refused({}, {}).kind == "empty"


def test_ids_without_references() -> None:
    error = refused({**REFERENCES, "bird": []}, {**CANDIDATES, "bird": "a bird"})
    assert error.kind == "no-references"
    assert "'bird'" in error.message
    error = refused(REFERENCES, {**CANDIDATES, **{f"more {number}": "a" for number in range(5)}})
    assert error.kind == "no-references"
    assert error.message.endswith("'more 0', 'more 1', 'more 2' and 2 more")


def test_ids_without_a_candidate() -> None:
    error = refused(REFERENCES, {"dog": "a dog"})
    assert error.kind == "missing-candidates"
    assert "'cat', 'car'" in error.message


@pytest.mark.parametrize("references", ["a dog", None, [1], [["a", "dog"]]])
def test_references_that_are_no_captions(references: object) -> None:
    error = refused({**REFERENCES, "dog": references}, CANDIDATES)
    assert error.kind == "not-text"
    assert "'dog'" in error.message


@pytest.mark.parametrize("candidate", [None, ["a dog"], 3])
def test_candidates_that_are_no_caption(candidate: object) -> None:
    error = refused(REFERENCES, {**CANDIDATES, "dog": candidate})
    assert error.kind == "not-text"
    assert "'dog'" in error.message


def test_the_metrics_need_no_model() -> None:
    heavy = "import sys, pictell.metrics; print({'torch', 'onnxruntime', 'PIL'} & sys.modules.keys())"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", heavy], env=env, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
