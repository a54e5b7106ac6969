"""What training with people's captions minimises: cross-entropy over words, with its usual companions."""

from __future__ import annotations

import torch
from torch import Tensor

from pictell.language.vocabulary import PAD
from pictell.models.decoders.base import Decoder
from pictell.models.decoders.packing import mean_of_words, of_words
from pictell.training.words import draw, sayable

_ENTROPY = 0.002
"""How much a nat of entropy of what is drawn from is worth: enough that no region is given up for good (Xu et al. 2015)."""


def caption_loss(
    decoder: Decoder,
    grid: Tensor,
    read: Tensor,
    predict: Tensor,
    smoothing: float,
    attention_penalty: float = 0.0,
    taught: Tensor | None = None,
    taught_share: float = 0.0,
) -> Tensor:
    """Mean loss a word, in nats: words read and words to predict are `(B, K, T)`; padding does not count.

    With `smoothing` s the target keeps 1 - s and s is spread evenly over the vocabulary (Szegedy et al. 2016, arXiv
    1512.00567). `attention_penalty` is the weight of Xu et al. (2015, arXiv 1502.03044, equation 14): a caption should
    look at every region once in all, so each region costs the square of what its attention over the words lacks of 1.
    Where teachers' probabilities of the words that count are `taught`, `(words, V)`, they have a `taught_share` of the
    cross-entropy.
    """
    real = predict != PAD
    outputs, attention, chosen = decoder.unroll(grid, read)
    log_probs = decoder.predict(of_words(outputs, real))  # (words, V)
    target = log_probs.gather(1, of_words(predict[..., None], real))[:, 0]
    losses = -((1 - smoothing) * target + smoothing * log_probs.mean(dim=1))  # (words,)
    if taught is not None:
        losses = (1 - taught_share) * losses - taught_share * (taught * log_probs).sum(dim=1)
    loss = mean_of_words(losses, real)
    if attention_penalty and attention is not None:
        lacking = 1 - (attention * real[..., None]).sum(dim=2)  # (B, K, R)
        if (mask := decoder.mask(grid)) is not None:
            lacking = lacking * mask[:, None]
        loss = loss + attention_penalty * lacking.square().sum() / real.sum()
    if chosen is not None and attention is not None:
        looked = attention[real]  # (words, R)
        entropy = -(looked * torch.log(looked.clamp(min=1e-12))).sum(dim=1).mean()
        loss = loss + _reinforce(chosen[real][:, 0], target, real) - _ENTROPY * entropy
    return loss


def _reinforce(chosen: Tensor, target: Tensor, real: Tensor) -> Tensor:
    """What has the gradient of REINFORCE (Williams 1992) for choices that no gradient passes through.

    Of each real word there is the log-probability of the choice before it, `chosen (words,)`, and that of the word itself,
    `target (words,)`. A caption's choices are rewarded with its mean log-probability of a word, less the batch's: Xu et al.
    (2015, equation 13) have a moving average instead, which a resumed run would have to remember.
    """
    counts = real.sum(dim=-1).flatten()  # (B * K,)
    captions = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)  # (words,)
    sums = torch.zeros(len(counts), dtype=target.dtype, device=target.device)
    means = sums.index_add(0, captions, target.detach()) / counts.clamp(min=1)  # (B * K,)
    baseline = means[counts > 0].mean()
    return -((means - baseline)[captions] * chosen).mean()


@torch.no_grad()
def read_own_words(decoder: Decoder, grid: Tensor, read: Tensor, share: float) -> Tensor:
    """Words read `(B, K, T)`, of which a `share` are replaced by words drawn from the model's own predictions.

    Scheduled sampling (Bengio et al. 2015, arXiv 1506.03099) in two passes (Mihaylova and Martins 2019, arXiv
    1906.07651), which suits every decoder: the words are predicted by teacher forcing, then read. The start, and padding,
    stay as they are.
    """
    log_probs = decoder(grid, read)[:, :, :-1]  # (B, K, T - 1, V): of the words at the places from 1 on
    drawn = draw(sayable(log_probs).flatten(0, 2))
    theirs = read[:, :, 1:]
    own = (torch.rand(theirs.shape, device=read.device) < share) & (theirs != PAD)
    return torch.cat([read[:, :, :1], torch.where(own, drawn.view(theirs.shape), theirs)], dim=2)
