"""A training recipe: one YAML file that says everything a run depends on, checked before anything starts."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pictell.data.augmentation import Augmentation
from pictell.errors import RecipeError

BASELINES = ("leave_one_out", "greedy")
PRECISIONS = ("fp32", "bf16")
SCHEDULES = ("cosine", "linear", "constant")


@dataclass(frozen=True)
class Data:
    """Which photos: `folders` names each data set's folder, the others are `SET/SPLIT`, for example `flickr8k/train`.
    `regions` is where region features of the photos are (a folder, a TSV or an LMDB, see `pictell.regions`), for the encoder
    `regions`; the photos themselves need not be there then. `limit` keeps only the first photos of a split, by name. With
    `skip_missing` photos that are not on disk, have no captions or come twice are left out and counted; otherwise they stop
    the run before it begins.

    Photos that look like one of `held_out` (perceptual hash), captions with a blocked word and captions of more than
    `max_words` words are left out of training. The vocabulary has the words that come at least `min_count` times or, with
    `bpe_size`, so many pieces that words are spelt in, of characters and pairs that come as often.
    """

    folders: dict[str, str]
    train: list[str]
    dev: str
    held_out: list[str] = field(default_factory=list)
    regions: str | None = None
    limit: dict[str, int] = field(default_factory=dict)
    skip_missing: bool = False
    min_count: int = 5
    max_words: int = 20
    bpe_size: int | None = None


@dataclass(frozen=True)
class Model:
    """The network: `encoder` and `decoder` hold a registered `name` and its settings; `weights` is a folder with the
    encoder's pretrained weights, or `null` for fresh ones; `start_from` is a `best.safetensors`, or the
    `model.safetensors` of a bundle, to go on from with its words and, with `new_words`, those words of the captions beside
    them that come at least `min_count` times. With `encoder_only` its encoder and its words alone are taken, for a decoder
    with fresh weights. `language_model` is a folder with GPT-2's published weights for a decoder `gpt2_prefix`."""

    encoder: dict[str, Any]
    decoder: dict[str, Any]
    weights: str | None = None
    start_from: str | None = None
    new_words: bool = False
    encoder_only: bool = False
    language_model: str | None = None


@dataclass(frozen=True)
class SelfCritical:
    """How a phase samples: `samples` captions a photo, their reward (so many times CIDEr-D, about 0.5 here, and so many times
    BLEU-4, about 0.2) against `baseline`, one of `BASELINES`, and the share of the loss that stays `cross_entropy` with
    people's captions, which keeps sentences whole."""

    samples: int = 5
    cider_d: float = 1.0
    bleu_4: float = 0.0
    baseline: str = "leave_one_out"
    cross_entropy: float = 0.1


@dataclass(frozen=True)
class Distillation:
    """Whom a phase learns from beside people's captions: `teachers`, the folders of runs with the same words, the mean of
    whose predictions is the target of this `share` of the cross-entropy."""

    teachers: list[str]
    share: float = 0.5


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own learning rates, each warmed up over `warmup` steps and then lowered to a tenth along
    its `schedule`, one of `SCHEDULES`, or kept.

    With `encoder_lr` null the encoder is frozen and its features are computed once and cached, those of the photo itself
    and of `views - 1` augmented versions of it, one after another from epoch to epoch; otherwise its blocks from
    `encoder_from` on are fine-tuned on augmented photos, each block before the last with `layer_decay` times the rate of the one
    after it. `captions` of each photo are read in a step. With
    `round_weights` the encoder learns to work with weights rounded to 8 bits, as a bundle has them. `dropout` replaces the
    decoder's own for the phase. With `self_critical` the loss is that of self-critical training instead of cross-entropy.
    With `distillation` the words' targets are partly an ensemble's predictions.
    With `scheduled_sampling` the share of words read that are the model's own rises evenly from 0 to this over the phase.
    """

    name: str
    epochs: int
    lr: float
    encoder_lr: float | None = None
    encoder_from: int = 0
    layer_decay: float = 1.0
    views: int = 1
    warmup: int = 200
    schedule: str = "cosine"
    captions: int = 5
    round_weights: bool = False
    dropout: float | None = None
    self_critical: SelfCritical | None = None
    scheduled_sampling: float = 0.0
    distillation: Distillation | None = None


@dataclass(frozen=True)
class Recipe:
    """See the fields' own classes; `batch_size` counts the photos of a step, which are read in `pieces` to save memory;
    `precision` is that of the network's forward pass, one of `PRECISIONS`; `ema` is the decay of the averaged weights,
    `attention_penalty` the weight of the doubly stochastic attention of Xu et al. (2015). The dev photos are captioned after
    every `validate_every` epochs and each phase; `patience` is how often in a row that may show nothing better before a
    phase ends. `workers` are processes that read and augment photos while the encoder learns; with `keep_photos` these stay
    decoded in the memory of the GPU (or the CPU; 150 kB a photo at 224 px) and are augmented there. With `record_steps` a GPU
    is told the step of a full batch once a phase and then repeats it (a CUDA graph), instead of waiting for each of its
    thousands of parts; this is for cross-entropy in one process, without scheduled sampling. `tensorboard` also writes the
    curves for TensorBoard.

    `out` is the folder of the run, `runs/NAME` if it is empty; `features` is where the features of frozen encoders are kept,
    which several runs may share, a folder of the run if it is empty.
    """

    name: str
    data: Data
    model: Model
    phases: list[Phase]
    seed: int = 1
    out: str = ""
    features: str = ""
    batch_size: int = 32
    pieces: int = 1
    precision: str = "fp32"
    label_smoothing: float = 0.1
    attention_penalty: float = 0.0
    clip: float = 1.0
    weight_decay: float = 0.01
    ema: float = 0.999
    beam: int = 3
    length_penalty: float = 0.0
    patience: int = 3
    validate_every: int = 1
    keep_photos: bool = False
    record_steps: bool = False
    workers: int = 0
    checkpoint_minutes: float = 5.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    tensorboard: bool = False

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.out or f"runs/{self.name}")


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies `key=value` overrides; dots reach inside, numbers index lists (`phases.0.epochs=2`).

    Values are read as YAML. Raises `RecipeError` naming an unknown key, a wrong type, a number out of its range or a file
    that is not there.
    """
    import yaml

    try:
        content = _read_yaml(path.read_text(encoding="utf-8"))
        for override in overrides:
            key, equals, value = override.partition("=")
            if not equals:
                raise RecipeError("override", f"{override!r} is not KEY=VALUE")
            _set(content, key, _value(value))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("missing", f"cannot read the recipe {path}: {error}") from error
    except yaml.YAMLError as error:
        raise RecipeError("yaml", f"{path} is not YAML: {' '.join(str(error).split())}") from error
    recipe = recipe_of(content)
    for where, number, least, most in _ranges(recipe):
        if not least <= number <= most:
            raise RecipeError("range", f"recipe.{where} is {number}; it must be {least} to {most}")
    for where, given, known in _names(recipe):
        if given not in known:
            raise RecipeError("unknown-name", f"recipe.{where}: there is no {given!r}; known: {', '.join(known)}")
    return recipe


def _value(text: str) -> Any:
    """What an override's text means: JSON where it is that, else YAML."""
    if text.startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return _read_yaml(text)


def _read_yaml(text: str) -> Any:
    """YAML in which `1e-6` is a number, as in YAML 1.2; version 1.1, which is PyYAML's, takes it for a word."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    number = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return yaml.load(text, Loader)


def recipe_of(content: Any) -> Recipe:
    """The recipe that settings make, those that are not there as usual; `RecipeError` for unknown ones and wrong types."""
    recipe: Recipe = _build(Recipe, content, "recipe")
    return recipe


def _names(recipe: Recipe) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Each name with its place and those that are known."""
    yield "precision", recipe.precision, PRECISIONS
    for number, phase in enumerate(recipe.phases):
        yield f"phases.{number}.schedule", phase.schedule, SCHEDULES
        if phase.self_critical is not None:
            yield f"phases.{number}.self_critical.baseline", phase.self_critical.baseline, BASELINES


def _ranges(recipe: Recipe) -> Iterator[tuple[str, float, float, float]]:
    """Each number with its place, least and greatest value; outside them a run would fail, perhaps hours later."""
    tiny, many = 1e-12, 1e12
    yield "seed", recipe.seed, 0, many
    yield "batch_size", recipe.batch_size, 1, many
    yield "pieces", recipe.pieces, 1, recipe.batch_size
    yield "label_smoothing", recipe.label_smoothing, 0, 1
    yield "attention_penalty", recipe.attention_penalty, 0, many
    yield "clip", recipe.clip, tiny, many
    yield "weight_decay", recipe.weight_decay, 0, many
    yield "ema", recipe.ema, 0, 1
    yield "beam", recipe.beam, 1, many
    yield "length_penalty", recipe.length_penalty, -many, many
    yield "patience", recipe.patience, 1, many
    yield "validate_every", recipe.validate_every, 1, many
    yield "workers", recipe.workers, 0, 1024
    yield "checkpoint_minutes", recipe.checkpoint_minutes, 0, many
    yield "data.min_count", recipe.data.min_count, 1, many
    for name, photos in recipe.data.limit.items():
        yield f"data.limit.{name}", photos, 1, many
    yield "data.max_words", recipe.data.max_words, 1, many
    if recipe.data.bpe_size is not None:
        yield "data.bpe_size", recipe.data.bpe_size, 5, 1e6
    yield "augmentation.crop", recipe.augmentation.crop, 0.01, 1
    yield "augmentation.colour", recipe.augmentation.colour, 0, 1
    yield "augmentation.mirror", recipe.augmentation.mirror, 0, 1
    yield "phases, counted,", len(recipe.phases), 1, many
    for number, phase in enumerate(recipe.phases):
        yield f"phases.{number}.epochs", phase.epochs, 0, many
        yield f"phases.{number}.lr", phase.lr, tiny, many
        if phase.encoder_lr is not None:
            yield f"phases.{number}.encoder_lr", phase.encoder_lr, tiny, many
        yield f"phases.{number}.encoder_from", phase.encoder_from, 0, many
        yield f"phases.{number}.layer_decay", phase.layer_decay, 0.01, 1
        # Without a frozen encoder there are no features to keep, and every photo is augmented anew.
        yield f"phases.{number}.views", phase.views, 1, many if phase.encoder_lr is None else 1
        yield f"phases.{number}.warmup", phase.warmup, 0, many
        yield f"phases.{number}.captions", phase.captions, 1, many
        if phase.dropout is not None:
            yield f"phases.{number}.dropout", phase.dropout, 0, 0.99
        yield f"phases.{number}.scheduled_sampling", phase.scheduled_sampling, 0, 1
        if phase.distillation is not None:
            yield f"phases.{number}.distillation.share", phase.distillation.share, 0, 1
            yield f"phases.{number}.distillation.teachers, counted,", len(phase.distillation.teachers), 1, many
        if phase.self_critical is not None:
            # The mean of a photo's other samples needs another one.
            least = 2 if phase.self_critical.baseline == "leave_one_out" else 1
            yield f"phases.{number}.self_critical.samples", phase.self_critical.samples, least, many
            yield f"phases.{number}.self_critical.cider_d", phase.self_critical.cider_d, 0, many
            yield f"phases.{number}.self_critical.bleu_4", phase.self_critical.bleu_4, 0, many
            both = phase.self_critical.cider_d + phase.self_critical.bleu_4
            yield f"phases.{number}.self_critical: cider_d + bleu_4", both, tiny, many
            yield f"phases.{number}.self_critical.cross_entropy", phase.self_critical.cross_entropy, 0, 1


def _set(content: Any, key: str, value: Any) -> None:
    *path, last = key.split(".")
    try:
        for part in path:
            content = content[int(part)] if isinstance(content, list) else content.setdefault(part, {})
        if isinstance(content, list):
            content[int(last)] = value
        else:
            content[last] = value
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise RecipeError("override", f"the recipe has no place {key!r}") from error


def _build(kind: Any, value: Any, where: str) -> Any:
    """Makes a value of the annotated type out of what YAML gave, naming the place where it does not fit."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise RecipeError("type", f"{where}: expected settings, got {value!r}")
        hints = typing.get_type_hints(kind)
        if unknown := [key for key in value if key not in hints]:
            near = difflib.get_close_matches(str(unknown[0]), hints, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(hints)}"
            raise RecipeError("unknown-key", f"{where} has no {unknown[0]!r}; {hint}")
        try:
            return kind(**{key: _build(hints[key], item, f"{where}.{key}") for key, item in value.items()})
        except TypeError as error:
            needed = [f.name for f in dataclasses.fields(kind) if f.name not in value and _required(f)]
            raise RecipeError("missing-key", f"{where} lacks {', '.join(needed)}") from error
    if origin is list and isinstance(value, list):
        return [_build(arguments[0], item, f"{where}.{number}") for number, item in enumerate(value)]
    if origin is dict and isinstance(value, Mapping):
        return {str(key): _build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _build(next(argument for argument in arguments if argument is not type(None)), value, where)
    if kind is Any or (kind in (bool, int, str) and type(value) is kind):
        return value
    if kind is float and not isinstance(value, bool):
        try:  # YAML 1.1 reads 5e-4 as a string
            return float(value)
        except (TypeError, ValueError):
            pass
    raise RecipeError("type", f"{where}: expected {getattr(origin or kind, '__name__', kind)}, got {value!r}")


def _required(f: dataclasses.Field[Any]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
