"""How well trained captioners do, one line a run: the table of docs/results.md.

    python benchmarks/results.py --data flickr8k:FOLDER --record docs/results-looks.csv runs/flickr8k-lstm ...

Each run is exported as a user would export it, in full precision. Beam and length penalty are chosen by CIDEr-D on dev photos;
then the test photos are captioned once, and the look is added to the record. Runs named alike up to `.sN`, which differ in
their seed, share a line: mean and, behind a plus-minus sign, the standard deviation.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from choose_beam import encode, try_out

from pictell.bundle import Bundle
from pictell.captioner import load
from pictell.data import CaptionedPhoto, load_dataset
from pictell.engines.onnx import OnnxEngine
from pictell.evaluation import evaluate
from pictell.record import add_to_record, check_record, fields_of
from pictell.training.checkpoint import load_checkpoint
from pictell.training.from_run import bundle_from_run
from pictell.training.lineage import read_recipe

BEAMS, PENALTIES = (3, 5), (0.5, 1.0)
METRICS = ("BLEU", "METEOR", "ROUGE-L", "CIDEr-D")
COLUMNS = {
    "BLEU-1": 100, "BLEU-4": 100, "METEOR": 100, "ROUGE-L": 100, "CIDEr-D": 1, "hallucinated": 100, "words": 1, "distinct": 100,
    "function_word_endings": 100,
}  # fmt: skip
TITLES = (
    "run", "beam, penalty", "BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D", "objects nobody named, %", "words",
    "distinct, %", "dangling, %", "parameters, M", "minutes",
)  # fmt: skip


def look(run: Path, data: str, dev: Sequence[CaptionedPhoto], test: Sequence[CaptionedPhoto]) -> dict[str, Any]:
    """Chooses on dev, looks at test, and gives what the record keeps of it."""
    recipe = read_recipe(run)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / run.name

        def export(**settings: Any) -> Bundle:
            return bundle_from_run(run, made, name=run.name, version=recipe["seed"], **settings)

        bundle = export()
        engine = OnnxEngine(bundle)
        memories = encode(engine, bundle, dev)
        tried = {}
        for beam, penalty in product(BEAMS, PENALTIES):
            settings = replace(bundle.generation, beam=beam, length_penalty=penalty)
            tried[beam, penalty] = try_out(engine, bundle, dev, memories, settings).scores["CIDEr-D"]
        beam, penalty = max(tried, key=lambda choice: tried[choice])
        export(beam=beam, length_penalty=penalty)
        weights, _ = load_checkpoint(run / "best.safetensors")
        _, progress = load_checkpoint(run / "last.safetensors")
        fields = fields_of(evaluate(load(made), test, metrics=METRICS), data, "test")
    del fields["photos_per_second"]
    return fields | {
        "dev CIDEr-D": round(tried[beam, penalty], 5),
        "parameters": sum(tensor.numel() for tensor in weights.values()),
        "minutes": round(progress["seconds"] / 60, 1),
    }


def row(name: str, looks: Sequence[dict[str, Any]]) -> str:
    """A line of the table, of the looks at all seeds of a run."""
    cells = [name, ", ".join(dict.fromkeys(f"{found['beam']}, {found['length_penalty']:g}" for found in looks))]
    for column, factor in COLUMNS.items():
        values = [factor * found["scores"].get(column, found.get(column)) for found in looks]
        digits = 3 if column == "CIDEr-D" else 0 if column == "words" else 1
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.{digits}f}{spread}")
    cells += [f"{looks[0]['parameters'] / 1e6:.1f}", f"{np.mean([found['minutes'] for found in looks]):.0f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="KIND:FOLDER")
    parser.add_argument("--record", required=True, type=Path, metavar="FILE.csv")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    options = parser.parse_args()
    check_record(options.record)
    dev, test = (load_dataset(options.data, split) for split in ("dev", "test"))
    looks: dict[str, list[dict[str, Any]]] = {}
    for run in options.runs:
        found = look(run, options.data, dev, test)
        add_to_record(options.record, found)
        looks.setdefault(run.name.partition(".s")[0], []).append(found)
    print(f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}")
    for name, alike in looks.items():
        print(row(name, alike))


if __name__ == "__main__":
    main()
