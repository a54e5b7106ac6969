"""Whether a model's confidences mean what they say: figures, a reliability diagram and a risk-coverage curve.

    python benchmarks/confidence.py --data flickr8k:FOLDER [--model M] [--split test] [--out FOLDER]
    python benchmarks/confidence.py --data coco:FOLDER --split val2014 --fitted-on flickr8k:FOLDER

The model must have been calibrated (`pictell calibrate`); the split it was calibrated on is needed once more, for the
document frequencies that say when a caption is acceptable, and on that split itself each photo's confidence comes from a fit
without it. Needs the `train` extra, for matplotlib.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import pictell
from pictell.bundle import CALIBRATION
from pictell.calibrating import frequencies, quality, search
from pictell.confidence import FEATURES, Calibration
from pictell.confidence.calibration import held_out_confidence
from pictell.confidence.measures import auroc, expected_calibration_error, mean_when_withholding, reliability
from pictell.data import load_dataset
from pictell.types import BANDS, band_of

WITHHELD = (0.1, 0.2, 0.5)
RESAMPLES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--fitted-on", default=None, help="the data calibrated on, where it is not --data")
    parser.add_argument("--model", default=None)
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, default=None, help="a folder for the figures")
    options = parser.parse_args()
    captioner = pictell.load(options.model)
    if CALIBRATION not in captioner.bundle.files:
        parser.error(f"{captioner.model} has no calibration: make one with `pictell calibrate`")
    calibration = Calibration.from_json(captioner.bundle.read(CALIBRATION))
    if calibration is None:
        parser.error("the calibration is of a newer pictell")
    acceptable = calibration.acceptable
    kind = options.data.partition(":")[0]
    fitted_on = load_dataset(options.fitted_on or options.data, acceptable.split)
    photos = load_dataset(options.data, options.split)

    found = search(captioner, photos)
    graded = quality(found.captions, photos, frequencies(fitted_on))
    outcomes = graded > acceptable.above
    values = quality(found.captions, photos, frequencies(photos))
    mean_log_prob = found.evidence[:, [FEATURES.index("mean_log_prob")]]  # (N, 1)
    if (kind, options.split) == (acceptable.data, acceptable.split):
        confidences, rival = (held_out_confidence(own, graded, acceptable) for own in (found.evidence, mean_log_prob))
    else:
        fitted = search(captioner, fitted_on)
        alone = Calibration.fit(
            fitted.evidence[:, [FEATURES.index("mean_log_prob")]],
            quality(fitted.captions, fitted_on, frequencies(fitted_on)),
            acceptable,
        )
        confidences = np.array([calibration.confidence(own) for own in found.evidence])
        rival = np.array([alone.confidence(own) for own in mean_log_prob])

    title = f"{captioner.model} on {len(photos)} {kind} {options.split} photos"
    console = Console()
    console.print(figures(title, confidences, rival, outcomes, values))
    console.print(by_band(confidences, outcomes, values))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        draw_reliability(title, confidences, outcomes, options.out / "reliability.png")
        draw_risk(title, {"confidence": confidences, "mean log-probability": rival}, values, options.out)


def figures(
    title: str,
    confidences: NDArray[np.float64],
    rival: NDArray[np.float64],
    outcomes: NDArray[np.bool_],
    values: NDArray[np.float64],
) -> Table:
    """The confidence beside one fitted to mean log-probability alone; ECE has ten bins, withheld are the least sure.

    Intervals are those of 1,000 bootstrap samples of the photos; that of ECE is what confidences that are exactly right
    would show on as many photos.
    """
    table = Table(title=f"{title}, {outcomes.mean():.1%} acceptable, CIDEr-D {values.mean():.4f}")
    for column in ("measure", "confidence", "95 % interval", "mean log-prob."):
        table.add_column(column, justify="left" if column == "measure" else "right")
    random = np.random.default_rng(0)
    draws = random.integers(0, len(values), (RESAMPLES, len(values)))
    by_chance = random.random((RESAMPLES, len(values))) < confidences

    def interval(measured: list[float], form: str) -> str:
        low, high = np.percentile(measured, (2.5, 97.5))
        return f"{low:{form}} to {high:{form}}"

    table.add_row(
        "calibration error (ECE)",
        f"{expected_calibration_error(confidences, outcomes):.4f}",
        interval([expected_calibration_error(confidences, happened) for happened in by_chance], ".3f"),
        f"{expected_calibration_error(rival, outcomes):.4f}",
    )
    table.add_row(
        "AUROC",
        f"{auroc(confidences, outcomes):.4f}",
        interval([auroc(confidences[own], outcomes[own]) for own in draws], ".3f"),
        f"{auroc(rival, outcomes):.4f}",
    )
    for share in WITHHELD:
        table.add_row(
            f"CIDEr-D, {share:.0%} withheld",
            f"{gain(confidences, values, share):+.1%}",
            interval([gain(confidences[own], values[own], share) for own in draws], "+.1%"),
            f"{gain(rival, values, share):+.1%}",
        )
    return table


def gain(scores: NDArray[np.float64], values: NDArray[np.float64], share: float) -> float:
    """By what share the mean of `values` rises when the `share` with the lowest scores is withheld."""
    means = mean_when_withholding(scores, values)
    return float(means[round(share * len(values))] / means[0] - 1)


def by_band(confidences: NDArray[np.float64], outcomes: NDArray[np.bool_], values: NDArray[np.float64]) -> Table:
    table = Table(title="by band")
    for column in ("band", "from", "photos", "acceptable", "CIDEr-D"):
        table.add_column(column, justify="left" if column == "band" else "right")
    for name, least in BANDS.items():
        own = np.array([band_of(confidence) == name for confidence in confidences])
        if own.any():
            table.add_row(
                name, f"{least:g}", f"{own.mean():.1%}", f"{outcomes[own].mean():.1%}", f"{values[own].mean():.3f}"
            )
    return table


def draw_reliability(title: str, confidences: NDArray[np.float64], outcomes: NDArray[np.bool_], path: Path) -> None:
    """The share of acceptable captions by confidence, with its standard error, over how many captions there are."""
    from matplotlib.figure import Figure

    bins = reliability(confidences, outcomes)
    given = np.array([own.confidence for own in bins])
    happened = np.array([own.acceptable for own in bins])
    count = np.array([own.count for own in bins])
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot((0, 1), (0, 1), color="0.6", linestyle="--", linewidth=1, label="as often as it says")
    spread = np.sqrt(np.maximum(happened * (1 - happened), 0.01) / count)
    above.errorbar(given, happened, yerr=spread, marker="o", color="tab:blue", capsize=2, label="captions, in ten bins")
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of acceptable captions", title=title)
    above.title.set_fontsize(10)
    above.text(
        0.97, 0.04, f"calibration error {expected_calibration_error(confidences, outcomes):.3f}",
        ha="right", transform=above.transAxes,
    )  # fmt: skip
    above.legend(loc="upper left", frameon=False)
    below.hist(confidences, bins=20, range=(0, 1), color="tab:blue")
    below.set(xlabel="confidence", ylabel="captions")
    figure.savefig(path, dpi=120)


def draw_risk(title: str, scores: dict[str, NDArray[np.float64]], values: NDArray[np.float64], folder: Path) -> None:
    """The mean CIDEr-D of the captions kept, from all of them down to the surest tenth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    coverage = np.arange(len(values), 0, -1) / len(values)  # (N,)
    kept = coverage >= 0.1
    for (name, own), colour in zip(scores.items(), ("tab:blue", "tab:orange"), strict=True):
        axes.plot(coverage[kept], mean_when_withholding(own, values)[kept], label=name, color=colour)
    best = mean_when_withholding(values, values)
    axes.axhline(values.mean(), color="0.6", linestyle="--", linewidth=1, label="all captions")
    axes.set(
        xlabel="share of photos captioned, the surest first", ylabel="CIDEr-D of these captions", title=title,
        xlim=(1, 0.1), ylim=(0, min(best[kept].max(), 2.5 * values.mean())),
    )  # fmt: skip
    axes.title.set_fontsize(10)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(loc="lower left", frameon=False)
    figure.savefig(folder / "risk-coverage.png", dpi=120)


if __name__ == "__main__":
    main()
