"""What a search leaves behind, as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pictell.confidence import FEATURES, evidence
from pictell.decoding import Hypothesis


def hypothesis(
    tokens: tuple[int, ...], log_probs: tuple[float, ...], attention: np.ndarray | None = None
) -> Hypothesis:
    return Hypothesis(tokens, sum(log_probs), log_probs, sum(log_probs), attention)


def measured(found: list[Hypothesis]) -> dict[str, float]:
    return dict(zip(FEATURES, evidence(found).tolist(), strict=True))


def test_features_are_what_they_say() -> None:
    attention = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]], dtype=np.float32)
    best = hypothesis((5, 9), (-1.0, -3.0, -5.0), attention)
    found = measured([best, hypothesis((5, 7), (-2.0, -2.0, -2.0)), hypothesis((5, 9), (-4.0, -4.0, -4.0))])
    assert found["mean_log_prob"] == pytest.approx(-3.0)
    assert found["lowest_log_prob"] == -3.0, "the end is no word"
    assert found["words"] == 2
    assert found["mean_log_prob_of_all"] == pytest.approx((-3 - 2 - 4) / 3)
    assert found["agreement"] == pytest.approx((0.5 + 1.0) / 2)
    assert found["attention_entropy"] == pytest.approx(np.log(4) / 2)
    assert found["rarest_word"] == pytest.approx(np.log(9))
    assert found["rare_and_sure"] == pytest.approx(np.log(5) * np.exp(-1) + np.log(9) * np.exp(-3))


def test_a_caption_alone_or_empty_has_features_too() -> None:
    alone = measured([hypothesis((4,), (-1.0, -1.0))])
    assert (alone["agreement"], alone["attention_entropy"]) == (1.0, 0.0)
    empty = evidence([hypothesis((), (-0.5,)), hypothesis((), (-0.5,))])
    assert np.isfinite(empty).all()
