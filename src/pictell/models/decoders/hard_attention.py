"""Show, Attend and Tell (Xu et al. 2015, arXiv 1502.03044) with hard attention: one region at a time, drawn at random.

Drawing has no gradient, so the network that scores regions learns by REINFORCE (`training.losses`): regions drawn before words
that came out likelier than usual become likelier. As in the paper, half of the steps take soft attention's mean instead, which
makes that gradient less random. In use the likeliest region is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pictell.models.decoders.show_attend_tell import ShowAttendTell


class HardAttention(ShowAttendTell):
    """Sizes as of `ShowAttendTell`. The attention that it reports are the probabilities, not the draw."""

    def phi(self, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """The weights of the regions, and the log-probability of what was drawn `(N, 1)`."""
        photos, captions, regions = alpha.shape
        probs = alpha.reshape(-1, regions)  # (N, R)
        drawn = torch.multinomial(probs.float(), 1) if self.training else probs.argmax(dim=1, keepdim=True)  # (N, 1)
        weights = one_hot(drawn[:, 0], regions).to(alpha.dtype).view(photos, captions, regions)
        log_probs = torch.log(probs.clamp(min=1e-12))
        chosen = log_probs.gather(1, drawn)
        if self.training:
            soft = torch.rand(photos, captions, 1, device=alpha.device) < 0.5
            weights = torch.where(soft, alpha, weights)
            chosen = chosen.masked_fill(soft.view(-1, 1), 0.0)  # nothing was drawn there
        return weights, chosen
