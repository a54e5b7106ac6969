"""How well a captioner does on a data set: scores against what people wrote, and what scores alone do not show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pictell.captioner import Captioner
from pictell.data import CaptionedPhoto
from pictell.errors import PictellError
from pictell.metrics import score
from pictell.metrics.statistics import describe
from pictell.types import Caption


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    `scores` are the corpus scores by name, `BLEU-1` .. `BLEU-4`, `ROUGE-L` (0..1) and `CIDEr-D` (0..10), `versions` the
    version of each; `beam` is the search's width. `distinct` is the number of different captions and
    `function_word_endings` that of the captions whose last word hardly any whole sentence ends in, both as shares (0..1)
    of all photos. `mean_words` is the mean length in words. `photos_per_second` counts opening, network and search.
    `captions` holds every photo's caption by its id, empty for those that could not be captioned; `failed` says by id why.
    """

    model: str
    photos: int
    beam: int
    scores: dict[str, float]
    versions: dict[str, str]
    distinct: float
    function_word_endings: float
    mean_words: float
    photos_per_second: float
    captions: dict[str, str]
    failed: dict[str, str]


def evaluate(
    captioner: Captioner,
    photos: Sequence[CaptionedPhoto],
    *,
    beam: int | None = None,
    on_result: Callable[[CaptionedPhoto, Caption | PictellError], None] | None = None,
) -> Evaluation:
    """Captions every photo and scores the captions against those that people wrote.

    `beam` is the bundle's own choice if `None`; `on_result` is told of each result as it comes. A photo that cannot be
    opened counts as captioned with nothing, so that a model gains nothing by it; so does a withheld caption.

    Raises:
        PictellError: there are no photos, one has no captions of people, two have one id, or `beam` is less than 1.

    """
    references = {photo.id: photo.captions for photo in photos}
    if len(references) < len(photos):
        raise PictellError("ids", f"{len(photos) - len(references)} photos have the id of another one")
    captions: dict[str, str] = {}
    failed: dict[str, str] = {}
    begun = time.perf_counter()
    results = captioner.stream((photo.path for photo in photos), beam=beam)
    for photo, result in zip(photos, results, strict=True):
        if isinstance(result, PictellError):
            failed[photo.id] = result.message
            captions[photo.id] = ""
        else:
            captions[photo.id] = result.text or ""
        if on_result is not None:
            on_result(photo, result)
    took = time.perf_counter() - begun
    scores = score(references, captions)
    described = describe(references, captions)
    return Evaluation(
        model=captioner.model,
        photos=len(photos),
        beam=captioner.bundle.generation.beam if beam is None else beam,
        scores=scores.corpus,
        versions=scores.versions,
        distinct=described.distinct / len(photos),
        function_word_endings=described.function_word_endings,
        mean_words=described.length.mean,
        photos_per_second=len(photos) / took,
        captions=captions,
        failed=failed,
    )
