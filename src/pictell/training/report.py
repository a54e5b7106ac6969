"""What a run was like: its epochs as a table for the log, and their curves as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pictell.files import write_atomically

_NOT_SCORES = ("phase", "epoch", "loss", "reward")


def columns(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is known of the epochs; those in which the dev photos were not captioned have no scores."""
    fullest: Mapping[str, Any] = max(history, key=len)
    return list(fullest)


def table(history: Sequence[Mapping[str, Any]], best: float) -> str:
    """The epochs, one a line, as plain text; those that reached the `best` CIDEr-D are marked."""
    grid = Table(box=None, pad_edge=False)
    names = columns(history)
    for name in names:
        grid.add_column(name, justify="left" if name == "phase" else "right")
    grid.add_column()
    for row in history:
        values = [row.get(name, "") for name in names]
        cells = [f"{value:.4f}" if isinstance(value, float) else str(value) for value in values]
        grid.add_row(*cells, "best" if row.get("CIDEr-D") == round(best, 4) else "")
    text = io.StringIO()
    Console(file=text, width=200).print(grid)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def draw_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes a PNG of the loss (and reward) and the dev scores over the epochs; the phases change at dotted lines."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    begin = 0 if history[0]["epoch"] == 0 else 1  # a run that went on from a model has a row for it
    epochs = range(begin, begin + len(history))
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    losses = [(epoch, row["loss"]) for epoch, row in zip(epochs, history, strict=True) if row["loss"] != ""]
    if losses:
        left.plot(*zip(*losses, strict=True), "o-", color="tab:blue", label="cross-entropy")
    left.set_ylabel("training loss (nats a word)")
    rewards = [(epoch, row["reward"]) for epoch, row in zip(epochs, history, strict=True) if row["reward"] != ""]
    if rewards:
        other = left.twinx()
        other.plot(*zip(*rewards, strict=True), "s--", color="tab:orange", label="reward of drawn captions (right)")
        other.set_ylabel("mean reward")
        left.plot([], [], "s--", color="tab:orange", label="reward of drawn captions (right)")
    if losses:
        left.legend()
    for name in columns(history):
        if name not in _NOT_SCORES:
            main = name == "CIDEr-D"
            scored = [(epoch, row[name]) for epoch, row in zip(epochs, history, strict=True) if name in row]
            right.plot(*zip(*scored, strict=True), "o-" if main else ".-", lw=2.5 if main else 1, label=name)
    right.set_ylabel("score on the dev photos")
    right.legend(fontsize="small", ncols=2)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.set_xlim(begin - 0.5, begin + len(history) - 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for number in range(1, len(history)):
            if history[number]["phase"] != history[number - 1]["phase"]:
                axes.axvline(begin + number - 0.5, color="grey", linestyle=":")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_atomically(path, picture.getvalue())
