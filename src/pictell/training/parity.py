"""Whether a bundle says what the network says that it was exported from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.bundle import Bundle
from pictell.engines import Engine
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError
from pictell.language.vocabulary import START
from pictell.models import CaptioningModel

_WORDS = 8  # of each photo
_DIFFERENCE = 1e-2  # of log-probabilities: sums of other orders differ by less, another network by more


def check_parity(model: CaptioningModel, bundle: Bundle, pixels: NDArray[Any]) -> None:
    """Compares what both say of photos `(B, S, S, 3)`, or of regions `(B, R, D)`; `bundle` is in full precision, `model` in
    evaluation mode.

    Raises:
        BundleError: they differ.

    """
    difference, _ = compare(TorchEngine(model), OnnxEngine(bundle), pixels)
    if not difference <= _DIFFERENCE:
        raise BundleError(
            "parity", f"the exported network's log-probabilities differ by {difference:.2g} from the run's"
        )


def compare(one: Engine[Any, Any], other: Engine[Any, Any], pixels: NDArray[Any]) -> tuple[float, float]:
    """The largest difference of log-probabilities along the likeliest words of `one`, and the share (0..1) of these that are
    the likeliest of `other` too."""
    states = [engine.start(engine.encode(pixels)) for engine in (one, other)]
    tokens = np.full(len(pixels), START, np.int64)
    differences, same = [], []
    for _ in range(_WORDS):
        (ours, states[0], _), (theirs, states[1], _) = one.step(tokens, states[0]), other.step(tokens, states[1])
        tokens = ours.argmax(axis=1)
        differences.append(np.abs(ours - theirs).max())
        same.append((tokens == theirs.argmax(axis=1)).mean())
    return float(np.max(differences)), float(np.mean(same))
