"""Grids whose last rows may be no regions: photos with fewer regions than others are filled up with rows of zeros.

Nothing may depend on how many of these there are: they have no part in means, and attention gives them exactly 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pictell.models.decoders.base import Tensors

PADDING = "padding"
"""The memory's name for what is added to scores, `(P, R)`: 0 for a region, minus infinity for a row that is none."""


def hide(memory: Tensors, mask: Tensor | None) -> Tensors:
    """The memory, with what hides the rows that are no regions where `mask (P, R)` tells of any."""
    if mask is None:
        return memory
    zeros = torch.zeros(mask.shape, device=mask.device)
    return memory | {PADDING: zeros.masked_fill(~mask, float("-inf"))}


def without_padding(scores: Tensor, padding: Tensor | None) -> Tensor:
    """Scores `(P, ..., R)` with those of rows that are no regions at minus infinity; `padding` is the memory's."""
    if padding is None:
        return scores
    while padding.ndim < scores.ndim:
        padding = padding.unsqueeze(1)
    return scores + padding


def mean_region(regions: Tensor, mask: Tensor | None) -> Tensor:
    """The mean `(P, H)` of those of `regions (P, R, H)` that are some."""
    if mask is None:
        return regions.mean(dim=1)
    kept = mask[:, :, None].to(regions.dtype)  # (P, R, 1)
    return (regions * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
