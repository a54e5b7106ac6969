"""What the tests of explanations share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pictell.captioner import Captioner, load


@pytest.fixture
def captioner(tiny_bundle: Path) -> Captioner:
    return load(tiny_bundle, threads=1)


@pytest.fixture
def blind(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> Captioner:
    """A captioner whose decoder tells nothing of where it looks."""
    step = captioner.engine.step
    monkeypatch.setattr(captioner.engine, "step", lambda tokens, state: (*step(tokens, state)[:2], None))
    return captioner


@pytest.fixture
def picture() -> Callable[..., NDArray[np.uint8]]:
    """Makes a picture of large squares in random colours, (height, width, 3)."""

    def make(width: int = 48, height: int = 40, seed: int = 0) -> NDArray[np.uint8]:
        small = np.random.default_rng(seed).integers(0, 256, size=(4, 4, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST))

    return make
