"""`pictell export`: from a training run to a model that `pictell caption --model` runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pictell.cli.extras import require
from pictell.cli.options import Beam
from pictell.cli.output import emit


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training run.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the model goes; a model that is there is replaced.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The model's name.")] = "custom",
    version: Annotated[int, typer.Option(min=1, metavar="N", help="The model's version.")] = 1,
    beam: Beam = None,
    length_penalty: Annotated[
        float | None, typer.Option(metavar="X", help="Above 0 favours longer captions.  [default: the recipe's]")
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The model card, Markdown.  [default: made of the recipe and dev scores]"),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:FOLDER",
            help="Make the model smaller and faster with 8-bit weights, ranges measured on training photos of this "
            "data set, such as flickr8k:data/flickr8k.  [default: full precision]",
        ),
    ] = None,
) -> None:
    """Make a model of a training run's best weights."""
    require("pictell export", "train")
    from pictell.training.from_run import bundle_from_run, choose_calibration

    text = None if card is None else read_card(card)
    photos = None if calibration is None else choose_calibration(run, calibration)
    notes: list[str] = []
    bundle = bundle_from_run(
        run,
        to,
        name=name,
        version=version,
        beam=beam,
        length_penalty=length_penalty,
        card=text,
        calibration_photos=photos,
        say=notes.append,
    )
    emit("; ".join([f"{bundle.directory}: {bundle.label}, {bundle.size / 1e6:.1f} MB", *notes]))


def read_card(path: Path) -> str:
    """The model card in a file; raises `RecipeError` where it cannot be read."""
    from pictell.errors import RecipeError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("card", f"cannot read the model card {path}: {error}") from error
