"""The networks, in PyTorch: encoders, decoders, one file per published family, and the registry that names them."""

from pictell.models.captioning import DECODERS, ENCODERS, CaptioningModel, build_model

__all__ = ["DECODERS", "ENCODERS", "CaptioningModel", "build_model"]
