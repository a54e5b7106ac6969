"""How long search takes: many photos at once against one at a time, with required words against without, and encoding.

    python benchmarks/decoding.py [--model M] [--photos 64] [--beam 5] [--rounds 5]

All ways are run by turns in the same process, on photos cut from the examples and encoded beforehand. One thread searches; on
two cores, as the captioner does, two threads have half of the photos each. A ratio is the time over that of the way named
beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from latency import by_turns
from photos_to_measure import write_photos
from rich.console import Console
from rich.table import Table

from pictell.bundle import find_bundle
from pictell.captioner import usable_cores
from pictell.decoding import SearchOptions, beam_search
from pictell.engines.onnx import OnnxEngine
from pictell.photos import open_photo, prepare
from pictell.steering import CaptionOptions

REQUIRED = ("dog", "water", "red")
"""Words of everyday captions, none of which the photos suggest for sure."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None)
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    settings = parser.parse_args()
    bundle = find_bundle(settings.model)
    engine = OnnxEngine(bundle, 1)
    with tempfile.TemporaryDirectory() as folder:
        photos = [open_photo(path) for path in write_photos(Path(folder), settings.photos, (224, 224))]
    pixels = np.stack([prepare(photo, bundle.preprocessing) for photo in photos])
    half = len(pixels) // 2
    together = engine.encode(pixels)
    halves = [engine.encode(pixels[:half]), engine.encode(pixels[half:])]
    alone = [engine.encode(each[None]) for each in pixels]

    def options(**asked: object) -> SearchOptions:
        wanted = CaptionOptions(beam=settings.beam, **asked)  # type: ignore[arg-type]  # a few of its fields
        return wanted.for_search(bundle.generation, bundle.vocabulary)

    plain = options()
    ways: dict[str, tuple[Callable[[], object], str, str]] = {
        "one photo at a time": (lambda: [beam_search(engine, each, plain) for each in alone], "", ""),
        "all at once": (lambda: beam_search(engine, together, plain), "one photo at a time", "0.5"),
        "all at once, two threads": (lambda: in_threads(engine, halves, plain), "one photo at a time", "0.5"),
        "encoding": (lambda: engine.encode(pixels), "all at once", ""),
    }
    for count in (1, 3):
        required = options(must=REQUIRED[:count])
        ways[f"{count} required"] = (
            lambda required=required: beam_search(engine, together, required),  # type: ignore[misc]  # bound early
            "all at once",
            {1: "2.5", 3: "8"}[count],
        )
    grouped = options(num=settings.beam, diversity=0.5)
    same_num = replace(plain, num=settings.beam)
    ways["best of the beam"] = (lambda: beam_search(engine, together, same_num), "all at once", "")
    ways["as many groups"] = (lambda: beam_search(engine, together, grouped), "best of the beam", "")

    times = by_turns({name: way[0] for name, way in ways.items()}, settings.rounds)
    cores = f"{usable_cores()} cores"
    table = Table(
        title=f"{len(pixels)} photos, beam {settings.beam}, {cores}, median of {settings.rounds} rounds by turns"
    )
    for column in ("way", "ms a photo", "ratio", "to", "aim"):
        table.add_column(column, justify="left" if column in ("way", "to") else "right")
    for name, (_, other, aim) in ways.items():
        ratio = f"{times[name] / times[other]:.2f}" if other else ""
        table.add_row(name, f"{times[name] / len(pixels) * 1000:.2f}", ratio, other, aim)
    Console().print(table)


def in_threads(engine: OnnxEngine, memories: list, plain: SearchOptions) -> None:
    with ThreadPoolExecutor(len(memories)) as pool:
        list(pool.map(lambda memory: beam_search(engine, memory, plain), memories))


if __name__ == "__main__":
    main()
