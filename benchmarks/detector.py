"""How many pictures that are no photos are recognised, of kinds not trained on, and how many photos are refused.

    python benchmarks/detector.py --data flickr8k:FOLDER --data coco:FOLDER [--each 100] [--split test]

The photos are those of Flickr8k's test split and of COCO val2014. Pictures are drawn by `pictures_kept_out.py`; some are made of
those photos. Needs the `train` extra, for matplotlib.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from pictures_kept_out import KINDS
from PIL import Image
from rich.console import Console
from rich.table import Table

from pictell.confidence import why_no_photo
from pictell.data import CaptionedPhoto, load_dataset
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.types import Photo

SPLITS = {"coco": "val2014"}
PREPROCESSING = Preprocessing()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--split", default="test", help="of flickr8k")
    parser.add_argument("--each", type=int, default=100, help="how many pictures of each kind")
    options = parser.parse_args()
    console = Console()
    photos: list[CaptionedPhoto] = []
    times: list[float] = []
    table = Table(title="photos refused")
    for column in ("photos", "number", "refused", "which"):
        table.add_column(column, justify="right" if column in ("number", "refused") else "left")
    for data in options.data:
        split = SPLITS.get(data.partition(":")[0], options.split)
        own = load_dataset(data, split)
        photos += own
        refused = {}
        for photo in own:
            pixels = prepare(open_photo(photo.path), PREPROCESSING)
            begun = time.perf_counter()
            [reason] = why_no_photo(pixels[None])
            times.append(time.perf_counter() - begun)
            if reason is not None:
                refused[photo.id] = reason
        which = "\n".join(f"{name} {reason}" for name, reason in refused.items())
        table.add_row(f"{data.partition(':')[0]} {split}", f"{len(own)}", f"{len(refused) / len(own):.1%}", which)
    console.print(table)
    console.print(f"{statistics.median(times) * 1000:.2f} ms a photo")
    console.print(kept_out(photos, options.each))


def kept_out(photos: list[CaptionedPhoto], each: int) -> Table:
    table = Table(title=f"pictures that are no photos, {each} of each kind")
    for column in ("kind", "recognised", "as"):
        table.add_column(column, justify="right" if column == "recognised" else "left")
    shares = []
    for number, (kind, draw) in enumerate(KINDS.items()):
        random = np.random.default_rng([number])
        reasons = Counter(why_no_photo(np.stack([drawn(random, draw, photos) for _ in range(each)])))
        shares.append(1 - reasons[None] / each)
        said = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common() if reason)
        table.add_row(kind, f"{shares[-1]:.0%}", said)
    table.add_section()
    table.add_row(f"all {len(KINDS)} kinds", f"{np.mean(shares):.1%}", "")
    return table


def drawn(random: np.random.Generator, draw, photos: list[CaptionedPhoto]) -> NDArray[np.uint8]:
    with Image.open(photos[int(random.integers(len(photos)))].path) as opened:
        photo = opened.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    pixels = np.asarray(draw(random, photo).convert("RGB"))
    return prepare(Photo(pixels, width=pixels.shape[1], height=pixels.shape[0], format="array"), PREPROCESSING)


if __name__ == "__main__":
    main()
