"""What a search leaves behind that tells good captions from bad ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pictell.decoding import Hypothesis

RUNNERS_UP = 7
"""How many further captions of the search are compared with the best one."""

FEATURES = (
    "mean_log_prob",
    "lowest_log_prob",
    "words",
    "mean_log_prob_of_all",
    "agreement",
    "attention_entropy",
    "rarest_word",
    "rare_and_sure",
)
"""What `evidence` measures, in its order."""


def evidence(found: Sequence[Hypothesis]) -> NDArray[np.float64]:
    """The `FEATURES` of a photo's best caption, (F,); `found` are its finished captions, best first, `RUNNERS_UP` + 1 at most.

    - `mean_log_prob`: of the caption's words and its end;
    - `lowest_log_prob`: of its least probable word;
    - `words`: how many;
    - `mean_log_prob_of_all`: the mean of `mean_log_prob` over the caption and its runners-up;
    - `agreement`: the share of words (Dice's coefficient of the sets, 0..1) that a runner-up has in common with it, their
      mean; 1 without runners-up;
    - `attention_entropy`: in nats, the mean over its words; 0 where the model has no attention;
    - `rarest_word`: the logarithm of the highest token, vocabularies being ordered from frequent to rare words;
    - `rare_and_sure`: the sum over its words of the logarithm of the token times the probability.

    A caption without words has 0 for what is measured on words.
    """
    best = found[0]
    words = best.word_log_probs[: len(best.tokens)]
    others = [_overlap(best.tokens, other.tokens) for other in found[1:]]
    return np.array(
        [
            np.mean(best.word_log_probs),
            min(words, default=0.0),
            len(words),
            np.mean([np.mean(each.word_log_probs) for each in found]),
            np.mean(others) if others else 1.0,
            _entropy(best.attention),
            np.log(max(best.tokens, default=1)),
            np.log(np.maximum(best.tokens, 1)) @ np.exp(words),
        ]
    )


def _overlap(first: Sequence[int], second: Sequence[int]) -> float:
    both = len({*first}) + len({*second})
    return 2 * len({*first} & {*second}) / both if both else 1.0


def _entropy(attention: NDArray[np.float32] | None) -> float:
    """In nats, the mean over the rows of `attention` (T, R)."""
    if attention is None or not attention.size:
        return 0.0
    tiny = float(np.finfo(np.float32).tiny)
    return float(-(attention * np.log(np.maximum(attention, tiny))).sum(axis=1).mean())
