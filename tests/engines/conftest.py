from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Photos of several sizes, (H, W, 3), that look unlike each other."""
    random = np.random.default_rng(0)
    sizes = [(40, 48), (64, 33), (32, 32), (90, 70)]
    return [
        np.kron(random.integers(0, 256, (2, 2, 3)), np.ones((h // 2, w // 2, 1))).astype(np.uint8) for h, w in sizes
    ]


@pytest.fixture(scope="session")
def noise() -> Callable[..., NDArray[np.uint8]]:
    """Gives so many photos `(P, 32, 32, 3)` of noise on random colours, which differ much."""

    def made(count: int, seed: int = 0) -> NDArray[np.uint8]:
        random = np.random.default_rng(seed)
        colours = np.kron(random.integers(0, 256, (count, 4, 4, 3)), np.ones((1, 8, 8, 1)))
        return np.clip(colours + random.integers(-9, 9, colours.shape), 0, 255).astype(np.uint8)

    return made
