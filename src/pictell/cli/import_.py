"""`pictell import`: from a captioner that others trained to a model that `pictell caption --model` runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pictell.cli.extras import require
from pictell.cli.output import emit


def import_(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A .pth of self-critical.pytorch (FC, Att2in2, Up-Down, Transformer), or an .npz of im2txt's variables.",
        ),
    ],
    words: Annotated[
        Path, typer.Option(metavar="FILE", help="Its words: the data set's JSON (cocotalk.json), or word_counts.txt.")
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the model goes; a model that is there is replaced.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL|FOLDER|hf:NAME",
            help="Whose features it reads: a model, whose encoder is taken, or a folder of pretrained weights as "
            "transformers saves them, or their name on the hub.",
            show_default=False,
        ),
    ] = None,
    regions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Instead of an encoder: it reads features of up to N regions a photo (100 for bottom-up features).",
            show_default=False,
        ),
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes", help="The regions' boxes are read beside their features (use_box).")
    ] = False,
    name: Annotated[str, typer.Option(metavar="NAME", help="The model's name.")] = "imported",
    version: Annotated[int, typer.Option(min=1, metavar="N", help="The model's version.")] = 1,
    size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The side of the photos in pixels.  [default: the encoder's own]"),
    ] = None,
    heads: Annotated[
        int, typer.Option(min=1, metavar="N", help="Heads of a Transformer, which its weights do not show.")
    ] = 8,
    beam: Annotated[int, typer.Option(min=1, metavar="N", help="Width of the search.")] = 5,
    length_penalty: Annotated[float, typer.Option(metavar="X", help="Above 0 favours longer captions.")] = 0.0,
    terms: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What it was trained on and may be used for, for its card.  [default: where it was imported from]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a model of a captioner that others trained."""
    require("pictell import", "train")
    from pictell.importing import import_checkpoint

    imported = import_checkpoint(
        checkpoint,
        words,
        encoder,
        to,
        name=name,
        version=version,
        size=size,
        heads=heads,
        beam=beam,
        length_penalty=length_penalty,
        terms=terms,
        regions=regions,
        boxes=boxes,
    )
    bundle = imported.bundle
    notes = [f"{bundle.directory}: {bundle.label}, {bundle.size / 1e6:.1f} MB", imported.family]
    if imported.left_out:
        notes.append(f"{imported.left_out} words left out that pictell never says")
    emit("; ".join(notes))
