"""What is told of a model without loading it: by the files that it is made of."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pictell.captioner import bundle_named, is_hugging_face, is_openvino, models_named
from pictell.errors import MissingExtraError, OptionError
from pictell.hub import find_hub_captioner
from pictell.steering import WORD_BY_WORD


@dataclass(frozen=True)
class About:
    """One model, or several that speak as one.

    `load` is what `pictell.load` takes to load just this, `label` what its captions say they are by, `name` the same without
    versions; `short` are shorter names for it. `form` is what its weights are stored as, `families` what kinds of networks it is
    made of. `size` is in bytes, `changed` when it was written, as Unix time; another model has another `digest`. `refuses` names
    the options that cannot be asked of it.
    """

    load: str | None
    label: str
    name: str
    short: tuple[str, ...]
    version: str
    language: str
    form: str
    families: tuple[str, ...]
    terms: str
    size: int
    changed: float
    digest: str
    refuses: tuple[str, ...] = ()


def about(spec: str | None) -> About:
    """What `spec` names: whatever `pictell.load` takes, as a text.

    Raises:
        BundleError: there is no such model.
        OptionError: several are named that cannot speak as one, or it sees no photos.
        MissingExtraError: what it needs is not installed.

    """
    parts = models_named(spec)
    if any(is_hugging_face(part) for part in parts):
        return _of_hub(str(spec), len(parts))
    bundles = [bundle_named(part) for part in parts]
    for bundle in bundles:
        if bundle.regions is not None:
            raise OptionError(f"{bundle.label} reads region features and sees no photo: it cannot be asked over HTTP")
    for part in filter(is_openvino, parts):
        _check_installed(str(part), "openvino", ("onnx", "openvino"))
    name = "+".join(bundle.name for bundle in bundles)
    configs = [bundle.directory / "config.json" for bundle in bundles]
    architectures = [part for bundle in bundles for part in bundle.architecture.values() if isinstance(part, dict)]
    return About(
        load=spec,
        label="+".join(bundle.label for bundle in bundles),
        name=name,
        short=(name.removeprefix("pictell-"),),
        version="+".join(str(bundle.version) for bundle in bundles),
        language=bundles[0].vocabulary.language,
        form="onnx",
        families=("pictell", *sorted({str(part["name"]) for part in architectures if "name" in part})),
        terms="\n".join(bundle.terms for bundle in bundles),
        size=sum(bundle.size for bundle in bundles),
        changed=_changed(configs),
        digest=hashlib.sha256(b"".join(config.read_bytes() for config in configs)).hexdigest(),
    )


def _of_hub(spec: str, count: int) -> About:
    if count > 1:
        raise OptionError("a Hugging Face model gives whole sentences, and makes no ensemble: name it alone")
    _check_installed(spec, "hf", ("torch", "transformers"))
    given = spec.removeprefix("hf:")
    found = find_hub_captioner(given)
    # The very files that were found are loaded, whatever becomes of the name on the hub, or of a link, meanwhile.
    if Path(given).expanduser().is_dir():
        name, version, exactly = found.label, "", str(found.folder)
    else:
        name, _, version = found.label.rpartition("@")
        exactly = f"{name}@{found.folder.name}"
    files = [found.folder / "config.json", *sorted(found.folder.glob("*.safetensors"))]
    return About(
        load=f"hf:{exactly}",
        label=f"hf:{found.label}",
        name=f"hf:{name}",
        short=(found.label, name),
        version=version,
        language="en",
        form="safetensors",
        families=(str(found.config["model_type"]),),
        terms="",
        size=sum(file.stat().st_size for file in files),
        changed=_changed(files),
        # Weights may have gigabytes, and are not read for this.
        digest=hashlib.sha256(f"{found.label} {_changed(files)} {found.config}".encode()).hexdigest(),
        refuses=WORD_BY_WORD,
    )


def _check_installed(spec: str, extra: str, modules: Sequence[str]) -> None:
    if any(importlib.util.find_spec(module) is None for module in modules):
        raise MissingExtraError(spec, extra)


def _changed(files: Sequence[Path]) -> float:
    return max(file.stat().st_mtime for file in files)
