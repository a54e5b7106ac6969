"""The encoder that an imported decoder looks through."""

from __future__ import annotations

import json
from pathlib import Path

from pictell.bundle import find_bundle
from pictell.errors import CheckpointError
from pictell.models import ENCODERS
from pictell.models.encoders.mobilenet_v2 import MobileNetV2
from pictell.photos import Preprocessing


def open_encoder(source: str, size: int | None) -> tuple[dict[str, int | str], MobileNetV2, Preprocessing]:
    """A trained encoder: its name and settings, itself, and how photos are prepared for it.

    `source` is a bundle, by name or directory, or the folder of pretrained weights as `transformers` saves them
    (`config.json`, `model.safetensors`). `size` is the side of the photos in pixels; `None` is the encoder's own.

    Raises `CheckpointError`, `BundleError` or `DataError` where there is no such encoder.
    """
    kind = _kind(Path(source))
    if kind is not None:
        if kind not in ENCODERS:
            raise CheckpointError(
                "encoder", f"{source} is a {kind}, which is no encoder of pictell's: it has {', '.join(ENCODERS)}"
            )
        encoder = _make(kind, {} if size is None else {"size": size})
        encoder.load_pretrained(Path(source))
        return {"name": kind, "size": encoder.size}, encoder, Preprocessing(size=encoder.size)
    bundle = find_bundle(source)
    from safetensors import SafetensorError
    from safetensors.torch import load

    settings = {key: value for key, value in bundle.architecture.get("encoder", {}).items() if key != "name"}
    name = str(bundle.architecture.get("encoder", {}).get("name"))
    if name not in ENCODERS:
        raise CheckpointError("encoder", f"{source} has the encoder {name!r}, which is none of {', '.join(ENCODERS)}")
    encoder = _make(name, settings if size is None else {**settings, "size": size})
    try:
        weights = load(bundle.read("model.safetensors"))
        encoder.load_state_dict(
            {key.removeprefix("encoder."): value for key, value in weights.items() if key.startswith("encoder.")}
        )
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError("encoder", f"{source}: model.safetensors is not of its own encoder") from error
    photos = bundle.preprocessing
    preprocessing = Preprocessing(size=encoder.size, fit=photos.fit, resample=photos.resample)
    return {"name": name, **settings, "size": encoder.size}, encoder, preprocessing


def _kind(folder: Path) -> str | None:
    """The `model_type` of weights as `transformers` saves them; `None` where `folder` is something else."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(content["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _make(name: str, settings: dict[str, int]) -> MobileNetV2:
    try:
        return ENCODERS[name](**settings)
    except (TypeError, ValueError) as error:
        raise CheckpointError("encoder", f"the encoder {name}: {error}") from error
