"""OpenVINO on the CPU, with the captions of the default engine."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from numpy.typing import NDArray

from pictell.bundle import Bundle
from pictell.engines.integer_sums import integer_sums
from pictell.engines.onnx import OnnxEngine, Session
from pictell.errors import BundleError, MissingExtraError, OptionError


class OpenVinoEngine(OnnxEngine):
    """Runs a bundle's graphs in OpenVINO wherever that gives what onnxruntime gives. Any number of threads may call it at once.

    Graphs in full precision run as they are: log-probabilities differ by what the order of a sum makes of them. An 8-bit encoder
    runs as `integer_sums` writes it, with the same features to the last bit. A graph that cannot be written so, such as an 8-bit
    decoder, is left to onnxruntime.

    `threads` is how many cores one call may use, `at_once` how many calls run side by side; others wait for their turn.
    Nothing is sent anywhere and nothing kept on disk: graphs are compiled anew for each engine.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        BundleError: a graph is missing, altered, cannot be run, or does not fit the others.

    """

    def __init__(self, bundle: Bundle, threads: int = 1, at_once: int = 1) -> None:
        if at_once < 1:
            raise OptionError(f"at_once must be at least 1, not {at_once}")
        self._openvino = imported(f"openvino:{bundle.name}")
        self._at_once = at_once
        super().__init__(bundle, threads)

    def _session(self, bundle: Bundle, name: str, threads: int) -> Session:
        content = bundle.read(name)
        try:
            written = integer_sums(content)
        except (
            Exception
        ):  # onnx has no base class for what it raises of a damaged graph; onnxruntime says what is wrong
            written = None
        if written is None:
            return super()._session(bundle, name, threads)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # else it is bf16 where the processor has that, and captions are others
            "NUM_STREAMS": self._at_once,
            "INFERENCE_NUM_THREADS": self._at_once * threads,
            "ENABLE_CPU_PINNING": False,  # cores are shared with the threads that read photos, and with other programs
        }
        try:
            # Not by `openvino.convert_model`, which reports to its makers that it was called.
            core = _core()
            return _Compiled(core.compile_model(core.read_model(written), "CPU", settings))
        except Exception as error:  # RuntimeError as a rule
            reason = _reason(error)
            version = self._openvino.__version__.partition("-")[0]
            message = f"openvino {version} cannot run {bundle.directory / name}: {reason}"
            raise BundleError("broken-model", message) from error


@dataclass(frozen=True)
class _Value:
    """An input or output of a graph."""

    name: str


class _Compiled:
    """A compiled graph, called as a session of onnxruntime is."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        # One for each call that is under way: a request is for one thread at a time.
        self._requests: deque[Any] = deque()

    def get_inputs(self) -> list[_Value]:
        return [_Value(each.any_name) for each in self._compiled.inputs]

    def get_outputs(self) -> list[_Value]:
        return [_Value(each.any_name) for each in self._compiled.outputs]

    def run(self, outputs: list[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            request = self._requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            found = request.infer(dict(feeds))  # copies, on both sides
        finally:
            self._requests.append(request)
        return [found[name] for name in outputs]


def imported(what: str) -> Any:
    """The package `openvino`, imported so that it reports nothing; raises `MissingExtraError` on behalf of `what`."""
    try:
        import onnx  # noqa: F401  (`integer_sums` has need of it)

        with _unreported():
            import openvino
    except ImportError as error:
        raise MissingExtraError(what, "openvino") from error
    return openvino


@cache
def _core() -> Any:
    """OpenVINO itself, one for the whole process, which is never given back.

    The first one that runs a graph gives the thread a stack of its own for signals. Of several, the one that goes last puts
    back a stack that went with another, and the next signal, such as Ctrl-C, is the end of the process.
    """
    return imported("openvino").Core()


@contextmanager
def _unreported() -> Iterator[None]:
    """Within it OpenVINO is imported as if its reporting part were not installed.

    Else the import itself is reported to its makers, with a number of the machine that is left in the home folder.
    """
    before = {name: sys.modules.get(name) for name in ("openvino_telemetry", "openvino_telemetry.backend")}
    sys.modules.update(dict.fromkeys(before))  # type: ignore[arg-type]  # `None` stands for what cannot be imported
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _reason(error: Exception) -> str:
    """The lines of OpenVINO's many that say what is wrong, as one."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return " ".join(telling)[:300] or type(error).__name__
