"""Fitting probabilities: they mean what they say, on captions that they were not fitted to."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pictell.confidence import FEATURES, Acceptable, Calibration
from pictell.confidence.calibration import held_out_confidence
from pictell.confidence.logistic import fit_logistic, sigmoid
from pictell.confidence.measures import (
    auroc,
    expected_calibration_error,
    mean_when_withholding,
    reliability,
)
from pictell.errors import BundleError, PictellError
from pictell.types import BANDS, Caption, band_of

ABOVE = Acceptable("CIDEr-D", 0.0, "flickr8k", "dev", 400)


def captions(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Evidence of which two features matter, one never varies, and the rest are noise; quality; true probabilities."""
    random = np.random.default_rng(seed)
    evidence = random.normal(size=(count, len(FEATURES))) * 3 + 5
    evidence[:, 5] = 0.0
    expected = (evidence[:, 0] - 5) / 3 * 1.2 - (evidence[:, 2] - 5) / 3 * 0.6
    return evidence, expected + random.logistic(size=count), sigmoid(expected)


def test_a_fit_finds_the_probabilities() -> None:
    evidence, quality, _ = captions(2000, 0)
    calibration = Calibration.fit(evidence, quality, ABOVE)
    others, happened, true = captions(2000, 1)
    said = np.array([calibration.confidence(own) for own in others])
    assert np.abs(said - true).mean() < 0.03
    assert expected_calibration_error(said, happened > 0) < 0.04
    assert auroc(said, happened > 0) > 0.75
    assert calibration.weights[5] == pytest.approx(0.0, abs=1e-9)


def test_only_the_order_of_qualities_counts_beside_the_bound() -> None:
    evidence, quality, _ = captions(200, 2)
    one, other = (Calibration.fit(evidence, values, ABOVE) for values in (quality, np.sinh(quality)))
    np.testing.assert_allclose(one.weights, other.weights)


def test_the_logistic_function_is_scipys_minimum() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(2)
    scores = random.normal(size=100)
    outcomes = (random.random(100) < sigmoid(2 * scores - 1)).astype(float)

    def loss(both: NDArray[np.float64]) -> float:
        given = both[0] * scores + both[1]
        return float(np.logaddexp(0, given).sum() - given @ outcomes + 1e-3 / 2 * (both**2).sum())

    np.testing.assert_allclose(fit_logistic(scores, outcomes), optimize.minimize(loss, np.zeros(2)).x, atol=1e-3)
    slope, _ = fit_logistic(np.array([-1.0, 1.0] * 20), np.array([0.0, 1.0] * 20))
    assert np.isfinite(slope)
    assert slope > 3


def test_confidence_left_out_is_not_fitted() -> None:
    """On evidence that tells nothing, a fit knows its own captions by heart and those left out not at all."""
    random = np.random.default_rng(3)
    evidence, quality = random.normal(size=(60, len(FEATURES))), random.normal(size=60)
    calibration = Calibration.fit(evidence, quality, ABOVE)
    by_heart = auroc(evidence @ calibration.weights, quality > 0)
    left_out = held_out_confidence(evidence, quality, ABOVE)
    assert left_out.shape == (60,)
    assert abs(by_heart - 0.5) > abs(auroc(left_out, quality > 0) - 0.5)


def test_few_or_like_captions_are_refused() -> None:
    evidence, quality, _ = captions(40, 4)
    for own in (quality[:19], np.ones(40)):
        with pytest.raises(PictellError, match="cannot be fitted"):
            Calibration.fit(evidence[: len(own)], own, ABOVE)


def test_what_is_written_is_read() -> None:
    evidence, quality, _ = captions(100, 5)
    calibration = Calibration.fit(evidence, quality, ABOVE)
    read = Calibration.from_json(calibration.to_json())
    assert read is not None
    assert read.acceptable == ABOVE
    assert [read.confidence(e) for e in evidence] == pytest.approx(
        [calibration.confidence(e) for e in evidence], abs=1e-4
    )
    assert read.to_json() == calibration.to_json()


def test_the_features_of_another_version_give_no_confidence() -> None:
    evidence, quality, _ = captions(100, 5)
    content = json.loads(Calibration.fit(evidence, quality, ABOVE).to_json())
    assert Calibration.from_json(json.dumps(content | {"features": ["something new"]})) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.sampled_from(["acceptable", "features", "mean", "scale", "weights", "bias"]),
    JSON | st.just([0.0] * len(FEATURES)),
)
def test_damaged_calibrations_are_errors_of_ours(name: str, value: object) -> None:
    evidence, quality, _ = captions(60, 6)
    whole = json.loads(Calibration.fit(evidence, quality, ABOVE).to_json())
    for content in (whole | {name: value}, {key: whole[key] for key in whole if key != name}, value):
        try:
            read = Calibration.from_json(json.dumps(content))
        except BundleError:
            continue
        assert read is None or 0 <= read.confidence(evidence[0]) <= 1


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"calibration\.json"):
        Calibration.from_json(content)


def test_bands_cover_all_confidences() -> None:
    assert Caption("a dog", -1.0, "m@1").band is None
    assert [band_of(confidence) for confidence in (0.0, 0.39, 0.4, 0.64, 0.65, 1.0)] == [
        "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip
    assert list(BANDS.values()) == sorted(BANDS.values())


def test_auroc_counts_pairs() -> None:
    random = np.random.default_rng(7)
    scores, good = random.integers(0, 5, 30), random.random(30) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[good] for b in scores[~good]]
    assert auroc(scores, good) == pytest.approx(np.mean(pairs))
    assert np.isnan(auroc(scores, np.ones(30)))


def test_calibration_error_is_the_gap() -> None:
    assert expected_calibration_error([0.25] * 4, [0, 0, 0, 1]) == 0
    assert expected_calibration_error([0.95] * 2 + [0.05] * 2, [0, 0, 0, 0]) == pytest.approx((0.95 + 0.05) / 2)
    bins = reliability([0.0, 0.04, 1.0], [0, 1, 1])
    assert [(own.count, own.acceptable) for own in bins] == [(2, 0.5), (1, 1.0)]


def test_withholding_leaves_the_surest() -> None:
    np.testing.assert_allclose(mean_when_withholding([0.1, 0.9, 0.5], [1.0, 5.0, 3.0]), [3.0, 4.0, 5.0])
