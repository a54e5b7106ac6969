"""A model as one directory: what it holds, where it is found, and that nothing in it was changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pictell.decoding import SearchOptions
from pictell.errors import BundleError, PictellError
from pictell.files import write_atomically
from pictell.language import Vocabulary
from pictell.photos import Preprocessing
from pictell.regions import RegionSettings

FORMAT = (1, 0)
"""The format written here, major and minor. A newer minor one only adds; a newer major one cannot be read."""

DEFAULT = "pictell-default"
"""The bundle that is used where none is named."""

NEEDED = (
    "encoder.onnx",
    "start.onnx",
    "step.onnx",
    "vocabulary.json",
    "preprocessing.json",
    "generation.json",
    "LICENSE",
    "README.md",
)
"""The files without which a directory is no bundle, `config.json` aside."""

OF_PHOTOS = ("encoder.onnx", "preprocessing.json")
"""Those that a model of region features is without: it sees no photo."""

CALIBRATION = "calibration.json"
"""What makes a confidence of a search; a bundle without it gives none."""

OPTIONAL = ("model.safetensors", CALIBRATION)
"""The files that a bundle may have besides."""

_CONFIG = "config.json"
_INSTALLED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class _File:
    """What `config.json` says of a file: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """A model directory, opened: `config.json` was read, and every file that it lists is there with the right size.

    The content of a file is checked against its SHA-256 whenever it is read, so that opening costs no time for files
    that are not used. `architecture` is what makes the same network again; `terms` says, in a line or two, what the
    model was trained on and what it may be used for.
    """

    directory: Path
    name: str
    version: int
    architecture: Mapping[str, Any]
    terms: str
    files: Mapping[str, _File]

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Bundle:
        """Opens a bundle directory.

        Raises:
            BundleError: `missing-file`, `altered-file`, `newer-format`, or `not-a-bundle` for anything else that is
                wrong with `config.json`.

        """
        directory = Path(directory)
        config = _read_config(directory)
        try:
            bundle = cls(
                directory=directory,
                name=str(config["name"]),
                version=int(config["version"]),
                architecture=dict(config["architecture"]),
                terms=str(config["terms"]),
                files={
                    str(name): _File(int(file["bytes"]), str(file["sha256"])) for name, file in config["files"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError("not-a-bundle", f"{directory / _CONFIG} is not a bundle's: {_why(error)}") from error
        for name in (*_needed(bundle.architecture), *bundle.files):
            if name not in bundle.files or Path(name).name != name:
                raise BundleError("not-a-bundle", f"{directory / _CONFIG} does not list a proper {name!r}")
            bundle._check_size(name)
        return bundle

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @cached_property
    def regions(self) -> RegionSettings | None:
        """The region features that the model reads in the place of photos; `None` for one that looks at photos."""
        settings = _encoder_of(self.architecture)
        if settings is None:
            return None
        try:
            return RegionSettings(**settings)
        except (TypeError, ValueError) as error:
            message = f"{self.directory / _CONFIG} does not say what regions the model reads: {error}"
            raise BundleError("not-a-bundle", message) from error

    @property
    def size(self) -> int:
        """The bytes of all files, `config.json` aside."""
        return sum(file.size for file in self.files.values())

    def read(self, name: str) -> bytes:
        """The content of a file, after checking that it is what was sealed.

        Raises:
            BundleError: `missing-file` or `altered-file`.

        """
        if name not in self.files:
            raise BundleError("missing-file", f"{self.directory} has no {name}; {_REMEDY}")
        self._check_size(name)
        try:
            content = (self.directory / name).read_bytes()
        except OSError as error:
            raise BundleError("missing-file", f"cannot read {self.directory / name}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != self.files[name].sha256:
            raise _altered(self.directory / name, "its checksum differs")
        return content

    def check(self) -> None:
        """Reads every file and checks it; raises what `read` raises for the first that is wrong."""
        for name in self.files:
            self.read(name)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words that the model can say."""
        return Vocabulary.from_json(self._read_text("vocabulary.json"))

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """How photos were prepared when the model was trained."""
        try:
            return Preprocessing.from_json(json.loads(self._read_text("preprocessing.json")))
        except (TypeError, ValueError) as error:
            message = f"{self.directory / 'preprocessing.json'} does not say how to prepare photos: {error}"
            raise BundleError("not-a-bundle", message) from error

    @cached_property
    def generation(self) -> SearchOptions:
        """How to search, as chosen for this model."""
        try:
            settings = json.loads(self._read_text("generation.json"))
            max_words = int(settings["max_words"])
            return SearchOptions(
                beam=int(settings["beam"]),
                max_words=self.vocabulary.most_tokens(max_words),
                min_words=int(settings.get("min_words", 1)),
                length_penalty=float(settings.get("length_penalty", 0.0)),
                start=Vocabulary.start,
                end=Vocabulary.end,
                never=(Vocabulary.pad, Vocabulary.start, Vocabulary.unk),
                not_after=self.vocabulary.rule(max_words),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"{self.directory / 'generation.json'} does not say how to search: {_why(error)}"
            raise BundleError("not-a-bundle", message) from error

    def _read_text(self, name: str) -> str:
        return self.read(name).decode("utf-8")

    def _check_size(self, name: str) -> None:
        path = self.directory / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise BundleError("missing-file", f"{path} is missing; {_REMEDY}") from error
        if size != self.files[name].size:
            raise _altered(path, f"it has {size} bytes instead of {self.files[name].size}")


def installed_bundles() -> list[Bundle]:
    """The bundles that came with the package, by name; raises `BundleError` where one of them is damaged."""
    return [Bundle.open(_INSTALLED / name) for name in _installed_names()]


def find_bundle(model: str | os.PathLike[str] | None = None) -> Bundle:
    """The bundle that `model` names: an installed one (`pictell-default`, for short `default`), or a directory.

    An installed one may be asked for in one version, `name@version`. `None` is the default.

    Raises:
        BundleError: `unknown-model`, or what `Bundle.open` raises.

    """
    installed = _installed_names()
    wanted = DEFAULT if model is None else os.fspath(model)
    name, _, version = wanted.partition("@")
    name = f"pictell-{name}" if name not in installed and f"pictell-{name}" in installed else name
    if name in installed:
        bundle = Bundle.open(_INSTALLED / name)
        if version in ("", str(bundle.version)):
            return bundle
        raise BundleError("unknown-model", f"{wanted} is not installed; installed is {bundle.label}")
    if wanted and Path(wanted).is_dir():  # an empty name is not the current directory
        return Bundle.open(wanted)
    there_are = f"installed: {', '.join(installed)}" if installed else "none is installed"
    raise BundleError("unknown-model", f"no model {wanted!r}: neither a name ({there_are}) nor a bundle directory")


def seal(
    directory: str | os.PathLike[str], *, name: str, version: int, architecture: Mapping[str, Any], terms: str
) -> Bundle:
    """Makes a directory a bundle: writes its `config.json` with size and SHA-256 of every file in it, and opens it.

    Files whose names begin with a dot are left out. `config.json` is replaced in one move, so that a directory is
    sealed either as it was or as it is.

    Raises:
        BundleError: `missing-file`, a file in `NEEDED` is not there; `not-a-bundle`, something else is in its place.

    """
    directory = Path(directory)
    files = {}
    for path in sorted(directory.iterdir()):
        if path.name == _CONFIG or path.name.startswith("."):
            continue
        if not path.is_file():
            raise BundleError("not-a-bundle", f"{path} is no file: a bundle is a flat directory")
        content = path.read_bytes()
        files[path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    missing = [needed for needed in _needed(architecture) if needed not in files]
    if missing:
        raise BundleError("missing-file", f"{directory} cannot become a bundle without {', '.join(missing)}")
    _write_config(directory, name, version, architecture, terms, files)
    return Bundle.open(directory)


def put_file(bundle: Bundle, name: str, content: bytes) -> Bundle:
    """Adds a file to a bundle, or replaces it, and opens the bundle anew; the other files stay sealed as they were.

    Meanwhile the bundle is one without the file, so that it can be opened at any time. For files that are not `NEEDED`.

    Raises:
        PictellError: `output`, the bundle cannot be written to.

    """
    files = {
        other: {"sha256": file.sha256, "bytes": file.size} for other, file in bundle.files.items() if other != name
    }
    sealed = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    fixed = (bundle.directory, bundle.name, bundle.version, bundle.architecture, bundle.terms)
    try:
        if name in bundle.files:
            _write_config(*fixed, files)
        write_atomically(bundle.directory / name, content)
        _write_config(*fixed, dict(sorted((files | {name: sealed}).items())))
    except OSError as error:
        raise PictellError("output", f"cannot write to {bundle.directory}: {error.strerror}") from error
    return Bundle.open(bundle.directory)


def _write_config(
    directory: Path,
    name: str,
    version: int,
    architecture: Mapping[str, Any],
    terms: str,
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    config = {
        "format": ".".join(map(str, FORMAT)),
        "name": name,
        "version": version,
        "architecture": dict(architecture),
        "terms": terms,
        "files": dict(files),
    }
    write_atomically(directory / _CONFIG, json.dumps(config, ensure_ascii=False, indent=2) + "\n")


def _encoder_of(architecture: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of an encoder of region features, `None` for another one."""
    encoder = architecture.get("encoder")
    if not isinstance(encoder, Mapping) or encoder.get("name") != "regions":
        return None
    return {str(key): value for key, value in encoder.items() if key != "name"}


def _needed(architecture: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in NEEDED if _encoder_of(architecture) is None or name not in OF_PHOTOS)


_REMEDY = "install pictell again, or fetch the bundle again"


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / _CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        major, minor = (int(part) for part in str(config["format"]).split("."))
    except FileNotFoundError as error:
        message = f"{path} is missing" if directory.is_dir() else f"there is no directory {directory}"
        raise BundleError("missing-file", message) from error
    except OSError as error:
        raise BundleError("missing-file", f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError("not-a-bundle", f"{path} is not a bundle's: {_why(error)}") from error
    if major > FORMAT[0]:
        message = (
            f"{directory} has format {major}.{minor}, and this pictell reads {FORMAT[0]}.x: install a newer pictell"
        )
        raise BundleError("newer-format", message)
    assert isinstance(config, dict)
    return config


def _altered(path: Path, how: str) -> BundleError:
    return BundleError("altered-file", f"{path} is not the file that was sealed ({how}); {_REMEDY}")


def _why(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _installed_names() -> list[str]:
    """The folders' names, which are the bundles' names."""
    if not _INSTALLED.is_dir():
        return []
    return sorted(path.name for path in _INSTALLED.iterdir() if path.is_dir() and path.name[0] not in "._")
