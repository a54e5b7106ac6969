"""Logistic regression with a ridge, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 50
_CLOSE = 1e-10


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    halves: Floats = 0.5 + 0.5 * np.tanh(values / 2)
    return halves


def fit_logistic(inputs: Floats, outcomes: Floats, ridge: float) -> tuple[Floats, float]:
    """Weights (F,) and bias that make `sigmoid(inputs @ weights + bias)` the likeliest for `outcomes`.

    `inputs` are (N, F), `outcomes` (N,) in 0..1; `ridge` (> 0) times half the squared weights is added to the negative
    log-likelihood, the bias left out.
    """
    extended = np.column_stack([inputs, np.ones(len(inputs))])  # (N, F + 1)
    penalty = np.diag([*np.full(inputs.shape[1], ridge), 1e-9])
    weights = np.zeros(extended.shape[1])
    for _ in range(_STEPS):
        given = sigmoid(extended @ weights)  # (N,)
        gradient = extended.T @ (given - outcomes) + penalty @ weights
        curvature = (extended * (given * (1 - given))[:, None]).T @ extended + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < _CLOSE:
            break
    return weights[:-1], float(weights[-1])
