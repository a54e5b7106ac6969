"""What the features of each place add to a word's log-probability; needs PyTorch and the bundle's full weights."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load

from pictell.bundle import Bundle
from pictell.decoding import add_pieces
from pictell.errors import BundleError
from pictell.insight.grid import hide
from pictell.insight.spoken import Spoken
from pictell.models import CaptioningModel, build_model

_STEPS = 16  # on the way from nothing to the photo


def load_model(bundle: Bundle) -> CaptioningModel:
    """The bundle's network in PyTorch, from the weights that it keeps for going on with training.

    Raises `BundleError` where the bundle has none, or they are not those of its network.
    """
    content = bundle.read("model.safetensors")
    model = build_model(bundle.architecture, len(bundle.vocabulary))
    try:
        model.load_state_dict(load(content))
    except (RuntimeError, SafetensorError) as error:
        message = f"the weights in {bundle.directory / 'model.safetensors'} are not those of the bundle's network"
        raise BundleError("broken-model", message) from error
    return model.eval()


def gradient_maps(model: CaptioningModel, start: int, pixels: NDArray[np.uint8], spoken: Spoken) -> NDArray[np.float32]:
    """Integrated gradients at each place of the encoder's grid, `(T, G, G)`; `pixels` is `(S, S, 3)`.

    Of Sundararajan et al. 2017 (arXiv:1703.01365), from the features of a photo that is all in this one's mean colour to
    its own. So a word's map sums to what the photo adds to its log-probability, `_STEPS` being exact enough. A plain
    gradient would not do: where each place's features are normalised, more or less of them changes next to nothing.
    """
    blank = hide(pixels, np.ones((1, 1), dtype=bool))
    count = len(spoken.tokens)
    fed = torch.tensor([start, *spoken.tokens[:-1]]).expand(count, 1, count)  # (N, 1, N)
    said = torch.tensor(spoken.tokens)
    rows = torch.arange(count)
    with torch.no_grad():
        empty, full = model.encoder(torch.from_numpy(np.stack([blank, pixels]))).unsqueeze(1)  # (1, R, D) each
    summed = torch.zeros_like(full).expand(count, -1, -1).clone()  # (N, R, D)
    for step in range(_STEPS):
        between = empty + (full - empty) * ((step + 0.5) / _STEPS)
        # One copy a word, so that one backward pass gives each word's gradient apart from the others'.
        copies = between.repeat(count, 1, 1).requires_grad_()
        log_probs = model.decoder(copies, fed)[:, 0]  # (N, N, V)
        summed += torch.autograd.grad(log_probs[rows, rows, said].sum(), copies)[0] / _STEPS
    maps = ((full - empty) * summed).sum(dim=-1).numpy()  # (N, R)
    side = round(maps.shape[1] ** 0.5)
    return add_pieces(maps.T, spoken.pieces).T.reshape(-1, side, side)
