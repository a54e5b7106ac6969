"""How fast the metrics are, beside the reference programs, in one run on the same captions.

    python benchmarks/metrics.py [--images 5000] [--rounds 5]

Needs the `metrics` extra and Java. The captions are COCO val2014's, out of the package `pycocoevalcap`; a candidate is
the first half of one caption of its image and the second half of another. Ratios above 1 mean that pictell is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pycocoevalcap
from pycocoevalcap.bleu.bleu import Bleu as ReferenceBleu
from pycocoevalcap.cider.cider import Cider as ReferenceCider
from pycocoevalcap.cider.cider_scorer import CiderScorer
from pycocoevalcap.meteor.meteor import Meteor as ReferenceMeteor
from pycocoevalcap.rouge.rouge import Rouge as ReferenceRouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from rich.console import Console
from rich.table import Table

from pictell.metrics import ptb_tokens, score
from pictell.metrics.meteor import Meteor
from pictell.metrics.reward import CiderReward

SAMPLES = (50, 5)
"""Images and samples of each in one step of self-critical training."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    references, candidates = captions(options.images)
    split_references = [ptb_tokens(own) for own in references.values()]
    split_candidates = ptb_tokens(list(candidates.values()))

    table = Table(title=f"{len(references)} images x 5 references, seconds (median of {options.rounds})")
    for column in ("what", "reference", "pictell", "times as fast"):
        table.add_column(column, justify="left" if column == "what" else "right")

    def add(what: str, theirs: Callable[[], object], ours: Callable[[], object], rounds: int = options.rounds) -> None:
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for run, found in zip((theirs, ours), times, strict=True):
                begun = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):
                    run()
                found.append(time.perf_counter() - begun)
        reference, own = (statistics.median(found) for found in times)
        table.add_row(what, f"{reference:.4f}", f"{own:.4f}", f"{reference / own:.1f}")

    add(
        "tokenise, BLEU, ROUGE-L, CIDEr-D (aim: 20)",
        lambda: reference_scores(references, candidates),
        lambda: score(references, candidates, ("BLEU", "ROUGE-L", "CIDEr-D")),
    )
    Meteor(split_references[:2]).score(split_candidates[:2])  # builds the index, where this is the first use
    texts = {number: [" ".join(words) for words in own] for number, own in enumerate(split_references)}
    said = {number: [" ".join(words)] for number, words in enumerate(split_candidates)}
    slow = min(options.rounds, 3)
    add(
        "METEOR, reference from a cold start (aim: 1)",
        lambda: ReferenceMeteor().compute_score(texts, said),
        lambda: Meteor(split_references).score(split_candidates),
        slow,
    )
    warm = ReferenceMeteor()
    warm.compute_score({0: texts[0]}, {0: said[0]})
    add(
        "METEOR, reference already started (aim: 1)",
        lambda: warm.compute_score(texts, said),
        lambda: Meteor(split_references).score(split_candidates),
        slow,
    )
    add("reward of 50 x 5 samples (aim: 25)", *rewards(split_references))
    Console().print(table)


def captions(images: int) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Five references and a made-up candidate for each of the first images."""
    folder = Path(pycocoevalcap.__file__ or pycocoevalcap.__path__[0])
    folder = folder if folder.is_dir() else folder.parent
    with zipfile.ZipFile(folder / "spice" / "spice-1.0.jar") as archive:
        annotations = json.loads(archive.read("coco/annotations/captions_val2014.json"))["annotations"]
    said: defaultdict[int, list[str]] = defaultdict(list)
    for annotation in annotations:
        said[annotation["image_id"]].append(annotation["caption"])
    chosen = [image for image in sorted(said) if len(said[image]) >= 5][:images]
    references = {image: said[image][:5] for image in chosen}
    return references, {image: mixed(*own[:2]) for image, own in references.items()}


def mixed(one: str, other: str) -> str:
    first, second = one.split(), other.split()
    return " ".join(first[: len(first) // 2] + second[len(second) // 2 :])


def reference_scores(references: dict[int, list[str]], candidates: dict[int, str]) -> None:
    tokeniser = PTBTokenizer()
    theirs = tokeniser.tokenize({image: [{"caption": c} for c in own] for image, own in references.items()})
    own = tokeniser.tokenize({image: [{"caption": caption}] for image, caption in candidates.items()})
    ReferenceBleu(4).compute_score(theirs, own, verbose=0)
    ReferenceRouge().compute_score(theirs, own)
    ReferenceCider().compute_score(theirs, own)


def rewards(references: list[list[list[str]]]) -> tuple[Callable[[], object], Callable[[], object]]:
    """CIDEr-D of a step's samples: in pure Python with cached document frequencies, and pictell's."""
    images, each = SAMPLES
    words: dict[str, int] = {}
    numbers = [[[words.setdefault(word, len(words) + 1) for word in caption] for caption in own] for own in references]
    generator = np.random.default_rng(1)
    places = np.repeat(generator.choice(len(references), images, replace=False), each)
    samples = []
    for place in places:
        one, other = generator.permutation(5)[:2]
        first, second = numbers[place][one], numbers[place][other]
        samples.append([*first[: len(first) // 2], *second[len(second) // 2 :]])
    counted = CiderScorer()
    for own in numbers:
        counted += (None, [" ".join(map(str, [*caption, 0])) for caption in own])
    counted.compute_doc_freq()
    reward = CiderReward(numbers, end=0)
    padded = np.zeros((len(samples), max(map(len, samples)) + 1), dtype=np.int64)
    for row, sample in zip(padded, samples, strict=True):
        row[: len(sample)] = sample

    def usual() -> None:
        scorer = CiderScorer()
        for place, sample in zip(places, samples, strict=True):
            said = [" ".join(map(str, [*caption, 0])) for caption in numbers[place]]
            scorer += (" ".join(map(str, [*sample, 0])), said)
        scorer.document_frequency = counted.document_frequency
        scorer.compute_cider()

    return usual, lambda: reward(places, padded)


if __name__ == "__main__":
    main()
