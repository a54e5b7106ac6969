"""What hiding a part of the photo does to each word (Zeiler and Fergus 2014, arXiv:1311.2901); for any engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pictell.captioner import BATCH_SIZE, Captioner
from pictell.insight.grid import hide
from pictell.insight.spoken import Spoken, read


def occlusion_maps(captioner: Captioner, pixels: NDArray[np.uint8], spoken: Spoken, side: int) -> NDArray[np.float32]:
    """By how much each word's log-probability falls with each place of the photo hidden, `(T, side, side)`.

    `pixels` is the prepared photo `(S, S, 3)`. The photo is read `side` squared times more than for its caption.
    """
    places = np.eye(side * side, dtype=bool).reshape(-1, side, side)  # (R, G, G), each hiding one
    changed = np.stack([hide(pixels, place) for place in places])  # (R, S, S, 3)
    log_probs = np.concatenate(
        [read(captioner, changed[at : at + BATCH_SIZE], spoken) for at in range(0, len(changed), BATCH_SIZE)]
    )  # (R, T)
    drops: NDArray[np.float32] = spoken.log_probs - log_probs
    return drops.T.reshape(-1, side, side)
