"""How fast pictell captions: milliseconds a stage, photos a second against two floors, start-up time and memory.

    python benchmarks/latency.py [--model M] [--photos 500] [--large 40] [--rounds 5]

Floors, measured in the same rounds, by turns with pictell: the fp32 MobileNetV2 encoder alone in onnxruntime over tensors
already in memory, and decoding 12-megapixel JPEGs alone (at the reduced scale that pictell decodes at, and in full). Needs the
`train` extra, whose exporter writes the fp32 encoder. Ratios above 1 mean that pictell is faster than the floor.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

import pictell
from pictell.bundle import Bundle
from pictell.captioner import usable_cores
from pictell.decoding import beam_search
from pictell.engines.onnx import OnnxEngine
from pictell.photos import open_photo, prepare

sys.path.insert(0, str(Path(__file__).parent))
from photos_to_measure import EXAMPLES, write_photos

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--large", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    console = Console()
    captioner = pictell.load(options.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small_folder, large_folder = folder / "small", folder / "large"
        small_folder.mkdir()
        large_folder.mkdir()
        small = write_photos(small_folder, options.photos, (224, 224))
        large = write_photos(large_folder, options.large, (4000, 3000), noise=4)
        pixels = np.stack([prepare(open_photo(path), captioner.bundle.preprocessing) for path in small])
        encoder = fp32_encoder(captioner.bundle, folder)

        console.print(stages(captioner.bundle, small, pixels))
        table = Table(title=f"photos a second, {usable_cores()} cores, median of {options.rounds} rounds by turns")
        for column in ("photos", "pictell", "floor", "photos/s", "ratio", "aim"):
            table.add_column(column, justify="left" if column in ("photos", "floor") else "right")

        def rows(photos: Sequence[Path], floors: dict[str, Callable[[], None]], size: str, aim: str) -> None:
            def ours() -> None:
                captioner.caption_many(photos)

            times = by_turns({"pictell": ours, **floors}, options.rounds)
            rate = len(photos) / times["pictell"]
            for name in floors:
                floor = len(photos) / times[name]
                table.add_row(
                    f"{len(photos)} x {size}", f"{rate:.0f}", name, f"{floor:.0f}", f"{rate / floor:.2f}", aim
                )

        rows(small, {"fp32 encoder alone": lambda: run_encoder(encoder, pixels)}, "224 px", "1.0")
        reduced = {"reduced decoding alone": lambda: decode(large, reduced=True)}
        rows(large, {**reduced, "full decoding alone": lambda: decode(large, reduced=False)}, "12 Mpx", "0.8")
        console.print(table)
    console.print(command(options.model, options.rounds))


def stages(bundle: Bundle, photos: Sequence[Path], pixels: NDArray[np.uint8]) -> Table:
    """One photo at a time on one core: what each stage takes."""
    engine = OnnxEngine(bundle, 1)
    times: dict[str, list[float]] = {"read": [], "encode": [], "search": []}
    for path, picture in zip(photos[:100], pixels[:100], strict=True):
        begun = time.perf_counter()
        prepare(open_photo(path, smallest_side=bundle.preprocessing.size), bundle.preprocessing)
        read = time.perf_counter()
        memory = engine.encode(picture[None])
        encoded = time.perf_counter()
        beam_search(engine, memory, bundle.generation)
        for stage, took in zip(times, (read - begun, encoded - read, time.perf_counter() - encoded), strict=True):
            times[stage].append(took * 1000)
    table = Table(title=f"milliseconds a stage, one photo of 224 px at a time, one core, beam {bundle.generation.beam}")
    for column in ("stage", "median", "90th percentile"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage, values in times.items():
        table.add_row(stage, f"{statistics.median(values):.1f}", f"{np.percentile(values, 90):.1f}")
    return table


def fp32_encoder(bundle: Bundle, folder: Path) -> onnxruntime.InferenceSession:
    """The bundle's encoder in full precision, written to `folder`; all cores, onnxruntime's own defaults otherwise."""
    from safetensors.torch import load_file

    from pictell.models import build_model
    from pictell.training.export import export_graphs

    model = build_model(bundle.architecture, len(bundle.vocabulary))
    model.load_state_dict(
        {name: weight.float() for name, weight in load_file(bundle.directory / "model.safetensors").items()}
    )
    export_graphs(model, folder)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = usable_cores()
    return onnxruntime.InferenceSession(folder / "encoder.onnx", settings, providers=["CPUExecutionProvider"])


def run_encoder(session: onnxruntime.InferenceSession, pixels: NDArray[np.uint8]) -> None:
    for first in range(0, len(pixels), 16):
        session.run(None, {"pixels": pixels[first : first + 16]})


def decode(photos: Sequence[Path], *, reduced: bool) -> None:
    """Decodes the photos in as many threads as there are cores."""
    from concurrent.futures import ThreadPoolExecutor

    def one(path: Path) -> None:
        with Image.open(path) as image:
            if reduced:
                image.draft("RGB", (448, 448))
            image.load()

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(one, photos))


def by_turns(tasks: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """The median seconds of each task; one round runs each of them once, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for round_number in range(rounds + 1):
        for name, task in tasks.items():
            begun = time.perf_counter()
            task()
            if round_number:
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in times.items()}


def command(model: str | None, rounds: int) -> Table:
    """From the start of the command to the end of its one caption, and the most memory it held."""
    line = [
        sys.executable,
        "-m",
        "pictell",
        "caption",
        str(EXAMPLES / "cat.jpg"),
        *(["--model", model] if model else []),
    ]
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        seconds.append(time.perf_counter() - begun)
    table = Table(title="the command pictell caption, warm file cache")
    for column in ("what", "value", "aim"):
        table.add_column(column)
    table.add_row("start to caption, one photo, s", f"{statistics.median(seconds[1:]):.2f}", "1.2")
    with tempfile.TemporaryDirectory() as temporary:
        write_photos(Path(temporary), 200, (224, 224))
        # A small program in between: what this one holds would count as its child's.
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, *line[:4], temporary, *line[5:]], check=True, capture_output=True, text=True
        )
    peak = int(measured.stdout) * (1 if sys.platform == "darwin" else 1024)  # bytes
    table.add_row("peak memory, 200 photos, MB", f"{peak / 1e6:.0f}", "300")
    return table


if __name__ == "__main__":
    main()
