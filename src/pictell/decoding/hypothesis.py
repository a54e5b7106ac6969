"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A finished word sequence.

    `tokens` (T of them) are without start and end. `word_log_probs` has T + 1 natural logarithms, one for each token
    and one for the end; `log_prob` is their sum and `score` what hypotheses are ranked by. `attention` is `(T, R)`,
    where the model looked for each word, or `None` where it was not asked for or the model has none.
    """

    tokens: tuple[int, ...]
    log_prob: float
    word_log_probs: tuple[float, ...]
    score: float
    attention: NDArray[np.float32] | None = None
