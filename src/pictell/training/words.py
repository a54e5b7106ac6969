"""Words drawn from a model's predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from pictell.language.vocabulary import PAD, START, UNKNOWN

_NEVER = [PAD, START, UNKNOWN]


def sayable(log_probs: Tensor) -> Tensor:
    """Log-probabilities `(..., V)` of the words given that none is padding, start or unknown."""
    never = torch.zeros(log_probs.shape[-1], dtype=torch.bool, device=log_probs.device)
    never[_NEVER] = True
    return torch.log_softmax(log_probs.masked_fill(never, -torch.inf), dim=-1)


def sayable_ones(log_probs: Tensor, words: Tensor) -> Tensor:
    """What `sayable` gives for one word a row, `(N,)`, out of `(N, V)`, without another tensor of that size.

    Without the division the loss of self-critical training would have a hole: whatever it takes from a poor caption's words
    could flow to the unknown word, which is never drawn and so never punished.
    """
    unsayable = log_probs[:, _NEVER].exp().sum(dim=1).clamp(max=1 - 1e-6)
    return log_probs.gather(1, words[:, None])[:, 0] - torch.log1p(-unsayable)


def draw(log_probs: Tensor) -> Tensor:
    """A word a row, `(N,)`, drawn from log-probabilities `(N, V)`; the random numbers are PyTorch's own."""
    # Inverse of the distribution function, in double precision: no word of probability 0 is drawn.
    below = log_probs.double().exp().cumsum(dim=1)  # (N, V)
    aim = torch.rand(len(below), 1, dtype=below.dtype, device=below.device) * below[:, -1:]
    return torch.searchsorted(below, aim, right=True)[:, 0].clamp(max=below.shape[1] - 1)
