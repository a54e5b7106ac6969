"""An encoder and a decoder together: the network that training makes and export turns into a bundle."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from pictell.errors import RecipeError
from pictell.models.decoders.adaptive_attention import AdaptiveAttention
from pictell.models.decoders.aoanet import AoANet
from pictell.models.decoders.att2in import Att2in
from pictell.models.decoders.base import Decoder
from pictell.models.decoders.full_transformer import FullTransformer
from pictell.models.decoders.gpt2_prefix import GPT2Prefix
from pictell.models.decoders.hard_attention import HardAttention
from pictell.models.decoders.meshed_memory import MeshedMemory
from pictell.models.decoders.show_and_tell import ShowAndTell
from pictell.models.decoders.show_attend_tell import ShowAttendTell
from pictell.models.decoders.spatial_attention import SpatialAttentionLSTM
from pictell.models.decoders.transformer import Transformer
from pictell.models.decoders.up_down import UpDown
from pictell.models.encoders.base import Encoder
from pictell.models.encoders.hugging_face import FAMILIES, HuggingFaceEncoder
from pictell.models.encoders.mobilenet_v2 import MobileNetV2
from pictell.models.encoders.regions import RegionFeatures
from pictell.models.encoders.timm import TimmEncoder

ENCODERS: Mapping[str, Callable[..., Encoder]] = {
    "mobilenet_v2": MobileNetV2,
    **{name: partial(HuggingFaceEncoder, name) for name in FAMILIES},
    "timm": TimmEncoder,
    "regions": RegionFeatures,
}
DECODERS: Mapping[str, Callable[..., Decoder]] = {
    "spatial_attention": SpatialAttentionLSTM,
    "show_and_tell": ShowAndTell,
    "show_attend_tell": ShowAttendTell,
    "adaptive_attention": AdaptiveAttention,
    "hard_attention": HardAttention,
    "att2in": Att2in,
    "up_down": UpDown,
    "aoanet": AoANet,
    "transformer": Transformer,
    "full_transformer": FullTransformer,
    "meshed_memory": MeshedMemory,
    "gpt2_prefix": GPT2Prefix,
}


class CaptioningModel(nn.Module):
    """`encoder` turns photos into a grid `(B, R, D)`, `decoder` turns the grid into words.

    `architecture` is what a bundle's `config.json` records and what makes the same network again.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, architecture: dict[str, Any], vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.encoder = encoder
        self.decoder = decoder
        self.architecture = architecture

    def forward(self, pixels: Tensor, tokens: Tensor) -> Tensor:
        """Photos `(B, S, S, 3)` uint8 and words read `(B, K, T)` to log-probabilities `(B, K, T, V)`."""
        output: Tensor = self.decoder(self.encoder(pixels), tokens)
        return output


def build_model(architecture: Mapping[str, Any], vocabulary_size: int) -> CaptioningModel:
    """Makes the network that `{"encoder": {"name": ...}, "decoder": {"name": ...}}` describes, with fresh weights.

    Raises `RecipeError` for a name that is not registered or a setting that the part does not have.
    """
    encoder_name, encoder_settings = _part(architecture, "encoder", ENCODERS)
    if "from" in encoder_settings:  # which Python does not let be a parameter's name
        encoder_settings["source"] = encoder_settings.pop("from")
    decoder_name, decoder_settings = _part(architecture, "decoder", DECODERS)
    _check_settings("encoder", encoder_settings, ENCODERS[encoder_name])
    _check_settings("decoder", decoder_settings, DECODERS[decoder_name])
    try:
        encoder = ENCODERS[encoder_name](**encoder_settings)
        decoder = DECODERS[decoder_name](vocabulary_size, encoder.channels, encoder.places, **decoder_settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecipeError("unknown-setting", f"model settings: {' '.join(str(error).split())}") from error
    decoder.padded = isinstance(encoder, RegionFeatures)
    full = {
        "encoder": {"name": encoder_name, **encoder.settings},
        "decoder": {"name": decoder_name, **decoder.sizes},
    }
    return CaptioningModel(encoder, decoder, full, vocabulary_size)


def _part(architecture: Mapping[str, Any], part: str, known: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The registered name of the encoder or decoder, and its settings."""
    settings = architecture.get(part)
    if not isinstance(settings, Mapping) or "name" not in settings:
        raise RecipeError("unknown-model", f"model.{part} needs a name, one of {', '.join(known)}")
    name = settings["name"]
    if not isinstance(name, str) or name not in known:
        raise RecipeError("unknown-model", f"there is no {part} {name!r}; known: {', '.join(known)}")
    return name, {key: value for key, value in settings.items() if key != "name"}


def _check_settings(part: str, settings: Mapping[str, Any], make: Callable[..., nn.Module]) -> None:
    """Raises `RecipeError` for a setting that the encoder or decoder does not have, naming the nearest that it has."""
    parameters = inspect.signature(make).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.default is not parameter.empty]
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise RecipeError("unknown-setting", f"model.{part} has no {key!r}; {hint}")
