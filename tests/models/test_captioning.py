"""Building a network from what a recipe or a bundle says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from pictell.errors import RecipeError
from pictell.models import DECODERS, ENCODERS, build_model

ENCODER: Mapping[str, Any] = {"name": "mobilenet_v2", "size": 64}
DECODER: Mapping[str, Any] = {"name": "spatial_attention", "embedding": 8, "hidden": 12, "heads": 3}


_PATCHES = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "patch_size": 16,
}
_STAGES = {"hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
SMALL: Mapping[str, Mapping[str, Any]] = {
    "mobilenet_v2": {},
    "resnet": {"config": {**_STAGES, "embedding_size": 8, "layer_type": "basic"}},
    "convnextv2": {"config": _STAGES},
    "mobilenet": {"config": {"depth_multiplier": 0.35}},
    "swin": {"config": {"patch_size": 8, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 1], "window_size": 4}},
    "vit": {"config": _PATCHES},
    "dinov2": {"config": _PATCHES},
    "clip": {"config": _PATCHES},
}
"""What makes a small one of each encoder."""


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name not in ("timm", "regions")])
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_every_pair_captions_photos(encoder: str, decoder: str) -> None:
    model = build_model({"encoder": {"name": encoder, "size": 64, **SMALL[encoder]}, "decoder": {"name": decoder}}, 9)
    assert model.architecture["encoder"]["name"] == encoder
    assert model.architecture["decoder"]["name"] == decoder


@torch.no_grad()
def test_the_architecture_makes_the_same_network_again() -> None:
    model = build_model({"encoder": ENCODER, "decoder": DECODER}, 9).eval()
    again = build_model(model.architecture, model.vocabulary_size).eval()
    again.load_state_dict(model.state_dict())
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    tokens = torch.tensor([[[1, 4, 5]], [[1, 6, 0]]])
    log_probs = model(pixels, tokens)
    assert log_probs.shape == (2, 1, 3, 9)
    assert torch.equal(again(pixels, tokens), log_probs)
    assert again.architecture == model.architecture


@pytest.mark.parametrize(
    ("architecture", "named"),
    [
        ({}, "encoder"),
        ({"encoder": ENCODER}, "decoder"),
        ({"encoder": ENCODER, "decoder": {"hidden": 12}}, "decoder"),
        ({"encoder": "mobilenet_v2", "decoder": DECODER}, "encoder"),
        ({"encoder": {"name": "vgg"}, "decoder": DECODER}, "'vgg'.*mobilenet_v2"),
        ({"encoder": {"name": ["vgg"]}, "decoder": DECODER}, "vgg"),
        ({"encoder": ENCODER, "decoder": {"name": "parrot"}}, "'parrot'.*spatial_attention"),
        ({"encoder": {**ENCODER, "depth": 3}, "decoder": DECODER}, "model.encoder has no 'depth'; it has size"),
        ({"encoder": {**ENCODER, "size": 100}, "decoder": DECODER}, "32"),
        ({"encoder": {**ENCODER, "size": "large"}, "decoder": DECODER}, "size|str"),
        ({"encoder": ENCODER, "decoder": {**DECODER, "layers": 2}}, "layers"),
        (
            {"encoder": ENCODER, "decoder": {**DECODER, "hiden": 2}},
            "model.decoder has no 'hiden'; did you mean 'hidden'",
        ),
        ({"encoder": ENCODER, "decoder": {**DECODER, "heads": 5}}, "heads"),
        ({"encoder": ENCODER, "decoder": {**DECODER, "heads": 0}}, "heads"),
        ({"encoder": ENCODER, "decoder": {**DECODER, "hidden": -3}}, "hidden"),
        ({"encoder": ENCODER, "decoder": {**DECODER, "hidden": "many"}}, "settings"),
        ({"encoder": ENCODER, "decoder": {**DECODER, "dropout": 7}}, "dropout"),
    ],
)
def test_what_cannot_be_built_is_refused(architecture: Mapping[str, Any], named: str) -> None:
    with pytest.raises(RecipeError, match=named) as caught:
        build_model(architecture, 9)
    assert "\n" not in caught.value.message
