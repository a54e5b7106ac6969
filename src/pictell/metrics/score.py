"""Score candidates against references by several metrics at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from pictell.errors import PictellError
from pictell.metrics import bleu, cider, ptb, rouge, spice
from pictell.metrics.frequencies import DocumentFrequencies
from pictell.metrics.ngrams import Candidates, Floats, References
from pictell.metrics.significance import CorpusScore, mean_score
from pictell.metrics.words import caption_lines

METRICS_BY_DEFAULT = ("BLEU", "ROUGE-L", "CIDEr-D")
"""What `score` computes unless told: the metrics that need nothing but this package."""

_NAMED = 3


@dataclass(frozen=True)
class Scores:
    """What `score` found. Keys are score names: `"BLEU-1"` .. `"BLEU-4"`, `"METEOR"`, `"ROUGE-L"` and `"SPICE"` (0..1),
    `"CIDEr-D"` and `"CIDEr"` (0..10).

    `corpus` has one number a score, `per_image` the same for each id, `versions` the version of the metric and of the
    tokeniser that each score was computed with: two scores may be compared where these agree. `sums` has each corpus
    score as a function of what the images add up to, for `pictell.metrics.significance`; none for a score that is NaN.
    """

    corpus: dict[str, float]
    per_image: dict[str, dict[str, float]]
    versions: dict[str, str]
    sums: dict[str, CorpusScore] = field(repr=False, compare=False)


@dataclass(frozen=True)
class _Column:
    """One score: its name, its metric's version, its corpus number and one number for each image."""

    name: str
    version: str
    corpus: float
    per_image: list[float]
    sums: CorpusScore


def score(
    references: Mapping[str, Sequence[str]],
    candidates: Mapping[str, str],
    metrics: Sequence[str] = METRICS_BY_DEFAULT,
    *,
    document_frequencies: DocumentFrequencies | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score captions against what people wrote.

    `references` gives, for each image id, one or more captions; `candidates` one caption for each of the same ids;
    `metrics` names what to compute, out of `METRICS`. Captions are plain text and are split by `ptb_tokens`, whose
    tokens of a caption can depend on the next one: references and candidates are each split in the order of the
    references. An empty candidate is allowed and scores about 0. CIDEr and CIDEr-D weigh words by their
    `document_frequencies` in another corpus, or else in these references; of a single image's references they warn
    and are 0. METEOR indexes its word lists the first time on a machine, some 20 seconds; `progress` is told the bytes
    read of them and all bytes.

    Raises `PictellError`: `"unknown-metric"`; `"empty"` where there are no references at all; `"no-references"` and
    `"missing-candidates"` where ids have no references or no candidate; `"not-text"` where a caption is not a string
    (a withheld caption, which is `None`, is scored as `""` or left out together with its references); `"missing"` or
    `"missing-extra"` where METEOR or SPICE lacks what it needs.
    """
    names = (metrics,) if isinstance(metrics, str) else tuple(dict.fromkeys(metrics))
    _check_metrics(names)
    _check_captions(references, candidates)
    if document_frequencies is not None and document_frequencies.tokens != ptb.VERSION:
        raise PictellError(
            "frequencies",
            f"the document frequencies are of tokens {document_frequencies.tokens}, the captions of {ptb.VERSION}",
        )
    corpus = _Corpus(
        caption_lines(references.values()),
        ptb.ptb_lines([candidates[key] for key in references]),
        document_frequencies,
        progress,
    )
    columns = [column for name in names for column in _METRICS[name](corpus)]
    return Scores(
        corpus={column.name: column.corpus for column in columns},
        per_image={key: {column.name: column.per_image[i] for column in columns} for i, key in enumerate(references)},
        versions={column.name: f"{column.version}, tokens {ptb.VERSION}" for column in columns},
        sums={column.name: column.sums for column in columns if not math.isnan(column.corpus)},
    )


@dataclass(frozen=True)
class _Corpus:
    """The `ptb_lines` of all references and candidates, and what several metrics make of them."""

    references: list[list[str]]
    candidates: list[str]
    frequencies: DocumentFrequencies | None
    progress: Callable[[int, int], None] | None

    @cached_property
    def tokens(self) -> tuple[list[list[list[str]]], list[list[str]]]:
        """The tokens of each caption."""
        references = [[ptb.tokens_of(line) for line in own] for own in self.references]
        return references, [ptb.tokens_of(line) for line in self.candidates]

    @cached_property
    def counted(self) -> tuple[References, Candidates]:
        """With tokens parted at no-break spaces, as the published BLEU and CIDEr see them."""
        references = References(self.references, self.frequencies)
        return references, references.number(self.candidates)


def _bleu_columns(corpus: _Corpus) -> list[_Column]:
    references, candidates = corpus.counted
    statistics = bleu.Bleu(references).statistics(candidates)
    whole = bleu.from_statistics(statistics.sum(axis=0)).tolist()
    per_image = bleu.from_statistics(statistics).tolist()
    sums = statistics.astype(np.float64)
    return [
        _Column(
            f"BLEU-{order + 1}",
            bleu.VERSION,
            number,
            [image[order] for image in per_image],
            CorpusScore(sums, partial(_bleu_of_sums, order)),
        )
        for order, number in enumerate(whole)
    ]


def _bleu_of_sums(order: int, sums: Floats) -> Floats:
    return bleu.from_statistics(sums.astype(np.int64))[:, order]


def _meteor_columns(corpus: _Corpus) -> list[_Column]:
    from pictell.metrics.meteor import Meteor, from_statistics  # its tables are large: only those who ask load them

    references, candidates = corpus.tokens
    meteor = Meteor(references, progress=corpus.progress)
    statistics = meteor.statistics(candidates)
    [whole] = from_statistics(statistics.sum(axis=0, keepdims=True)).tolist()
    per_image = from_statistics(statistics).tolist()
    return [_Column("METEOR", meteor.version, whole, per_image, CorpusScore(statistics, from_statistics))]


def _rouge_columns(corpus: _Corpus) -> list[_Column]:
    references, candidates = corpus.counted
    _, per_image = rouge.RougeL(references).score(candidates)
    # The published ROUGE-L sees tokens with no-break spaces whole; few images have any.
    for image, (candidate, own) in enumerate(zip(corpus.candidates, corpus.references, strict=True)):
        if ptb.NO_BREAK_SPACE in "".join([candidate, *own]):
            whole = rouge.RougeL([[ptb.tokens_of(line) for line in own]])
            [per_image[image]] = whole.score([ptb.tokens_of(candidate)])[1]
    return [_mean_column("ROUGE-L", rouge.VERSION, float(np.mean(per_image)), per_image)]


def _cider_columns(kind: type[cider.Cider], corpus: _Corpus) -> list[_Column]:
    references, candidates = corpus.counted
    return [_mean_column(kind.NAME, kind.VERSION, *kind(references).score(candidates))]


def _spice_columns(corpus: _Corpus) -> list[_Column]:
    split_references, split_candidates = corpus.tokens
    references = [[" ".join(words) for words in own] for own in split_references]
    candidates = [" ".join(words) for words in split_candidates]
    return [_mean_column("SPICE", spice.VERSION, *spice.spice(references, candidates))]


def _mean_column(name: str, version: str, corpus: float, per_image: list[float]) -> _Column:
    """A score of which the corpus's is the mean of the images'."""
    return _Column(name, version, corpus, per_image, mean_score(per_image))


_METRICS: dict[str, Callable[[_Corpus], list[_Column]]] = {
    "BLEU": _bleu_columns,
    "METEOR": _meteor_columns,
    "ROUGE-L": _rouge_columns,
    "CIDEr-D": partial(_cider_columns, cider.CiderD),
    "CIDEr": partial(_cider_columns, cider.Cider),
    "SPICE": _spice_columns,
}

METRICS = tuple(_METRICS)
"""The names that `score` takes; `"BLEU"` gives the four scores `"BLEU-1"` .. `"BLEU-4"`."""


def _check_metrics(names: Sequence[str]) -> None:
    for name in names:
        if name not in _METRICS:
            raise PictellError("unknown-metric", f"unknown metric {name!r}: choose from {', '.join(METRICS)}")
    if not names:
        raise PictellError("unknown-metric", f"no metric named: choose from {', '.join(METRICS)}")


def _check_captions(references: Mapping[str, Sequence[str]], candidates: Mapping[str, str]) -> None:
    if not references:
        raise PictellError("empty", "there is nothing to score: no image has references")
    for key, captions in references.items():
        listed = isinstance(captions, Sequence) and not isinstance(captions, str)
        if not listed or not all(isinstance(caption, str) for caption in captions):
            raise PictellError("not-text", f"the references of {key!r} are not a list of strings: give [caption, ...]")
    if without := [key for key, captions in references.items() if not captions]:
        raise PictellError("no-references", f"no references for {some(without)}: give each image at least one")
    if unknown := [key for key in candidates if key not in references]:
        raise PictellError("no-references", f"candidates for ids without references: {some(unknown)}")
    if missing := [key for key in references if key not in candidates]:
        raise PictellError("missing-candidates", f"no candidate for {some(missing)}: give each image one caption")
    for key, candidate in candidates.items():
        if not isinstance(candidate, str):
            raise PictellError("not-text", f"the candidate of {key!r} is not a string: give its caption, or ''")


def some(keys: Iterable[str]) -> str:
    """The first few ids and how many more there are."""
    listed = [repr(key) for key in keys]
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
