"""How good captions are against what people wrote: BLEU-1..4 and CIDEr-D, of a corpus and of every image."""

from __future__ import annotations

from pictell.metrics.bleu import Bleu
from pictell.metrics.cider import CiderD
from pictell.metrics.score import METRICS, Scores, score
from pictell.metrics.tokens import plain_tokens

__all__ = ["METRICS", "Bleu", "CiderD", "Scores", "plain_tokens", "score"]
