"""From what a search leaves behind to the probability that its caption is acceptable.

A ridge regression on standardised features foretells a caption's place among the others by quality, which tells more than
whether it is acceptable. A logistic function makes a probability of it (Platt 1999, "Probabilistic outputs for support
vector machines"), fitted to captions that the regression was not fitted to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.confidence.evidence import FEATURES
from pictell.confidence.logistic import Floats, fit_logistic, sigmoid
from pictell.errors import BundleError, PictellError

FOLDS = 10
_RIDGE = 40.0
_FEWEST = 2 * FOLDS


@dataclass(frozen=True)
class Acceptable:
    """When a caption counts as acceptable: its `metric` against the photo's references is more than `above`.

    `above` is the median over the `photos` of `split` of the data set `data`, whose references also gave the metric its
    document frequencies.
    """

    metric: str
    above: float
    data: str
    split: str
    photos: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """`sigmoid((evidence - mean) / scale @ weights + bias)`, all (F,) in the order of `FEATURES`."""

    acceptable: Acceptable
    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    @classmethod
    def fit(cls, evidence: Floats, quality: Floats, acceptable: Acceptable) -> Calibration:
        """Fits to N captions: their `evidence` (N, F), and the `quality` (N,) of each by the metric of `acceptable`.

        Raises:
            PictellError: `too-few`, there are fewer than 20 captions, or all are alike acceptable or not.

        """
        outcomes = quality > acceptable.above
        if len(outcomes) < _FEWEST or len(np.unique(outcomes)) < 2:
            raise PictellError(
                "too-few",
                f"confidence cannot be fitted to {len(outcomes)} captions: at least {_FEWEST} are needed, good and bad ones",
            )
        slope, bias = fit_logistic(_held_out_places(evidence, quality), outcomes.astype(np.float64))
        mean, scale, weights = _fit(evidence, quality)
        return cls(acceptable, mean, scale, slope * weights, bias)

    def confidence(self, evidence: NDArray[np.float64]) -> float:
        """The probability, 0..1, that the caption with this `evidence` (F,) is acceptable."""
        return float(sigmoid((evidence - self.mean) / self.scale @ self.weights + self.bias))

    def to_json(self) -> str:
        """The text of a bundle's `calibration.json`."""
        rounded = {
            name: [float(f"{number:.6g}") for number in getattr(self, name)] for name in ("mean", "scale", "weights")
        }
        content = {
            "acceptable": asdict(self.acceptable),
            "features": FEATURES,
            **rounded,
            "bias": float(f"{self.bias:.6g}"),
        }
        return json.dumps(content, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Calibration | None:
        """Reads what `to_json` wrote; `None` where it uses other features, as that of a newer pictell may.

        Raises `BundleError` where it is anything else.
        """
        try:
            content = json.loads(text)
            if tuple(content["features"]) != FEATURES:
                return None
            mean, scale, weights, bias = (
                np.array(content[name], dtype=np.float64) for name in ("mean", "scale", "weights", "bias")
            )
            if not all(array.shape == (len(FEATURES),) for array in (mean, scale, weights)) or bias.shape:
                raise ValueError("it needs a number for each feature")
            if not all(np.isfinite(array).all() for array in (mean, scale, weights, bias)) or not (scale > 0).all():
                raise ValueError("its numbers are not finite, or a scale is not above 0")
            return cls(_acceptable(content["acceptable"]), mean, scale, weights, float(bias))
        except KeyError as error:
            raise BundleError("not-a-bundle", f"calibration.json has no {error}") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise BundleError("not-a-bundle", f"calibration.json is no calibration: {error}") from error


def held_out_confidence(evidence: Floats, quality: Floats, acceptable: Acceptable) -> Floats:
    """What `Calibration.fit` would say of each of the N captions if it had not been fitted to it, (N,).

    For measuring on the very photos that a calibration is fitted to.
    """
    confidences = np.zeros(len(quality))
    for kept, left_out in _folds(len(quality)):
        fitted = Calibration.fit(evidence[kept], quality[kept], acceptable)
        confidences[left_out] = [fitted.confidence(own) for own in evidence[left_out]]
    return confidences


def _held_out_places(evidence: Floats, quality: Floats) -> Floats:
    """The place (N,) of each caption as foretold by a regression that was not fitted to it."""
    places = np.zeros(len(quality))
    for kept, left_out in _folds(len(quality)):
        mean, scale, weights = _fit(evidence[kept], quality[kept])
        places[left_out] = (evidence[left_out] - mean) / scale @ weights
    return places


def _folds(count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Captions to fit to and captions left out, each of which is left out once."""
    order = np.random.default_rng(0).permutation(count)
    for fold in range(FOLDS):
        yield np.delete(order, slice(fold, None, FOLDS)), order[fold::FOLDS]


def _fit(evidence: Floats, quality: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean and scale of the features, and the weights (F,) of a regression on them."""
    mean, scale = evidence.mean(axis=0), evidence.std(axis=0)
    # A feature that never varies, as without attention, tells nothing.
    scale = np.where(scale > 1e-9, scale, 1.0)
    inputs = (evidence - mean) / scale  # (N, F)
    places = _places(quality)
    weights: Floats = np.linalg.solve(inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1]), inputs.T @ places)
    return mean, scale, weights


def _places(quality: Floats) -> Floats:
    """Ranks (N,), those of equals the mean of theirs, with mean 0 and spread 1."""
    ordered = np.sort(quality)
    ranks = (np.searchsorted(ordered, quality, "left") + np.searchsorted(ordered, quality, "right")) / 2
    places: Floats = (ranks - ranks.mean()) / max(float(ranks.std()), 1e-9)
    return places


def _acceptable(content: Mapping[str, Any]) -> Acceptable:
    return Acceptable(
        metric=str(content["metric"]),
        above=float(content["above"]),
        data=str(content["data"]),
        split=str(content["split"]),
        photos=int(content["photos"]),
    )
