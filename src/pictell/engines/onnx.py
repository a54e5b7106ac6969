"""The default engine: onnxruntime on the CPU.

A bundle has three graphs.

- `encoder.onnx`: input `pixels` (P, S, S, 3) uint8, output `grid` (P, R, D) float32. A model of region features has none: it is
  given the grid, whose rows of zeros are no regions.
- `start.onnx`: input `grid`; outputs `memory.NAME` (P, ...), which stay the same for a photo, and `state.NAME` (P, ...).
- `step.onnx`: inputs `tokens` (N,) int64, every `memory.NAME` (P, ...) and `state.NAME` (N, ...); outputs `log_probs`
  (N, V) float32, for every `state.NAME` its successor `next.NAME` (a graph cannot give two values one name), and, where
  the model has one, `attention` (N, R). N is a multiple of P and a photo's rows are consecutive, so beams share their
  photo's memory without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pictell.bundle import Bundle
from pictell.errors import BundleError, OptionError

Arrays = dict[str, NDArray[np.generic]]

_MEMORY, _STATE, _NEXT = "memory.", "state.", "next."
# Photos encoded at once: more would be no faster, and each takes megabytes of intermediate results.
_ENCODED_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Memory:
    """What the decoder looks at: constants and first states by their graph names, each (P, ...); the grid's means."""

    constants: Arrays
    first: Arrays
    features: NDArray[np.float32]  # (P, D)


@dataclass(frozen=True, eq=False)
class State:
    """N rows over P photos: row i belongs to photo `photos[i]` of `constants`, consecutive and equally many for each."""

    constants: Arrays  # (P, ...) each
    rows: Arrays  # (N, ...) each
    photos: NDArray[np.int64]  # (N,)


class Session(Protocol):
    """What is used of `onnxruntime.InferenceSession`; any number of threads may call it at once."""

    def get_inputs(self) -> list[Any]: ...  # noqa: D102

    def get_outputs(self) -> list[Any]: ...  # noqa: D102

    def run(self, outputs: list[str], feeds: Mapping[str, NDArray[Any]]) -> list[Any]: ...  # noqa: D102


class OnnxEngine:
    """Runs a bundle's graphs. Any number of threads may call it at once.

    `threads` (1 or more) is how many cores one call may use. The default is 1: several calls at once, one core each, make
    better use of cores than one call on all of them, whose threads wait for each other at every layer.

    Raises:
        BundleError: a graph is missing, altered, cannot be run, or does not fit the others.

    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        if threads < 1:
            raise OptionError(f"threads must be at least 1, not {threads}")
        self._encoder = None if bundle.regions else self._session(bundle, "encoder.onnx", threads)
        self._start = self._session(bundle, "start.onnx", threads)
        self._step = self._session(bundle, "step.onnx", threads)
        self._start_outputs = [output.name for output in self._start.get_outputs()]
        inputs = [graph_input.name for graph_input in self._step.get_inputs()]
        outputs = [output.name for output in self._step.get_outputs()]
        self._constants = [name for name in inputs if name.startswith(_MEMORY)]
        self._states = [name for name in inputs if name.startswith(_STATE)]
        self._attends = "attention" in outputs
        self._step_outputs = ["log_probs", *(_NEXT + name.removeprefix(_STATE) for name in self._states)]
        self._step_outputs += ["attention"] * self._attends
        if missing := {*self._constants, *self._states} - {*self._start_outputs}:
            raise BundleError(
                "not-a-bundle", f"{bundle.directory}: start.onnx does not give {', '.join(sorted(missing))}"
            )
        if missing := {*self._step_outputs} - {*outputs}:
            raise BundleError(
                "not-a-bundle", f"{bundle.directory}: step.onnx does not give {', '.join(sorted(missing))}"
            )
        self._vocabulary_size = len(bundle.vocabulary)

    @property
    def vocabulary_size(self) -> int:
        """V, the number of tokens that `step` gives a log-probability for."""
        return self._vocabulary_size

    def encode(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Memory:
        """What the decoder looks at, for `pixels` (P, S, S, 3): RGB, prepared as the model's preprocessing says.

        A model of region features is given these, (P, R, D) float32, as `pictell.regions.RegionSettings` fits them.
        """
        if self._encoder is None:
            grid = pixels
            features = grid.sum(axis=1) / np.maximum(grid.any(axis=2).sum(axis=1), 1)[:, None]
        else:
            chunks = [
                self._encoder.run(["grid"], {"pixels": pixels[i : i + _ENCODED_AT_ONCE]})[0]
                for i in range(0, len(pixels), _ENCODED_AT_ONCE)
            ]
            grid = np.concatenate(chunks)  # (P, R, D)
            features = grid.mean(axis=1)
        given = dict(zip(self._start_outputs, self._start.run(self._start_outputs, {"grid": grid}), strict=True))
        return Memory(
            {name: given[name] for name in self._constants},
            {name: given[name] for name in self._states},
            features.astype(np.float32),
        )

    def features(self, memory: Memory) -> NDArray[np.float32]:
        """What the photos look like to the encoder, (P, D): the mean over the places of its grid."""
        return memory.features

    def count(self, memory: Memory) -> int:
        """P, the number of photos in `memory`."""
        return len(memory.features)

    def start(self, memory: Memory) -> State:
        """The state before the first token, one row a photo."""
        return State(memory.constants, memory.first, np.arange(len(memory.features)))

    def step(
        self, tokens: NDArray[np.int64], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32] | None]:
        """Feeds `tokens` (N,); gives `log_probs` (N, V), the next state, and `attention` (N, R) or `None`."""
        feeds = {"tokens": tokens, **state.constants, **state.rows}
        log_probs, *rest = self._step.run(self._step_outputs, feeds)
        attention = rest.pop() if self._attends else None
        return log_probs, State(state.constants, dict(zip(self._states, rest, strict=True)), state.photos), attention

    def select(self, state: State, rows: NDArray[np.int64]) -> State:
        """The state whose row j is row `rows[j]` of `state`.

        As long as every photo that is left keeps its rows together and equally many, memory is never repeated.
        """
        owners = state.photos[rows]  # (M,)
        chosen = {name: array[rows] for name, array in state.rows.items()}
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))  # where each run of one photo's rows begins
        photos = owners[firsts]
        runs = np.diff(firsts, append=len(owners))
        regular = len(np.unique(photos)) == len(photos) and (runs == runs[:1]).all()
        if not regular:
            photos, runs = owners, np.ones_like(owners)
        constants = state.constants
        if not np.array_equal(photos, np.arange(state.photos[-1] + 1)):
            constants = {name: array[photos] for name, array in constants.items()}
        return State(constants, chosen, np.repeat(np.arange(len(photos)), runs))

    def _session(self, bundle: Bundle, name: str, threads: int) -> Session:
        """The graph in the bundle's file `name`, ready to run on so many cores."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait in a loop for the next layer would take the cores from those that read photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # failures are raised; what else there is to say is not for a captioner's reader
        content = bundle.read(name)
        try:
            session: Session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no base class of its own for what it raises
            reason = str(error).splitlines()[0]
            message = f"onnxruntime {onnxruntime.__version__} cannot run {bundle.directory / name}: {reason}"
            raise BundleError("broken-model", message) from error
        return session
