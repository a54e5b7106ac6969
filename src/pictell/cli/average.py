"""`pictell average`: the mean of several training runs' weights, as a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pictell.cli.extras import require
from pictell.cli.output import emit


def average(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs that began with the same weights.")
    ],
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the mean goes, as a run to evaluate, export or go on from.")
    ],
    weight: Annotated[
        list[float] | None,
        typer.Option(metavar="X", show_default=False, help="The weight of each run in turn.  [default: equal ones]"),
    ] = None,
) -> None:
    """Make one model of the mean of several runs' best weights."""
    require("pictell average", "train")
    from pictell.training.average import average_runs

    emit(str(average_runs(runs, to, weight)))
