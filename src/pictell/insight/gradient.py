"""Which features of the photo a word's log-probability rises with; needs PyTorch and the bundle's full weights."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load

from pictell.bundle import Bundle
from pictell.errors import BundleError
from pictell.insight.grid import add_pieces
from pictell.insight.spoken import Spoken
from pictell.models import CaptioningModel, build_model


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
    """Features times gradient at each place of the encoder's grid, `(T, G, G)`; `pixels` is `(S, S, 3)`.

    The sum over channels of a feature times the derivative of the word's log-probability by it (Draelos and Carin 2020,
    arXiv:2011.08891, who show that averaging the gradients over places first, as Grad-CAM does, loses where they are).
    """
    with torch.no_grad():
        grid = model.encoder(torch.from_numpy(pixels[None]))  # (1, R, D)
    # One copy a word, so that one backward pass gives each word's gradient apart from the others'.
    count = len(spoken.tokens)
    copies = grid.repeat(count, 1, 1).requires_grad_()  # (N, R, D)
    fed = torch.tensor([start, *spoken.tokens[:-1]]).expand(count, 1, count)  # (N, 1, N)
    said = torch.tensor(spoken.tokens)
    log_probs = model.decoder(copies, fed)[:, 0]  # (N, N, V)
    log_probs.diagonal(dim1=0, dim2=1).T[torch.arange(count), said].sum().backward()  # word n of copy n
    assert copies.grad is not None
    maps = (copies * copies.grad).sum(dim=-1).detach().numpy()  # (N, R)
    side = round(maps.shape[1] ** 0.5)
    return add_pieces(maps.T, spoken.pieces).T.reshape(-1, side, side)
