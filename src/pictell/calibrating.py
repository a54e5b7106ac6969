"""Fitting a model's confidence to a data set: what its searches leave behind, and how good their captions turned out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.bundle import CALIBRATION, Bundle, put_file
from pictell.captioner import BATCH_SIZE, Captioner
from pictell.confidence import FEATURES, RUNNERS_UP, Acceptable, Calibration, evidence
from pictell.confidence.calibration import held_out_confidence
from pictell.confidence.measures import auroc, expected_calibration_error
from pictell.data import CaptionedPhoto
from pictell.decoding import Hypothesis, SearchOptions, beam_search
from pictell.engines.ensemble import EnsembleEngine
from pictell.errors import OptionError, PictellError
from pictell.language import detokenise
from pictell.metrics import ptb, score
from pictell.metrics.frequencies import DocumentFrequencies
from pictell.metrics.words import parted, split_captions

METRIC = "CIDEr-D"
"""What makes a caption acceptable."""


@dataclass(frozen=True)
class Searched:
    """Photos' captions by their ids, and in the same order what `pictell.confidence.evidence` says of each, (N, F)."""

    captions: dict[str, str]
    evidence: NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A calibrated bundle; AUROC and expected calibration error (both 0..1) on photos left out of the fit in their turn."""

    bundle: Bundle
    acceptable: Acceptable
    auroc: float
    calibration_error: float


def calibrate(
    captioner: Captioner,
    photos: Sequence[CaptionedPhoto],
    *,
    data: str,
    split: str,
    on_photos: Callable[[int], None] | None = None,
) -> Fit:
    """Fits the confidence of the captioner's bundle to photos, and puts it into the bundle.

    `data` and `split` say in the bundle which photos these are; `on_photos` is told how many are done. Photos that the
    model was trained on would make it too sure of itself.

    Raises:
        OptionError: the captioner is an ensemble.
        PictellError: a photo cannot be opened or has no region features, there are too few, or the bundle cannot be written.

    """
    if isinstance(captioner.engine, EnsembleEngine):
        raise OptionError("a confidence is of one model: calibrate those of an ensemble one by one")
    if not os.access(captioner.bundle.directory, os.W_OK):  # told before the work, not after it
        raise PictellError("output", f"nothing may be written in {captioner.bundle.directory}: calibrate a copy of it")
    found = search(captioner, photos, on_photos=on_photos)
    values = quality(found.captions, photos, frequencies(photos))
    acceptable = Acceptable(METRIC, float(f"{np.median(values):.6g}"), data, split, len(photos))
    outcomes = values > acceptable.above
    calibration = Calibration.fit(found.evidence, values, acceptable)
    held_out = held_out_confidence(found.evidence, values, acceptable)
    return Fit(
        put_file(captioner.bundle, CALIBRATION, calibration.to_json().encode()),
        acceptable,
        auroc(held_out, outcomes),
        expected_calibration_error(held_out, outcomes),
    )


def search(
    captioner: Captioner, photos: Sequence[CaptionedPhoto], *, on_photos: Callable[[int], None] | None = None
) -> Searched:
    """Captions every photo, whether it looks like one or not, with the bundle's own search.

    Raises:
        PictellError: a photo cannot be opened or has no region features.

    """
    bundle, engine = captioner.bundle, captioner.engine
    usual = bundle.generation
    options = SearchOptions(**{**vars(usual), "attention": True, "runners_up": RUNNERS_UP})

    def one_batch(batch: Sequence[CaptionedPhoto]) -> list[list[Hypothesis]]:
        seen = [captioner.read(captioner.source(photo.id, photo.path)) for photo in batch]
        return beam_search(engine, engine.encode(np.stack(seen)), options)

    batches = [photos[first : first + BATCH_SIZE] for first in range(0, len(photos), BATCH_SIZE)]
    found: list[list[Hypothesis]] = []
    with ThreadPoolExecutor(captioner.threads) as pool:
        for several in pool.map(one_batch, batches):
            found += several
            if on_photos is not None:
                on_photos(len(found))
    texts = [detokenise(bundle.vocabulary.to_words(hypotheses[0].tokens)) for hypotheses in found]
    return Searched(
        dict(zip([photo.id for photo in photos], texts, strict=True)),
        np.array([evidence(hypotheses) for hypotheses in found]).reshape(-1, len(FEATURES)),
    )


def frequencies(photos: Sequence[CaptionedPhoto]) -> DocumentFrequencies:
    """In how many photos' captions by people each n-gram stands."""
    return DocumentFrequencies.of(parted(split_captions([photo.captions for photo in photos])), ptb.VERSION)


def quality(
    captions: dict[str, str], photos: Sequence[CaptionedPhoto], weights: DocumentFrequencies
) -> NDArray[np.float64]:
    """The CIDEr-D (0..10) of each photo's caption, (N,), words weighed by `weights`."""
    references = {photo.id: photo.captions for photo in photos}
    scores = score(references, captions, (METRIC,), document_frequencies=weights)
    return np.array([scores.per_image[photo.id][METRIC] for photo in photos])
