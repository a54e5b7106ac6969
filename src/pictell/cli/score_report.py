"""What `pictell score` found, as a table, as JSON, as CSV and image by image."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pictell.cli.output import emit, shown
from pictell.cli.table import print_table

if TYPE_CHECKING:
    from pictell.metrics import Scores
    from pictell.metrics.hallucination import Hallucination
    from pictell.metrics.significance import Comparison
    from pictell.metrics.statistics import CaptionStatistics

    _Row = Sequence[str | float | None]


@dataclass(frozen=True)
class Opponent:
    """Another system's scores on the same images, and the candidates' compared with them."""

    name: str
    scores: Scores
    comparisons: Mapping[str, Comparison]


@dataclass(frozen=True)
class Report:
    """Scores of candidates, and what stands beside them.

    `captions` are those that were scored, `missing` counts the images that were left out. Without resampling
    `resamples` is 0 and there are no intervals.
    """

    references: str
    candidates: str
    captions: Mapping[str, str]
    missing: int
    scores: Scores
    statistics: CaptionStatistics
    intervals: Mapping[str, tuple[float, float]]
    resamples: int
    level: float
    seed: int
    hallucination: Hallucination | None
    opponent: Opponent | None

    def as_json(self) -> dict[str, Any]:
        """One object; scores have all their digits."""
        found = self.hallucination
        fields: dict[str, Any] = {
            "references": self.references,
            "candidates": self.candidates,
            "images": len(self.captions),
            "missing": self.missing,
            "scores": _numbers(self.scores.corpus),
            "versions": self.scores.versions,
            "statistics": asdict(self.statistics),
        }
        if self.resamples:
            fields["intervals"] = self.intervals
            fields["resampling"] = {"resamples": self.resamples, "level": self.level, "seed": self.seed}
        if found is not None:
            fields["hallucination"] = {key: value for key, value in asdict(found).items() if key != "per_image"}
        if self.opponent is not None:
            fields["against"] = {
                "candidates": self.opponent.name,
                "scores": _numbers(self.opponent.scores.corpus),
                "comparisons": {name: asdict(compared) for name, compared in self.opponent.comparisons.items()},
            }
        return fields

    def as_csv(self) -> str:
        """One row a measure; a cell is empty where a measure has no such number."""
        head = ["measure", "value", "low", "high"]
        if self.opponent is not None:
            head += ["other", "difference", "difference_low", "difference_high", "p_bootstrap", "p_randomisation"]
        rows: list[_Row] = [[*head, "version"]]
        for name, value in self.scores.corpus.items():
            row = [name, value, *self.intervals.get(name, (None, None))]
            if self.opponent is not None:
                theirs = self.opponent.scores.corpus[name]
                row += [theirs, value - theirs]
                compared = self.opponent.comparisons.get(name)
                row += (
                    [None] * 4 if compared is None else [*compared.interval, compared.bootstrap, compared.randomisation]
                )
            rows.append([*row, self.scores.versions[name]])
        rows += [[each.key, each.value, *[None] * (len(head) - 2), each.version] for each in self._beside()]
        return _csv(rows)

    def images_as_csv(self) -> str:
        """One row an image: its id, its caption, its scores, and the objects that no reference names."""
        objects = self.hallucination
        rows: list[_Row] = [["id", "caption", *self.scores.corpus, *([] if objects is None else ["hallucinated"])]]
        for key, scores in self.scores.per_image.items():
            named = [] if objects is None else ["; ".join(objects.per_image[key])]
            # A file's name may hold bytes that are no text, which a file of UTF-8 cannot.
            rows.append([shown(key), self.captions[key], *scores.values(), *named])
        return _csv(rows)

    def images_as_json(self) -> str:
        """One object a line, one line an image."""
        lines = []
        for key, scores in self.scores.per_image.items():
            image: dict[str, Any] = {"id": key, "caption": self.captions[key], "scores": _numbers(scores)}
            if self.hallucination is not None:
                image["hallucinated"] = self.hallucination.per_image[key]
            line = json.dumps(image, ensure_ascii=False)
            lines.append(line if line.isprintable() else json.dumps(image))
        return "".join(f"{line}\n" for line in lines)

    def print_table(self) -> None:
        """Prints the scores, what stands beside them, and what all that was computed with."""
        emit(shown(self.candidates))
        heads = ["measure", "value"]
        if self.opponent is not None:
            heads += [
                "other",
                "differs",
                *([f"{self.level:.0%} interval", "p boot", "p swap"] if self.resamples else []),
            ]
        elif self.resamples:
            heads.append(f"{self.level:.0%} interval")
        print_table(heads, [[name, *self._cells(name)] for name in self.scores.corpus])
        print_table(["captions", str(len(self.captions))], [[each.label, each.text] for each in self._beside()])
        for line in self._notes():
            emit(shown(line))

    def _cells(self, name: str) -> list[str]:
        value = self.scores.corpus[name]
        if self.opponent is None:
            return [f"{value:.4f}", *([_interval(self.intervals[name])] if name in self.intervals else [])]
        theirs = self.opponent.scores.corpus[name]
        cells = [f"{value:.4f}", f"{theirs:.4f}", f"{value - theirs:+.4f}"]
        if compared := self.opponent.comparisons.get(name):
            cells += [_interval(compared.interval), f"{compared.bootstrap:.3f}", f"{compared.randomisation:.3f}"]
        return cells

    def _beside(self) -> Iterator[_Beside]:
        found = self.statistics
        length = found.length

        def share(key: str, label: str, value: float, version: str = found.version) -> _Beside:
            return _Beside(key, label, value, f"{value:.1%}", version)

        yield _Beside("distinct_captions", "distinct captions", found.distinct, f"{found.distinct}", found.version)
        yield _Beside("distinct_words", "distinct words", found.words, f"{found.words}", found.version)
        yield _Beside("words_mean", "words, mean", length.mean, f"{length.mean:.2f}", found.version)
        yield _Beside("words_least", "words, fewest", length.least, f"{length.least}", found.version)
        yield _Beside("words_most", "words, most", length.greatest, f"{length.greatest}", found.version)
        yield share("empty", "empty", found.empty)
        yield share("function_word_endings", "ending in a function word", found.function_word_endings)
        for n, value in found.repeated_ngrams.items():
            yield share(f"repeated_{n}_grams", f"with {n} words in a row twice", value)
        if found.training_copies is not None:
            yield share("training_copies", "copies of training captions", found.training_copies)
        if self.hallucination is not None:
            version = self.hallucination.version
            yield share("chair_i", "objects in no reference (CHAIRi)", self.hallucination.chair_i, version)
            yield share("chair_s", "captions with such (CHAIRs)", self.hallucination.chair_s, version)

    def _notes(self) -> Iterator[str]:
        each = self.statistics.references
        spread = (
            f"{each.least}" if each.least == each.greatest else f"{each.least} to {each.greatest}, mean {each.mean:.2f}"
        )
        yield f"{len(self.captions)} images, references of each: {spread} ({self.references})"
        if self.missing:
            yield f"images left out, with references and without a candidate: {self.missing}"
        yield from _versions({**self.scores.versions, "statistics": self.statistics.version})
        if self.hallucination is not None:
            yield f"CHAIR: {self.hallucination.version}"
        if self.opponent is not None:
            yield f"other: {self.opponent.name}"
        if self.resamples:
            yield f"intervals: bootstrap, {self.resamples} resamples of the images, seed {self.seed}"
            if without := [name for name in self.scores.corpus if name not in self.intervals]:
                yield f"without an interval, being no number: {', '.join(without)}"
        if self.resamples and self.opponent is not None:
            yield "p: of so large a difference by chance, by paired bootstrap and by approximate randomisation"


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-c of metrics with people, and what was published."""

    data: str
    pairs: int
    ratings: int
    tau: Mapping[str, float]
    published: Mapping[str, float]
    versions: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """One object; a score that never varies has no tau."""
        return {
            "agreement": self.data,
            "pairs": self.pairs,
            "ratings": self.ratings,
            "tau_c": _numbers(self.tau),
            "published": self.published,
            "versions": self.versions,
        }

    def as_csv(self) -> str:
        """One row a score."""
        rows: list[_Row] = [["measure", "tau_c", "published", "version"]]
        for name, tau in self.tau.items():
            rows.append([name, None if math.isnan(tau) else tau, self.published.get(name), self.versions[name]])
        return _csv(rows)

    def print_table(self) -> None:
        """Prints a table, and below it what its numbers were computed with."""
        rows = [
            [name, f"{tau:.4f}", f"{self.published[name]:.3f}" if name in self.published else ""]
            for name, tau in self.tau.items()
        ]
        emit(f"agreement with people, Kendall's tau-c: {self.data}")
        print_table(["measure", "tau-c", "published"], rows)
        emit(f"{self.pairs} pairs of a photo and a caption, {self.ratings} ratings")
        for line in _versions(self.versions):
            emit(line)


@dataclass(frozen=True)
class _Beside:
    """A number that stands beside the scores: its names for programs and for people, itself, and itself for people."""

    key: str
    label: str
    value: float
    text: str
    version: str


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    """For JSON, which has no NaN: the SPICE of an image can be one, and so can a tau."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f}..{ends[1]:.4f}"


def _versions(versions: Mapping[str, str]) -> Iterator[str]:
    """Which scores have which version, those of one version on one line."""
    for version, names in groupby(versions, versions.__getitem__):
        yield f"{', '.join(names)}: {version}"


def _csv(rows: Iterable[_Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
