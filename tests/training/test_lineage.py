"""The terms that a model's data bring with them."""

from __future__ import annotations

import pytest

from pictell.data import DATASETS

pytest.importorskip("torch", reason="training is an optional part")

from pictell.training.lineage import terms_of  # after the check that it can be imported


@pytest.mark.parametrize("kind", list(DATASETS))
def test_every_data_set_has_terms(kind: str) -> None:
    terms = terms_of([{"data": {"train": [f"{kind}/train"]}}], [])
    assert terms.startswith("Trained on ")
    assert kind not in terms, "a bare name says nothing of the terms"


def test_terms_of_one_set_in_two_splits_come_once() -> None:
    once = terms_of([{"data": {"train": ["coco-karpathy/train"]}}], [])
    assert terms_of([{"data": {"train": ["coco-karpathy/train+restval", "coco/train2014"]}}], []) == once
    both = terms_of([{"data": {"train": ["coco/train2014", "vizwiz/train"]}}], [])
    assert "COCO" in both
    assert " and VizWiz-Captions" in both
