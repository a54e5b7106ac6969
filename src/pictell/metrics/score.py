"""Score candidates against references by several metrics at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pictell.errors import PictellError
from pictell.metrics import bleu, cider, tokens
from pictell.metrics.ngrams import Tokens

_NAMED = 3


@dataclass(frozen=True)
class Scores:
    """What `score` found. Keys are score names: `"BLEU-1"` .. `"BLEU-4"` (0..1), `"CIDEr-D"` (0..10).

    `corpus` has one number a score, `per_image` the same for each id, `versions` the version of the metric and of the
    tokeniser that each score was computed with: two scores may be compared where these agree.
    """

    corpus: dict[str, float]
    per_image: dict[str, dict[str, float]]
    versions: dict[str, str]


@dataclass(frozen=True)
class _Column:
    """One score: its name, its metric's version, its corpus number and one number for each image."""

    name: str
    version: str
    corpus: float
    per_image: list[float]


def score(
    references: Mapping[str, Sequence[str]],
    candidates: Mapping[str, str],
    metrics: Sequence[str] = ("BLEU", "CIDEr-D"),
) -> Scores:
    """Score captions against what people wrote.

    `references` gives, for each image id, one or more captions; `candidates` one caption for each of the same ids;
    `metrics` names what to compute, out of `METRICS`. Captions are plain text and are split by `plain_tokens`. An
    empty candidate is allowed and scores about 0. CIDEr-D of a single image warns and is 0.

    Raises `PictellError`: `"unknown-metric"`; `"empty"` where there are no references at all; `"no-references"` and
    `"missing-candidates"` where ids have no references or no candidate; `"not-text"` where a caption is not a string
    (a withheld caption, which is `None`, is scored as `""` or left out together with its references).
    """
    names = (metrics,) if isinstance(metrics, str) else tuple(dict.fromkeys(metrics))
    _check_metrics(names)
    _check_captions(references, candidates)
    split_references = [[tokens.plain_tokens(caption) for caption in captions] for captions in references.values()]
    split_candidates = [tokens.plain_tokens(candidates[key]) for key in references]
    columns = [column for name in names for column in _METRICS[name](split_references, split_candidates)]
    return Scores(
        corpus={column.name: column.corpus for column in columns},
        per_image={key: {column.name: column.per_image[i] for column in columns} for i, key in enumerate(references)},
        versions={column.name: f"{column.version}, tokens {tokens.VERSION}" for column in columns},
    )


def _bleu_columns(references: Sequence[Sequence[Tokens]], candidates: Sequence[Tokens]) -> list[_Column]:
    corpus, per_image = bleu.Bleu(references).score(candidates)
    return [
        _Column(f"BLEU-{order + 1}", bleu.VERSION, number, [image[order] for image in per_image])
        for order, number in enumerate(corpus)
    ]


def _cider_columns(references: Sequence[Sequence[Tokens]], candidates: Sequence[Tokens]) -> list[_Column]:
    return [_Column("CIDEr-D", cider.VERSION, *cider.CiderD(references).score(candidates))]


_METRICS: dict[str, Callable[[Sequence[Sequence[Tokens]], Sequence[Tokens]], list[_Column]]] = {
    "BLEU": _bleu_columns,
    "CIDEr-D": _cider_columns,
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
        raise PictellError("no-references", f"no references for {_some(without)}: give each image at least one")
    if unknown := [key for key in candidates if key not in references]:
        raise PictellError("no-references", f"candidates for ids without references: {_some(unknown)}")
    if missing := [key for key in references if key not in candidates]:
        raise PictellError("missing-candidates", f"no candidate for {_some(missing)}: give each image one caption")
    for key, candidate in candidates.items():
        if not isinstance(candidate, str):
            raise PictellError("not-text", f"the candidate of {key!r} is not a string: give its caption, or ''")


def _some(keys: Iterable[str]) -> str:
    """The first few ids and how many more there are."""
    listed = [repr(key) for key in keys]
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
