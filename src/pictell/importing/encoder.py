"""The encoder that an imported decoder looks through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pictell.bundle import Bundle, find_bundle
from pictell.errors import CheckpointError
from pictell.hub import find_hub_model
from pictell.models import ENCODERS
from pictell.models.encoders.base import Encoder
from pictell.models.encoders.hugging_face import FAMILIES
from pictell.photos import Preprocessing
from pictell.regions.found import BOX_COLUMNS

_HUB = "hf:"


@dataclass(frozen=True)
class Eyes:
    """A trained encoder: the settings that make it again, itself, how photos are prepared for it (`None` where it reads
    region features), and where it is from."""

    settings: dict[str, Any]
    network: Encoder
    preprocessing: Preprocessing | None
    origin: str


def open_encoder(source: str, size: int | None) -> Eyes:
    """The encoder of a bundle, by name or directory, or pretrained weights: a folder of those that `transformers` or `timm` saves
    (`config.json`, `model.safetensors`), or `hf:` and the name of one of `transformers` on the hub. `size` is the side of the
    photos in pixels; `None` is the encoder's own.

    Raises `CheckpointError`, or what opening a bundle, a model of the hub or an encoder raises, where there is no such encoder.
    """
    if source.startswith(_HUB):
        found = find_hub_model(source.removeprefix(_HUB), weights=False)
        return _pretrained(source, found.label, found.config, size)
    config = _config(Path(source))
    if any(isinstance(config.get(key), str) for key in ("model_type", "architecture")):
        return _pretrained(source, Path(source).absolute().name, config, size)
    return _of_bundle(source, find_bundle(source), size)


def read_regions(count: int, channels: int, boxes: bool) -> Eyes:
    """What reads features of up to `count` regions a photo, so many `channels` wide, the last ones their boxes with `boxes`.

    Raises `CheckpointError` where there is no room for these.
    """
    network = _make("regions", {"regions": count, "channels": channels - BOX_COLUMNS * boxes, "boxes": boxes})
    return Eyes(
        {"name": "regions", **network.settings}, network, None, f"no part of it: up to {count} region features a photo"
    )


def _config(folder: Path) -> dict[str, Any]:
    """What `config.json` says; nothing where there is none that can be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _pretrained(source: str, label: str, config: dict[str, Any], size: int | None) -> Eyes:
    kind = config.get("model_type")
    sized = {} if size is None else {"size": size}
    if kind == "mobilenet_v2" and config.get("depth_multiplier", 1.0) == 1.0 and not source.startswith(_HUB):
        network = _make("mobilenet_v2", sized)  # pictell's own, whose batch norms are folded
        network.load_pretrained(Path(source))
        name = "mobilenet_v2"
    else:
        kinds = {family.kind: name for name, family in FAMILIES.items()} | {"clip": "clip", None: "timm"}
        if kind not in kinds:
            raise CheckpointError(
                "encoder", f"{source} is a {kind}, which is no encoder of pictell's: it has {', '.join(ENCODERS)}"
            )
        name = kinds[kind]
        network = _make(name, {"source": source, **sized})
    return Eyes({"name": name, **network.settings}, network, network.preprocessing, f"{label} ({name})")


def _of_bundle(source: str, bundle: Bundle, size: int | None) -> Eyes:
    from safetensors import SafetensorError
    from safetensors.torch import load

    described = dict(bundle.architecture.get("encoder", {}))
    name = str(described.pop("name", None))
    if bundle.regions is not None:
        raise CheckpointError(
            "encoder", f"{source} reads region features, not photos: leave --encoder out for --regions N"
        )
    if name not in ENCODERS:
        raise CheckpointError("encoder", f"{source} has the encoder {name!r}, which is none of {', '.join(ENCODERS)}")
    if size is not None:
        if described.get("short_side"):  # as much is cut off
            described["short_side"] = round(described["short_side"] * size / described["size"])
        described["size"] = size
    network = _make(name, described)
    try:
        weights = load(bundle.read("model.safetensors"))
        network.load_state_dict(
            {key.removeprefix("encoder."): value for key, value in weights.items() if key.startswith("encoder.")}
        )
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError("encoder", f"{source}: model.safetensors is not of its own encoder") from error
    preprocessing = bundle.preprocessing if size is None else network.preprocessing
    return Eyes({"name": name, **network.settings}, network, preprocessing, f"{bundle.label} ({bundle.terms})")


def _make(name: str, settings: dict[str, Any]) -> Encoder:
    try:
        return ENCODERS[name](**settings)
    except (TypeError, ValueError) as error:
        raise CheckpointError("encoder", f"the encoder {name}: {error}") from error
