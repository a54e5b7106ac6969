"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="An installed model or the directory of one.  [default: the one that comes with pictell]"
    ),
]
Beam = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Width of the search.  [default: the model's own choice]")
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many cores to use.  [default: as many as there are, 8 at most]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
