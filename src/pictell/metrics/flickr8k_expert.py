"""Flickr8k-Expert: captions of photos, each judged by three people.

Hodosh, Young and Hockenmaier 2013, "Framing image description as a ranking task". Of its 5,822 pairs of a photo and a
caption, 158 judge one of the photo's own five captions; they are left out, as is usual (Anderson et al. 2016, "SPICE",
section 4; Hessel et al. 2021, "CLIPScore", section 4.1), because the caption is then its own reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pictell.errors import DataError
from pictell.metrics.agreement import kendall_tau_c
from pictell.metrics.formats import TABBED_LINES, CaptionFile, read_captions, read_text
from pictell.metrics.score import Scores

KIND = "flickr8k-expert"
CAPTIONS = "Flickr8k.token.txt"
JUDGEMENTS = "ExpertAnnotations.txt"

PUBLISHED = {"BLEU-1": 0.323, "BLEU-4": 0.308, "ROUGE-L": 0.323, "METEOR": 0.418, "CIDEr-D": 0.439, "SPICE": 0.449}
"""Kendall's tau-c of the COCO caption evaluation's scores with these judgements (Hessel et al. 2021, table 1)."""

_RATINGS = ("1", "2", "3", "4")
_JUDGES = 3


@dataclass(frozen=True)
class Judged:
    """Pairs of a photo and a caption: by each pair's id its references, its candidate and its three ratings (1..4)."""

    references: dict[str, list[str]]
    candidates: dict[str, str]
    ratings: dict[str, tuple[int, ...]]


def expert_folder(name: str) -> Path:
    """The folder in `flickr8k-expert:FOLDER`; raises `DataError` (`"unknown-data"`) where `name` is anything else."""
    kind, colon, folder = name.partition(":")
    if not colon or kind != KIND:
        raise DataError("unknown-data", f"{name!r} names no judgements: write {KIND}:FOLDER")
    return Path(folder).expanduser()


def load_flickr8k_expert(folder: Path) -> Judged:
    """Read the 5,664 pairs of `folder`, which holds `Flickr8k_text/` or is it.

    References are the photo's five captions. Raises `DataError` (`"missing"`, `"layout"`, and those of
    `read_captions`).
    """
    inside = folder / "Flickr8k_text"
    texts = inside if inside.is_dir() else folder
    for name in (CAPTIONS, JUDGEMENTS):
        if not (texts / name).is_file():
            raise DataError("missing", f"{folder} has no {name}: name the folder of Flickr8k, or its Flickr8k_text")
    said = read_captions(texts / CAPTIONS)
    if said.layout != TABBED_LINES:
        raise DataError("layout", f"{said.name}: expected lines of NAME.jpg#K, a tab and a caption")
    judged = Judged({}, {}, {})
    path = texts / JUDGEMENTS
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            _add(judged, said, line.split("\t"), f"{path}, line {number}")
    if not judged.ratings:
        raise DataError("empty", f"{path}: holds no pairs of a photo and a caption of another one")
    return judged


def agreement(scores: Scores, judged: Judged) -> dict[str, float]:
    """Kendall's tau-c, -1..1, of every score with the ratings; each of a pair's three ratings is one observation.

    `scores` are those of `judged.candidates` against `judged.references`. A score that is the same for all pairs, or
    is NaN for one, has NaN.
    """
    return {
        name: agreement_of({key: scores.per_image[key][name] for key in judged.ratings}, judged)
        for name in scores.corpus
    }


def agreement_of(values: Mapping[str, float], judged: Judged) -> float:
    """Kendall's tau-c, as `agreement` of scores, of any number that each pair has; `values` are by the pairs' ids."""
    ratings = np.array(list(judged.ratings.values()))  # (P, 3)
    own = np.array([values[key] for key in judged.ratings])  # (P,)
    return math.nan if np.isnan(own).any() else kendall_tau_c(np.repeat(own, _JUDGES), ratings.ravel())


def _add(judged: Judged, said: CaptionFile, fields: list[str], place: str) -> None:
    if len(fields) != 2 + _JUDGES or not all(rating in _RATINGS for rating in fields[2:]):
        raise DataError("layout", f"{place}: expected a photo, a caption's name and three ratings from 1 to 4")
    photo, caption = fields[:2]
    of, _, which = caption.rpartition("#")
    if photo not in said.captions or not which.isdecimal() or int(which) >= len(said.captions.get(of, [])):
        raise DataError("layout", f"{place}: {CAPTIONS} has no {photo if photo not in said.captions else caption}")
    if of == photo:
        return
    key = f"{photo} {caption}"
    judged.references[key] = said.captions[photo]
    judged.candidates[key] = said.captions[of][int(which)]
    judged.ratings[key] = tuple(map(int, fields[2:]))
