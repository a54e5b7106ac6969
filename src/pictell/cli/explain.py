"""`pictell explain`: where in a photo each word of its caption comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pictell.cli.options import Model
from pictell.cli.output import emit, say, shown

if TYPE_CHECKING:
    from pictell.insight import Method


def explain(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photo.")],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Where to: .png is a panel for each word, .gif an animation, .html a page where pointing at a word "
            "lights what it comes from.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="attention (where the model looked), occlusion (what, hidden, makes the word less likely) or gradient "
            "(what adds to its probability; needs pictell[train]).",
        ),
    ] = "attention",
    model: Model = None,
    force: Annotated[bool, typer.Option("--force", help="Explain also what does not look like a photo.")] = False,
) -> None:
    """Show where in a photo each word of its caption comes from.

    Prints the caption. A model that attends to no part of the photo is explained by occlusion instead.
    """
    from pictell.captioner import load
    from pictell.insight import check_writable, save
    from pictell.insight import explain as explain_photo

    check_writable(out, photo)
    captioner = load(model)
    found = explain_photo(captioner, photo, method=cast("Method", method), force=force)
    if found.method != method:
        say(f"{found.model} attends to no grid: explained by {found.method} instead")
    save(found, out)
    emit(shown(found.text))
