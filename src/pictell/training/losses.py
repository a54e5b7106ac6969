"""Cross-entropy over words with label smoothing (Szegedy et al. 2016, arXiv 1512.00567)."""

from __future__ import annotations

from torch import Tensor

from pictell.language.vocabulary import PAD
from pictell.models.decoders.base import Decoder


def caption_loss(decoder: Decoder, grid: Tensor, read: Tensor, predict: Tensor, smoothing: float) -> Tensor:
    """Mean loss a word, in nats: words read and words to predict are `(B, K, T)`; padding does not count.

    With `smoothing` s the target keeps 1 - s and s is spread evenly over the vocabulary.
    """
    real = predict != PAD
    log_probs = decoder.predict(decoder.outputs(grid, read)[real])  # (words, V)
    target = log_probs.gather(1, predict[real][:, None])[:, 0]
    return -((1 - smoothing) * target.mean() + smoothing * log_probs.mean())
