"""Which beam and length penalty a model should ship with: scores and time of each on the dev photos.

    python benchmarks/choose_beam.py --data flickr8k:FOLDER [--model M] [--split dev]

The choice goes into the bundle with `pictell export --beam N --length-penalty X`. Never choose on test photos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from pictell.bundle import Bundle, find_bundle
from pictell.data import CaptionedPhoto, load_dataset
from pictell.decoding import SearchOptions, beam_search
from pictell.engines.onnx import Memory, OnnxEngine
from pictell.language import detokenise
from pictell.metrics import score
from pictell.metrics.statistics import describe
from pictell.photos import open_photo, prepare

BEAMS = (1, 2, 3, 4, 5)
PENALTIES = (0.0, 0.5, 0.7, 0.9, 1.0, 1.2)


@dataclass(frozen=True)
class Found:
    """What a setting gives: corpus scores, shares of distinct and of unfinished captions, milliseconds of search a photo."""

    scores: dict[str, float]
    distinct: float
    dangling: float
    milliseconds: float


def encode(engine: OnnxEngine, bundle: Bundle, photos: Sequence[CaptionedPhoto]) -> list[Memory]:
    """What the decoder looks at, of 16 photos at a time."""
    memories = []
    for first in range(0, len(photos), 16):
        opened = [open_photo(photo.path) for photo in photos[first : first + 16]]
        memories.append(engine.encode(np.stack([prepare(photo, bundle.preprocessing) for photo in opened])))
    return memories


def try_out(
    engine: OnnxEngine,
    bundle: Bundle,
    photos: Sequence[CaptionedPhoto],
    memories: Sequence[Memory],
    settings: SearchOptions,
) -> Found:
    """Captions the photos whose `memories` these are."""
    begun = time.perf_counter()
    found = [hypotheses for memory in memories for hypotheses in beam_search(engine, memory, settings)]
    took = (time.perf_counter() - begun) / len(photos) * 1000
    texts = [detokenise(bundle.vocabulary.to_words(hypotheses[0].tokens)) for hypotheses in found]
    references = {photo.id: photo.captions for photo in photos}
    captions = dict(zip(references, texts, strict=True))
    described = describe(references, captions)
    return Found(
        score(references, captions).corpus, described.distinct / len(texts), described.function_word_endings, took
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--split", default="dev")
    options = parser.parse_args()
    bundle = find_bundle(options.model)
    engine = OnnxEngine(bundle)
    photos = load_dataset(options.data, options.split)
    memories = encode(engine, bundle, photos)
    table = Table(title=f"{bundle.label} on {len(photos)} {options.split} photos")
    for column in (
        "beam",
        "length penalty",
        "BLEU-1",
        "BLEU-4",
        "CIDEr-D",
        "distinct",
        "dangling",
        "search ms a photo",
    ):
        table.add_column(column, justify="right")
    for beam in BEAMS:
        for penalty in PENALTIES if beam > 1 else PENALTIES[:1]:
            settings = replace(bundle.generation, beam=beam, length_penalty=penalty)
            found = try_out(engine, bundle, photos, memories, settings)
            scores = found.scores
            table.add_row(
                f"{beam}", f"{penalty}", f"{scores['BLEU-1']:.3f}", f"{scores['BLEU-4']:.3f}", f"{scores['CIDEr-D']:.4f}",
                f"{found.distinct:.2f}", f"{found.dangling:.1%}", f"{found.milliseconds:.1f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
