"""How well a captioner does on a data set: scores against what people wrote, and what scores alone do not show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pictell.captioner import Captioner
from pictell.data import CaptionedPhoto
from pictell.errors import PictellError
from pictell.language import says_gender_or_age
from pictell.metrics import METRICS_BY_DEFAULT, score
from pictell.metrics.hallucination import hallucination
from pictell.metrics.statistics import describe
from pictell.types import Caption


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    `scores` are the corpus scores by name, such as `BLEU-1` .. `BLEU-4`, `ROUGE-L` (0..1) and `CIDEr-D` (0..10), `versions`
    the version of each; `beam` and `length_penalty` are the search's. `distinct` is the number of different captions and
    `function_word_endings` that of the captions whose last word hardly any whole sentence ends in, both as shares (0..1)
    of all photos. `words` counts the different words, `mean_words` is the mean length in words. `hallucinated` is the
    share (0..1) of the objects named that no reference names, see `pictell.metrics.hallucination`. `gendered` is the share
    (0..1) of all photos whose caption gives people a gender or an age that the photo does not settle, so that the style
    `neutral` words it otherwise; it is for English.
    `photos_per_second` counts opening, network and search.
    `captions` holds every photo's caption by its id, empty for those that could not be captioned; `failed` says by id why.
    """

    model: str
    photos: int
    beam: int
    length_penalty: float
    scores: dict[str, float]
    versions: dict[str, str]
    distinct: float
    function_word_endings: float
    words: int
    mean_words: float
    hallucinated: float
    gendered: float
    photos_per_second: float
    captions: dict[str, str]
    failed: dict[str, str]


def evaluate(
    captioner: Captioner,
    photos: Sequence[CaptionedPhoto],
    *,
    beam: int | None = None,
    metrics: Sequence[str] = METRICS_BY_DEFAULT,
    on_result: Callable[[CaptionedPhoto, Caption | PictellError], None] | None = None,
) -> Evaluation:
    """Captions every photo and scores the captions against those that people wrote.

    `beam` is the bundle's own choice if `None`; `metrics` are names that `pictell.metrics.score` takes; `on_result` is told
    of each result as it comes. A photo that cannot be opened counts as captioned with nothing, so that a model gains
    nothing by it; so does a withheld caption.

    Raises:
        PictellError: there are no photos, one has no captions of people, two have one id, or `beam` is less than 1.

    """
    references = {photo.id: photo.captions for photo in photos}
    if len(references) < len(photos):
        raise PictellError("ids", f"{len(photos) - len(references)} photos have the id of another one")
    captions: dict[str, str] = {}
    failed: dict[str, str] = {}
    gendered = 0
    begun = time.perf_counter()
    results = captioner.stream((captioner.source(photo.id, photo.path) for photo in photos), beam=beam)
    for photo, result in zip(photos, results, strict=True):
        if isinstance(result, PictellError):
            failed[photo.id] = result.message
            captions[photo.id] = ""
        else:
            captions[photo.id] = result.text or ""
            gendered += says_gender_or_age(result)
        if on_result is not None:
            on_result(photo, result)
    took = time.perf_counter() - begun
    scores = score(references, captions, metrics)
    described = describe(references, captions)
    return Evaluation(
        model=captioner.model,
        photos=len(photos),
        beam=captioner.beam if beam is None else beam,
        length_penalty=captioner.length_penalty,
        scores=scores.corpus,
        versions=scores.versions,
        distinct=described.distinct / len(photos),
        function_word_endings=described.function_word_endings,
        words=described.words,
        mean_words=described.length.mean,
        hallucinated=hallucination(references, captions).chair_i,
        gendered=gendered / len(photos),
        photos_per_second=len(photos) / took,
        captions=captions,
        failed=failed,
    )
