"""From a trained network to a bundle: ONNX graphs to run, half-precision weights to go on training, and what they mean."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pictell.bundle import NEEDED, OPTIONAL, seal
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError
from pictell.language import Vocabulary
from pictell.models import CaptioningModel
from pictell.models.decoders.base import Decoder
from pictell.models.encoders.regions import RegionFeatures
from pictell.photos import Preprocessing
from pictell.training.graphs import fold_padding
from pictell.training.parity import check_parity, compare
from pictell.training.quantise import quantise_convolutions, quantise_decoder

OPSET = 17


class _Start(nn.Module):
    """`Decoder.start` with its memory and state laid out in a row, as ONNX has them."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, grid: Tensor) -> tuple[Tensor, ...]:
        memory, state = self.decoder.start(grid)
        return (*memory.values(), *state.values())


class _Step(nn.Module):
    """`Decoder.step` likewise."""

    def __init__(self, decoder: Decoder, memory: list[str], state: list[str]) -> None:
        super().__init__()
        self.decoder = decoder
        self.memory = memory
        self.state = state

    def forward(self, tokens: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        memory = dict(zip(self.memory, tensors[: len(self.memory)], strict=True))
        state = dict(zip(self.state, tensors[len(self.memory) :], strict=True))
        log_probs, new, attention = self.decoder.step(tokens, memory, state)
        found = (log_probs, *(new[name] for name in self.state))
        return found if attention is None else (*found, attention)


def export_graphs(model: CaptioningModel, folder: Path) -> None:
    """Writes `encoder.onnx`, `start.onnx` and `step.onnx` in full precision; the same words as `model` gives.

    A model of region features has no `encoder.onnx`.

    Inputs and outputs are named as the bundle format says: `pixels`, `grid`, `tokens`, `log_probs`, `attention`, and
    `memory.*`, `state.*` and, for the state after a step, `next.*`; photos and rows may be any number.
    """
    model.eval()
    pixels = torch.from_numpy(_noise(model, 2))
    with torch.no_grad():
        grid = model.encoder(pixels)
        memory, state = model.decoder.start(grid)
        rows = {name: tensor.repeat_interleave(2, dim=0) for name, tensor in state.items()}
        tokens = torch.full((4,), Vocabulary.start, dtype=torch.int64)
        _, after, attention = model.decoder.step(tokens, memory, rows)
    inside = [f"memory.{name}" for name in memory] + [f"state.{name}" for name in state]
    photos = {0: "photos"}
    before: dict[str, dict[int, str]] = {}
    grown: dict[str, dict[int, str]] = {}
    for name, tensor in rows.items():
        # An axis that one word makes longer is of any length.
        axes = [axis for axis, size in enumerate(tensor.shape) if after[name].shape[axis] != size]
        before[f"state.{name}"] = {0: "rows", **dict.fromkeys(axes, "words")}
        grown[f"next.{name}"] = {0: "rows", **dict.fromkeys(axes, "words_read")}
    if not isinstance(model.encoder, RegionFeatures):
        _export(model.encoder, (pixels,), folder / "encoder.onnx", {"pixels": photos}, {"grid": photos})
        fold_padding(folder / "encoder.onnx")
    _export(_Start(model.decoder), (grid,), folder / "start.onnx", {"grid": photos}, dict.fromkeys(inside, photos))
    _export(
        _Step(model.decoder, list(memory), list(state)),
        (tokens, *memory.values(), *after.values()),
        folder / "step.onnx",
        {"tokens": {0: "rows"}, **{f"memory.{name}": photos for name in memory}, **before},
        {"log_probs": {0: "rows"}, **grown, **({} if attention is None else {"attention": {0: "rows"}})},
    )


def _noise(model: CaptioningModel, count: int) -> NDArray[Any]:
    """So many photos of nothing, `(B, S, S, 3)` uint8, or as many regions a photo of nothing, `(B, R, D)` float32."""
    generator = np.random.default_rng(0)
    if isinstance(model.encoder, RegionFeatures):
        rows = generator.standard_normal((count, model.encoder.regions, model.encoder.channels), np.float32)
        for photo, regions in enumerate(rows):
            regions[1 + photo * len(regions) // count :] = 0  # photos have different numbers of them
        return rows
    return generator.integers(0, 256, (count, model.encoder.size, model.encoder.size, 3), np.uint8)


def _export(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: dict[str, dict[int, str]],
    outputs: dict[str, dict[int, str]],
) -> None:
    """`inputs` and `outputs` by name, each with its axes that may have any length and what these count."""
    with warnings.catch_warnings():
        # The exporter by tracing is enough for these graphs, twenty times faster than its successor, and warns of it.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=inputs | outputs,
        )
    module.eval()


def export_bundle(
    model: CaptioningModel,
    vocabulary: Vocabulary,
    directory: Path,
    *,
    name: str,
    version: int,
    terms: str,
    licence: str,
    card: str,
    preprocessing: Preprocessing | None,
    generation: Mapping[str, Any],
    calibration: NDArray[np.uint8] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Writes a whole bundle; a bundle in `directory` is replaced only once the new one is complete.

    With `calibration`, training photos `(B, S, S, 3)` as the encoder sees them, the encoder is quantised to 8 bits with
    activation ranges from these photos, and so are the decoder's products; without it both stay in full precision.

    `preprocessing` is `None` for a model of region features, whose bundle is without it and without an encoder.

    In full precision it must say what `model` says before it goes to `directory`, see `check_parity`; of 8 bits `say` hears how
    many words stay the same.

    Raises `BundleError` where `directory` holds something that is not a bundle, see `check_replaceable`, where the bundle says
    something else than the network, or where it cannot be written.
    """
    from safetensors.torch import save_file

    check_replaceable(directory)
    with _beside(directory) as folder:
        export_graphs(model.cpu(), folder)
        halves = {key: value.half().contiguous() for key, value in model.state_dict().items()}
        # With a progress, though an empty one, it is a checkpoint that a recipe can start from.
        save_file(halves, folder / "model.safetensors", metadata={"format": "pt", "progress": "{}"})
        texts = {
            "vocabulary.json": vocabulary.to_json(),
            **({} if preprocessing is None else {"preprocessing.json": json.dumps(preprocessing.to_json(), indent=1)}),
            "generation.json": json.dumps(dict(generation), indent=1),
            "LICENSE": licence,
            "README.md": card,
        }
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        about: dict[str, Any] = {"name": name, "version": version, "architecture": model.architecture, "terms": terms}
        pixels = _noise(model, 4) if calibration is None else calibration[:16]
        check_parity(model, seal(folder, **about), pixels)
        if calibration is not None:
            quantise_convolutions(folder / "encoder.onnx", calibration)
            quantise_decoder(folder, calibration)
            _, same = compare(TorchEngine(model), OnnxEngine(seal(folder, **about)), pixels)
            say(f"{same:.0%} of the words that full precision chooses are chosen with 8-bit weights")
        for path in folder.iterdir():
            path.chmod(0o644)  # safetensors lets only its owner read a file
        _replace(directory, folder)


@contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """A folder on the same disk to make the bundle in, gone afterwards; `BundleError` for what the disk refuses."""
    from safetensors import SafetensorError

    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as temporary:
            folder = Path(temporary) / directory.name
            folder.mkdir()
            yield folder
    except (OSError, SafetensorError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise BundleError("cannot-save", f"cannot write the bundle {directory}: {why}") from error


def check_replaceable(directory: Path) -> None:
    """Lets nothing be lost: `directory` may be missing, empty, or hold a bundle, damaged or not, and nothing beside it.

    Raises `BundleError` where anything else is in the way.
    """
    if not directory.exists():
        return
    names = {file.name for file in directory.iterdir()} if directory.is_dir() else {directory.name}
    others = names - {"config.json", *NEEDED, *OPTIONAL}
    if names and (others or "config.json" not in names):
        what = repr(min(others)) if others else "something other than a bundle"
        raise BundleError("in-the-way", f"{directory} holds {what}: name another folder for the bundle")


def _replace(directory: Path, folder: Path) -> None:
    """Moves `folder` to `directory`; what was there goes beside `folder`, and comes back if the move fails."""
    old = folder.with_name(f"{folder.name}.old")
    if directory.exists():
        directory.replace(old)
    try:
        folder.replace(directory)
    except BaseException:
        if old.exists():
            old.replace(directory)
        raise
