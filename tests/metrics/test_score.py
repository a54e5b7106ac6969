from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pictell.errors import PictellError
from pictell.metrics import METRICS_BY_DEFAULT, Bleu, CiderD, DocumentFrequencies, RougeL, ptb_tokens, score

REFERENCES = {
    "dog": ["A dog runs over the grass.", "A brown dog's running."],
    "cat": ["A cat sleeps on a chair.", "The cat is asleep!"],
    "car": ["A red car is parked in a street."],
}
CANDIDATES = {"car": "a car in a street", "dog": "A dog runs on the grass", "cat": ""}


def refused(references: Mapping[str, Any], candidates: Mapping[str, Any], *metrics: str) -> PictellError:
    with pytest.raises(PictellError) as raised:
        score(references, candidates, metrics or METRICS_BY_DEFAULT)
    assert "\n" not in raised.value.message
    return raised.value


def test_every_score_of_corpus_and_images() -> None:
    names = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]
    scores = score(REFERENCES, CANDIDATES)
    assert list(scores.corpus) == names
    assert list(scores.versions) == names
    assert list(scores.per_image) == ["dog", "cat", "car"]
    assert all(list(image) == names for image in scores.per_image.values())
    assert scores.versions["BLEU-4"] == "pictell-bleu 1, tokens ptb-1"
    assert scores.versions["CIDEr-D"] == "pictell-cider-d 1, tokens ptb-1"


def test_the_numbers_are_those_of_the_metrics_on_ptb_tokens() -> None:
    references = [ptb_tokens(texts) for texts in REFERENCES.values()]
    candidates = ptb_tokens([CANDIDATES[key] for key in REFERENCES])
    scores = score(REFERENCES, CANDIDATES)
    bleu, bleu_per_image = Bleu(references).score(candidates)
    rouge, rouge_per_image = RougeL(references).score(candidates)
    cider, cider_per_image = CiderD(references).score(candidates)
    assert list(scores.corpus.values()) == [*bleu, rouge, cider]
    assert [list(image.values()) for image in scores.per_image.values()] == [
        [*own_bleu, own_rouge, own_cider]
        for own_bleu, own_rouge, own_cider in zip(bleu_per_image, rouge_per_image, cider_per_image, strict=True)
    ]
    assert scores.per_image["dog"]["CIDEr-D"] > scores.per_image["cat"]["CIDEr-D"] == 0


ODD_REFERENCES = {
    **REFERENCES,
    "car": ["A red car is parked.", "22 3/4 cars at 4:06pm (in the U.S.) ??", "plan B", "C is a car. He can't"],
}
ODD_CANDIDATES = {**CANDIDATES, "car": "22 3/4 cars can't (park) at 4:06pm in the U.S."}


def test_scores_follow_from_what_the_images_add_up_to() -> None:
    scores = score(ODD_REFERENCES, ODD_CANDIDATES)
    assert list(scores.sums) == list(scores.corpus)
    for name, own in scores.sums.items():
        assert own.value() == pytest.approx(scores.corpus[name], abs=1e-12)


def test_bleu_of_a_resample_is_that_of_its_images() -> None:
    drawn = ["car", "dog", "dog", "dog"]
    again = score(
        {str(n): ODD_REFERENCES[key] for n, key in enumerate(drawn)},
        {str(n): ODD_CANDIDATES[key] for n, key in enumerate(drawn)},
        ["BLEU"],
    )
    found = score(ODD_REFERENCES, ODD_CANDIDATES, ["BLEU"]).sums
    weights = np.array([[drawn.count(key) for key in ODD_REFERENCES]], dtype=np.float64)
    for name, own in found.items():
        assert own.of_sums(weights @ own.per_image) == pytest.approx([again.corpus[name]], abs=1e-12)


def test_other_weights_of_words() -> None:
    common = DocumentFrequencies(1000, {("a",): 900, ("dog",): 10, ("a", "dog"): 5}, "ptb-1")
    scores = score({"dog": ["a dog"]}, {"dog": "a dog"}, ["CIDEr-D"], document_frequencies=common)
    assert scores.corpus["CIDEr-D"] == pytest.approx(5)
    with pytest.raises(PictellError, match="tokens other-1"):
        score({"dog": ["a dog"]}, {"dog": "a dog"}, document_frequencies=replace(common, tokens="other-1"))


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
    assert "BLEU, METEOR, ROUGE-L, CIDEr-D, CIDEr, SPICE" in error.message
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
