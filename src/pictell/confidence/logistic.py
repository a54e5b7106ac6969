"""Logistic regression on one number, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 50
_CLOSE = 1e-10
# Keeps the slope finite where the scores tell all outcomes apart.
_RIDGE = 1e-3


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    halves: Floats = 0.5 + 0.5 * np.tanh(values / 2)
    return halves


def fit_logistic(scores: Floats, outcomes: Floats) -> tuple[float, float]:
    """The slope and the offset that make `sigmoid(slope * scores + offset)` the likeliest for `outcomes`, all (N,).

    Outcomes are 0 or 1; a thousandth of half the squares of slope and offset is added to the negative log-likelihood.
    """
    inputs = np.column_stack([scores, np.ones(len(scores))])  # (N, 2)
    found = np.zeros(2)
    for _ in range(_STEPS):
        given = sigmoid(inputs @ found)  # (N,)
        gradient = inputs.T @ (given - outcomes) + _RIDGE * found
        curvature = (inputs * (given * (1 - given))[:, None]).T @ inputs + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found -= step
        if np.abs(step).max() < _CLOSE:
            break
    return float(found[0]), float(found[1])
