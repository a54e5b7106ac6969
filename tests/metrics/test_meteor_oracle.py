"""METEOR agrees with the published Java program on captions of our own making."""

from __future__ import annotations

import importlib
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from pictell.files import cache_folder
from pictell.metrics import score
from pictell.metrics.meteor import Meteor
from pictell.metrics.meteor.data import MeteorFiles

pytest.importorskip("Stemmer", reason="needs PyStemmer")
pytest.importorskip("pycocoevalcap.meteor.meteor", reason="needs pycocoevalcap")
if shutil.which("java") is None:
    pytest.skip("needs Java", allow_module_level=True)

SUBJECTS = ["a man", "two men", "a woman in a red coat", "some children", "the old dog", "a boy and his dog", "kids"]
VERBS = ["is sitting on", "sits on", "are standing in front of", "ran across", "is riding", "watches", "jump over"]
OBJECTS = ["a sofa", "the couch", "a horse", "the snow-covered street", "the grass", "a bicycle 's wheel", "huge waves"]
ENDS = ["", "in the evening", "with a t-shirt", "near the water", "as others look on", "that is n't far away"]


@pytest.fixture(scope="module")
def pairs() -> list[tuple[list[str], list[list[str]]]]:
    rng = random.Random(7)

    def caption() -> list[str]:
        return " ".join(rng.choice(part) for part in (SUBJECTS, VERBS, OBJECTS, ENDS)).split()

    made = [(caption(), [caption() for _ in range(4)]) for _ in range(300)]
    same = caption()
    odd = [
        (same, [same, caption()]),
        (["zebra"], [["giraffe"]]),
        ([], [caption()]),
        (["a"] * 20, [["a"] * 3]),
        (["the", "the", "the", "a", "a", "a"], [["a", "the", "a", "the"]]),
        (list(reversed(same)), [same]),
        (
            ["-lrb-", "u.s.", "-rrb-", "!!", "mr.", "4:06", "22\xa03/4", "café"],
            [["the", "u.s.", "at", "4:06", "in", "a", "cafe"]],
        ),
    ]
    return made + odd


@pytest.fixture(scope="module")
def published(pairs: list[tuple[list[str], list[list[str]]]]) -> tuple[float, list[float]]:
    meteor = importlib.import_module("pycocoevalcap.meteor.meteor").Meteor()
    references = {i: [" ".join(reference) for reference in own] for i, (_, own) in enumerate(pairs)}
    corpus, per_image = meteor.compute_score(references, {i: [" ".join(words)] for i, (words, _) in enumerate(pairs)})
    return float(corpus), list(per_image)


def test_scores_agree(
    pairs: list[tuple[list[str], list[list[str]]]],
    published: tuple[float, list[float]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = MeteorFiles.installed()
    if not list(cache_folder().glob(f"meteor-en-{files.tag()}-*")):  # do not leave 55 MB in a tester's cache
        monkeypatch.setenv("PICTELL_CACHE", str(tmp_path_factory.mktemp("cache")))
    corpus, per_image = Meteor([references for _, references in pairs]).score([words for words, _ in pairs])
    np.testing.assert_allclose(per_image, published[1], atol=1e-9)
    assert corpus == pytest.approx(published[0], abs=1e-9)


def test_the_folder_of_the_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTELL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_coco_captions(coco: dict[str, list[str]]) -> None:
    """From text to score: the first caption of each of a thousand images against the others."""
    said = {key: coco[key] for key in sorted(coco)[:1000]}
    tokenise = importlib.import_module("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer().tokenize
    references = tokenise({key: [{"caption": text} for text in own[1:]] for key, own in said.items()})
    candidates = tokenise({key: [{"caption": own[0]}] for key, own in said.items()})
    meteor = importlib.import_module("pycocoevalcap.meteor.meteor").Meteor()
    corpus, per_image = meteor.compute_score(references, candidates)
    scores = score({key: own[1:] for key, own in said.items()}, {key: own[0] for key, own in said.items()}, ["METEOR"])
    assert scores.corpus["METEOR"] == pytest.approx(corpus, rel=0, abs=1e-9)
    assert scores.sums["METEOR"].value() == pytest.approx(corpus, rel=0, abs=1e-9)
    np.testing.assert_allclose([image["METEOR"] for image in scores.per_image.values()], per_image, rtol=0, atol=1e-9)
