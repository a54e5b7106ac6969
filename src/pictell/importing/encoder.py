"""The encoder that an imported decoder looks through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pictell.bundle import Bundle, find_bundle
from pictell.errors import CheckpointError
from pictell.models import ENCODERS
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing


@dataclass(frozen=True)
class Eyes:
    """A trained encoder: the settings that make it again, itself, how photos are prepared for it, and where it is from."""

    settings: dict[str, Any]
    network: Encoder
    preprocessing: Preprocessing
    origin: str


def open_encoder(source: str, size: int | None) -> Eyes:
    """The encoder of a bundle, by name or directory, or pretrained weights as `transformers` saves them (`config.json`,
    `model.safetensors`) in a folder. `size` is the side of the photos in pixels; `None` is the encoder's own.

    Raises `CheckpointError`, `BundleError` or `DataError` where there is no such encoder.
    """
    kind = _kind(Path(source))
    return _of_bundle(source, find_bundle(source), size) if kind is None else _of_folder(Path(source), kind, size)


def _kind(folder: Path) -> str | None:
    """The `model_type` of weights as `transformers` saves them; `None` where `folder` is something else."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of_folder(folder: Path, kind: str, size: int | None) -> Eyes:
    if kind not in ENCODERS:
        raise CheckpointError(
            "encoder", f"{folder} is a {kind}, which is no encoder of pictell's: it has {', '.join(ENCODERS)}"
        )
    network = _make(kind, {} if size is None else {"size": size})
    network.load_pretrained(folder)
    settings = {"name": kind, "size": network.size}
    return Eyes(settings, network, Preprocessing(size=network.size), f"{folder.absolute().name} ({kind})")


def _of_bundle(source: str, bundle: Bundle, size: int | None) -> Eyes:
    from safetensors import SafetensorError
    from safetensors.torch import load

    described = dict(bundle.architecture.get("encoder", {}))
    name = str(described.pop("name", None))
    if name not in ENCODERS:
        raise CheckpointError("encoder", f"{source} has the encoder {name!r}, which is none of {', '.join(ENCODERS)}")
    network = _make(name, described if size is None else {**described, "size": size})
    try:
        weights = load(bundle.read("model.safetensors"))
        network.load_state_dict(
            {key.removeprefix("encoder."): value for key, value in weights.items() if key.startswith("encoder.")}
        )
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError("encoder", f"{source}: model.safetensors is not of its own encoder") from error
    photos = bundle.preprocessing
    preprocessing = Preprocessing(size=network.size, fit=photos.fit, resample=photos.resample)
    settings = {"name": name, **described, "size": network.size}
    return Eyes(settings, network, preprocessing, f"{bundle.label} ({bundle.terms})")


def _make(name: str, settings: dict[str, Any]) -> Encoder:
    try:
        return ENCODERS[name](**settings)
    except (TypeError, ValueError) as error:
        raise CheckpointError("encoder", f"the encoder {name}: {error}") from error
