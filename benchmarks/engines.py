"""OpenVINO beside onnxruntime: what each takes for the same captions, by turns, and how many captions are the same.

    python benchmarks/engines.py [--model M] [--photos 100] [--rounds 5] [--data KIND:FOLDER]

Photos are cuts of `examples/`, or the first of the dev split of `--data`. The shipped model is measured as it is and in full
precision, which is exported for it (needs the `train` extra beside `openvino`). Ratios above 1 mean that OpenVINO is faster.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import pictell
from pictell.bundle import find_bundle, seal
from pictell.captioner import usable_cores
from pictell.data import load_dataset
from pictell.decoding import search
from pictell.photos import open_photo, prepare

sys.path.insert(0, str(Path(__file__).parent))
from photos_to_measure import write_photos

ENGINES = {"onnxruntime": "", "openvino": "openvino:"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.data is None:
            photos = write_photos(folder, options.photos, (448, 336))
        else:
            photos = [photo.path for photo in load_dataset(options.data, "dev")[: options.photos]]
        shipped = find_bundle(options.model).directory
        for name, bundle in (("as it is", shipped), ("full precision", in_full(shipped, folder / "full"))):
            Console().print(compare(f"{shipped.name}, {name}", bundle, photos, options.rounds))


def in_full(bundle: Path, folder: Path) -> Path:
    from safetensors.torch import load_file

    from pictell.models import build_model
    from pictell.training.export import export_graphs

    opened = find_bundle(bundle)
    shutil.copytree(bundle, folder)
    model = build_model(opened.architecture, len(opened.vocabulary))
    model.load_state_dict({name: weight.float() for name, weight in load_file(bundle / "model.safetensors").items()})
    export_graphs(model, folder)
    seal(folder, name=opened.name, version=opened.version, architecture=opened.architecture, terms=opened.terms)
    return folder


def compare(title: str, bundle: Path, photos: list[Path], rounds: int) -> Table:
    times: dict[str, dict[str, list[float]]] = {}
    texts: dict[str, list[str | None]] = {}
    captioners = {}

    def timed(stage: str, engine: str, task: Callable[[], object]) -> object:
        begun = time.perf_counter()
        result = task()
        times.setdefault(stage, {}).setdefault(engine, []).append(time.perf_counter() - begun)
        return result

    for _ in range(rounds):
        for engine, prefix in ENGINES.items():
            captioners[engine] = timed("load, s", engine, lambda prefix=prefix: pictell.load(f"{prefix}{bundle}"))
    preprocessing = captioners["onnxruntime"].bundle.preprocessing
    pixels = [prepare(open_photo(path), preprocessing)[None] for path in photos]
    asked = captioners["onnxruntime"].bundle.generation
    for turn in range(-1, rounds):
        if turn == 0:  # the round before does not count
            times = {"load, s": times["load, s"]}
        for picture in pixels:
            for engine, captioner in captioners.items():
                memory = timed("encode a photo, ms", engine, lambda c=captioner, p=picture: c.engine.encode(p))
                timed("search, ms", engine, lambda c=captioner, m=memory: search(c.engine, m, asked))
        for engine, captioner in captioners.items():
            found = timed("all photos, s", engine, lambda c=captioner: c.caption_many(photos, force=True))
            texts[engine] = [caption.text for caption in found]
    table = Table(title=f"{title}: medians by turns, {len(photos)} photos, {usable_cores()} cores")
    for column in ("what", *ENGINES, "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for stage, each in times.items():
        factor = 1000 if stage.endswith("ms") else 1
        first, second = (statistics.median(each[engine]) * factor for engine in ENGINES)
        table.add_row(stage, f"{first:.2f}", f"{second:.2f}", f"{first / second:.2f}")
    same = np.sum([a == b for a, b in zip(*texts.values(), strict=True)])
    table.add_row("same captions", "", f"{same} of {len(photos)}", "")
    return table


if __name__ == "__main__":
    main()
