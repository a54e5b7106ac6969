"""How good captions are against what people wrote: BLEU, METEOR, ROUGE-L, CIDEr and SPICE, of a corpus and of every image."""

from __future__ import annotations

from pictell.metrics.bleu import Bleu
from pictell.metrics.bleu_reward import BleuReward
from pictell.metrics.cider import Cider, CiderD
from pictell.metrics.frequencies import DocumentFrequencies
from pictell.metrics.ptb import ptb_tokens
from pictell.metrics.reward import CiderReward
from pictell.metrics.rouge import RougeL
from pictell.metrics.score import METRICS, METRICS_BY_DEFAULT, Scores, score

__all__ = [
    "METRICS",
    "METRICS_BY_DEFAULT",
    "Bleu",
    "BleuReward",
    "Cider",
    "CiderD",
    "CiderReward",
    "DocumentFrequencies",
    "RougeL",
    "Scores",
    "ptb_tokens",
    "score",
]
