"""How fast a library is indexed and searched.

    python benchmarks/albums.py [--photos 400] [--files 20000] [--captions 1000000 --data flickr8k:FOLDER]

Indexing: photos of 224 pixels to 12 megapixels, a quarter of each size, mostly JPEGs, against decoding them alone,
captioning their pixels alone, and captioning the files without a library, by turns in one run; then a run with nothing to
do. Decoding and captioning each take all cores, so that indexing can hardly be faster than one after the other: its share
of that is told too, and processors' time beside the time that passed, since it depends little on what else the machine
does. Searching: captions of the data set, drawn again and again with one word changed, and 200 queries of two to four words
that stand in a dev caption; one-word queries and the size of the index beside them.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from photos_to_measure import write_photos
from PIL import Image
from rich.console import Console
from rich.table import Table

from pictell.albums import IndexOptions, Library, index, plan, search
from pictell.albums.library import Words
from pictell.captioner import Captioner, load, usable_cores
from pictell.data import load_dataset
from pictell.language import tokenise
from pictell.language.function_words import function_words
from pictell.photos import open_photo, prepare

SIZES = ((224, 224), (1024, 768), (2048, 1536), (4000, 3000))
# Of ten photos of a size one is a PNG and one a WebP; the rest are JPEGs, as in most libraries.
KINDS = {3: ".png", 7: ".webp"}


def seconds(call: Callable[[], object]) -> float:
    return spent(call)[0]


def spent(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds that passed, and seconds of processors' time, of all threads."""
    begun, begun_work = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begun, time.process_time() - begun_work


def in_kind(path: Path, number: int) -> Path:
    kind = KINDS.get(number % 10)
    if kind is None:
        return path
    with Image.open(path) as photo:
        photo.save(path.with_suffix(kind), quality=90) if kind == ".webp" else photo.save(path.with_suffix(kind))
    path.unlink()
    return path.with_suffix(kind)


def indexing(captioner: Captioner, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        paths = []
        for number, size in enumerate(SIZES):
            (photos / str(number)).mkdir(parents=True)
            paths += map(in_kind, write_photos(photos / str(number), count // len(SIZES), size), range(count))
        side = captioner.bundle.preprocessing.size

        def decode_all() -> None:
            with ThreadPoolExecutor(usable_cores()) as pool:
                list(pool.map(lambda path: open_photo(path, smallest_side=side), paths))

        pixels = [prepare(open_photo(path, smallest_side=side), captioner.bundle.preprocessing) for path in paths]

        def index_all() -> None:
            with Library(Path(folder) / f"{time.monotonic_ns()}.db") as library:
                options = IndexOptions()
                assert sum(
                    r.outcome == "captioned"
                    for r in index(library, captioner, plan(library, photos, "", options), options)
                )

        ways = {
            "decoding": decode_all,
            "captioning pixels": lambda: captioner.caption_many(pixels),
            "captioning files": lambda: captioner.caption_many(paths),
            "indexing": index_all,
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                times[name].append(spent(way))
        table = Table(
            title=f"{len(paths)} photos of 224 px to 12 megapixels, {usable_cores()} cores, median of {rounds}"
        )
        table.add_column("way")
        for what in ("seconds", "processors' seconds"):
            for column in (what, "of the slower floor (aim 0.70)", "of both floors", "of captioning files"):
                table.add_column(column, justify="right")
        rows: dict[str, list[str]] = {name: [] for name in ways}
        for clock in (0, 1):
            took = {name: statistics.median(found[clock] for found in times[name]) for name in ways}
            floors = (took["decoding"], took["captioning pixels"])
            others = (max(floors), sum(floors), took["captioning files"])
            for name in ways:
                shares = [f"{other / took[name]:.2f}" for other in others] if name == "indexing" else [""] * len(others)
                rows[name] += [f"{took[name]:.2f}", *shares]
        for name, row in rows.items():
            table.add_row(name, *row)
        Console().print(table)


def nothing_to_do(captioner: Captioner, files: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        with Library(Path(folder) / "l.db") as library:
            with library.transaction():
                for number in range(files):
                    path = photos / f"{number // 1000}" / f"{number}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"")
                    status = path.stat()
                    photo = library.put_photo(os.fsencode(path), status.st_size, status.st_mtime_ns, b"")
                    library.put_words(photo, words("a dog runs on grass", captioner.model))
            options = IndexOptions()
            took = [
                seconds(
                    lambda: list(index(library, captioner, plan(library, photos, captioner.model, options), options))
                )
                for _ in range(3)
            ]
        print(f"nothing to do over {files:,} indexed files: {statistics.median(took):.2f} s (aim 3)")


def words(text: str, model: str = "m@1") -> Words:
    return Words(text, None, -8.0, 0.5, model, "2026-01-01T00:00:00+00:00")


def searching(data: str, count: int) -> None:
    captions = [" ".join(tokenise(text)) for photo in load_dataset(data, "train") for text in photo.captions]
    known = sorted({word for text in captions for word in text.split()})
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.db"
        with Library(path) as library:
            for first in range(0, count, 10_000):
                with library.transaction():
                    for number in range(first, min(first + 10_000, count)):
                        text = draw.choice(captions).split() or ["photo"]
                        text[draw.randrange(len(text))] = draw.choice(known)
                        photo = library.put_photo(b"/photos/%d.jpg" % number, 1, 1, b"%016d" % number)
                        library.put_words(photo, words(" ".join(text)))
            left_out = function_words("en") or frozenset()
            queries: dict[str, list[str]] = {"two to four words": [], "one word": []}
            for photo_ in draw.choices(load_dataset(data, "dev"), k=200):
                said = [word for word in tokenise(draw.choice(photo_.captions)) if word not in left_out]
                chosen = draw.sample(said, min(len(said), draw.randint(2, 4)))
                queries["two to four words"].append(" ".join(chosen))
                queries["one word"].append(chosen[0] if chosen else "dog")
            size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
            print(f"{count:,} captions: {size:.0f} MB in all, of which the index")
            for table in ("words_data", "words_content"):
                found = (
                    library.rows("SELECT sum(pgsize) FROM dbstat WHERE name = ?", (table,))
                    if has_dbstat(library)
                    else []
                )
                print(
                    f"  {table}: {found[0][0] / 1e6:.0f} MB"
                    if found and found[0][0]
                    else f"  {table}: not told by this SQLite"
                )
            for name, asked in queries.items():
                report(name, [1000 * seconds(partial(search, library, query, limit=50)) for query in asked])


def has_dbstat(library: Library) -> bool:
    return bool(library.rows("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'"))


def report(name: str, milliseconds: Sequence[float]) -> None:
    middle, high = np.percentile(milliseconds, (50, 95))
    print(f"{name}: median {middle:.1f} ms, 95th percentile {high:.1f} ms" + (" (aim 50)" if "four" in name else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--captions", type=int, default=1_000_000)
    parser.add_argument("--data", default=None, metavar="KIND:FOLDER")
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    captioner = load(options.model)
    if options.photos:
        indexing(captioner, options.photos, options.rounds)
    if options.files:
        nothing_to_do(captioner, options.files)
    if options.data:
        searching(options.data, options.captions)


if __name__ == "__main__":
    main()
