from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Photos of several sizes, (H, W, 3), that look unlike each other."""
    random = np.random.default_rng(0)
    sizes = [(40, 48), (64, 33), (32, 32), (90, 70)]
    return [
        np.kron(random.integers(0, 256, (2, 2, 3)), np.ones((h // 2, w // 2, 1))).astype(np.uint8) for h, w in sizes
    ]
