"""Does a model find those captions likely that people find right? Its log-probabilities beside people's judgements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pictell.captioner import BATCH_SIZE, Captioner
from pictell.data.flickr8k import PHOTOS
from pictell.decoding import forced_log_probs
from pictell.language import tokenise
from pictell.metrics.flickr8k_expert import KIND, Judged, agreement_of
from pictell.photos import open_photo, prepare


@dataclass(frozen=True)
class ModelAgreement:
    """`tau_c` is Kendall's, -1..1, of the log-probability a word with every rating; NaN where either never varies.

    `unknown_words` is the share (0..1) of the captions' words that the model has no word for.
    """

    model: str
    data: str
    pairs: int
    ratings: int
    tau_c: float
    unknown_words: float


def agreement_with_experts(
    captioner: Captioner, folder: Path, judged: Judged, *, on_pairs: Callable[[int], None] | None = None
) -> ModelAgreement:
    """Lets a model read the `judged` captions off the photos of Flickr8k's `folder`, word by word (teacher forcing).

    A caption counts with the mean log-probability of its words and its end; words outside the vocabulary are read as
    unknown ones and left out of the mean. `on_pairs` is told how many pairs are done.

    Raises:
        PictellError: a photo cannot be opened.

    """
    vocabulary = captioner.bundle.vocabulary
    pairs: dict[str, list[str]] = {}  # by photo
    for key in judged.candidates:
        pairs.setdefault(key.partition(" ")[0], []).append(key)
    names = list(pairs)
    values: dict[str, float] = {}
    words = unknown = 0
    for first in range(0, len(names), BATCH_SIZE):
        batch = names[first : first + BATCH_SIZE]
        keys = [key for photo in batch for key in pairs[photo]]
        sequences = [vocabulary.to_numbers(tokenise(judged.candidates[key])) for key in keys]
        owners = [place for place, photo in enumerate(batch) for _ in pairs[photo]]
        values |= zip(keys, _means(captioner, folder, batch, sequences, owners), strict=True)
        words += sum(map(len, sequences))
        unknown += sum(sequence.count(vocabulary.unk) for sequence in sequences)
        if on_pairs is not None:
            on_pairs(len(values))
    return ModelAgreement(
        model=captioner.model,
        data=KIND,
        pairs=len(judged.ratings),
        ratings=sum(map(len, judged.ratings.values())),
        tau_c=agreement_of(values, judged),
        unknown_words=unknown / max(words, 1),
    )


def _means(
    captioner: Captioner, folder: Path, photos: Sequence[str], sequences: Sequence[list[int]], owners: Sequence[int]
) -> list[float]:
    """The mean log-probability of the known words and the end of each sequence, said of the photo at its owner's place."""
    bundle, engine = captioner.bundle, captioner.engine
    opened = [open_photo(folder / PHOTOS / photo, smallest_side=bundle.preprocessing.smallest_side) for photo in photos]
    memory = engine.encode(np.stack([prepare(photo, bundle.preprocessing) for photo in opened]))
    unk = bundle.vocabulary.unk
    return [
        float(np.mean(log_probs[[*(token != unk for token in sequence), True]]))
        for sequence, log_probs in zip(
            sequences, forced_log_probs(engine, memory, sequences, owners, bundle.generation), strict=True
        )
    ]
