"""Hugging Face models as folders: found on this disk or fetched from the hub, and refused where loading them would run code.

Nothing goes to the network but for a name of the form `owner/name`, and of such a model only JSON, text and safetensors files
are fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pictell.errors import BundleError, MissingExtraError

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(?:@[\w.-]+)?")
_ABOUT = ["*.json", "*.txt", "*.model"]
_WEIGHTS = ["model.safetensors", "model-*.safetensors"]
_INDEX = "model.safetensors.index.json"
CAPTIONERS = ("blip", "blip-2", "git", "vision-encoder-decoder")
"""The kinds of models (`model_type`) that captions are had from."""

_CODE = ("auto_map", "custom_pipelines")  # keys under which a model names classes of its own
_LARGEST_JSON = 64_000_000  # bytes; a tokeniser's file has some ten million


@dataclass(frozen=True)
class HubModel:
    """A folder with `config` (its `config.json`), and what the model is called: `owner/name@commit`, or the folder's name."""

    folder: Path
    label: str
    config: dict[str, Any]


def find_hub_model(name: str, *, weights: bool = True, key: str = "model_type") -> HubModel:
    """The model in the folder `name` or, where that is none and the name is like a hub's, on the Hugging Face hub.

    What was fetched once is kept in the hub's own cache and found there without a network, too. `owner/name@REVISION` asks for
    a branch, a tag or a commit. With `weights` its safetensors must be there; `key` is what its `config.json` must name.

    Raises:
        BundleError: `unknown-model`, `no-network`, `not-a-model`, `remote-code` (it would run code that it brings), or
            `no-safetensors`.

    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        folder, label = folder.resolve(), folder.resolve().name
        config = _checked(folder, name, key)
    elif _HUB_NAME.fullmatch(name):
        folder = _fetched(name, _ABOUT)
        # Before gigabytes of it are fetched.
        config = _checked(folder, name, key)
        if weights:
            folder = _fetched(name, [*_ABOUT, *_WEIGHTS])
        label = f"{name.partition('@')[0]}@{folder.name[:7]}"  # a snapshot's folder is called after its commit
    else:
        raise BundleError(
            "unknown-model",
            f"hf:{name}: neither a folder nor a name on the hub (owner/name): hf:FOLDER or hf:OWNER/NAME",
        )
    if weights:
        _check_weights(folder, name)
    return HubModel(folder, label, config)


def find_hub_captioner(name: str) -> HubModel:
    """As `find_hub_model`, of a kind that captions are had from.

    Raises:
        BundleError: what `find_hub_model` raises; `unknown-model`, where it is of another kind.

    """
    found = find_hub_model(name)
    kind = found.config["model_type"]
    if kind == "pictell":
        raise BundleError("unknown-model", f"hf:{name} is one of pictell's own: name the bundle that it was made of")
    if kind not in CAPTIONERS:
        raise BundleError(
            "unknown-model", f"hf:{name} is of the kind {kind!r}, which pictell has no captions from: only from "
            f"{', '.join(CAPTIONERS)}"
        )  # fmt: skip
    return found


def _fetched(name: str, patterns: list[str]) -> Path:
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError as error:
        raise MissingExtraError(f"hf:{name}", "hf") from error

    owned, _, revision = name.partition("@")
    try:
        found = snapshot_download(owned, revision=revision or None, allow_patterns=patterns, ignore_patterns=["*/*"])
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise BundleError(
            "unknown-model", f"hf:{name}: the hub has no such model, or it is not public: check the name"
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:  # that there is no network is an OSError too
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BundleError(
            "no-network",
            f"hf:{name} is neither a folder nor fetched before, and the hub cannot be reached ({why}): "
            f"copy the model here and name its folder, hf:FOLDER",
        ) from error
    return Path(found)


def _checked(folder: Path, name: str, key: str) -> dict[str, Any]:
    """The content of `config.json`, after all settings were looked through for code."""
    config: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            if path.stat().st_size > _LARGEST_JSON:
                raise ValueError(f"it has more than {_LARGEST_JSON // 1_000_000} MB")
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise BundleError("not-a-model", f"hf:{name}: cannot read {path}: {error}") from error
        # A tokeniser's file holds words, and any of them may read so.
        if path.name not in ("tokenizer.json", "vocab.json", _INDEX) and (code := next(_codes(content), None)):
            raise BundleError(
                "remote-code",
                f"hf:{name} would run code that it brings ({code} in {path.name}), which pictell never does: "
                "choose a model that transformers itself knows",
            )
        if path.name == "config.json":
            config = content if isinstance(content, dict) else {}
    if not isinstance(config.get(key), str):
        raise BundleError("not-a-model", f"hf:{name} has no config.json that names its {key}: it is no such model")
    return config


def _codes(content: Any) -> Iterator[str]:
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from (key for key in _CODE if item.get(key))
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check_weights(folder: Path, name: str) -> None:
    if (folder / "model.safetensors").is_file():
        return
    try:
        files = set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        files = set()
    wrong = [file for file in files if Path(str(file)).name != file or not str(file).endswith(".safetensors")]
    if not files or wrong or not all((folder / file).is_file() for file in files):
        raise BundleError(
            "no-safetensors",
            f"hf:{name} has no complete model.safetensors, and pictell opens no other weights (a .bin can run code): "
            "fetch it again, or save it anew with save_pretrained",
        )
