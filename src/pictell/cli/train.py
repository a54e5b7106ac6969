"""`pictell train`: trains a captioner from a recipe, or goes on with a training that was stopped."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pictell.cli.extras import require
from pictell.cli.options import SkipMissing
from pictell.cli.output import emit, say


def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE.yaml|FOLDER",
            help="The recipe, such as recipes/default.yaml, or a folder of photos with a table of captions (.csv, .jsonl).",
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            parser=str,
            show_default=False,
            help="Settings to change; dots reach inside: phases.0.epochs=2, out=runs/mine.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            show_default=False,
            help="Go on from a model's weights and words: a bundle (pictell-default is the shipped one) or a run's folder.",
        ),
    ] = None,
    skip_missing: SkipMissing = False,
) -> None:
    """Train a model by a recipe, or on a folder of photos.

    A folder needs a table with a photo's file name and a caption a line. The shipped model, or the one named by --from,
    goes on learning from it; a tenth of the photos says when to stop.

    The run's folder (`out`, else runs/NAME after the recipe's name) keeps a log, the scores of every epoch, checkpoints
    and the best weights. The same command goes on with a run that was stopped.
    """
    require("pictell train", "train")
    from pictell.bundle import DEFAULT
    from pictell.training import Trainer, load_recipe
    from pictell.training.start import OWN_PHOTOS, settings_for_own_photos, settings_to_go_on_from

    settings = [*(settings or []), *(["data.skip_missing=true"] if skip_missing else [])]
    if recipe.is_dir():
        before = [*settings_to_go_on_from(start or DEFAULT), *settings_for_own_photos(recipe)]
        loaded = load_recipe(OWN_PHOTOS, [*before, *settings])
    else:
        loaded = load_recipe(recipe, [*(settings_to_go_on_from(start) if start else []), *settings])
    try:
        trainer = Trainer(loaded, loaded.folder)
        best = trainer.run()
    except KeyboardInterrupt:
        there = (loaded.folder / "last.safetensors").exists()
        how = (
            f"to go on from the last checkpoint in {loaded.folder}"
            if there
            else "before the first checkpoint; to begin anew"
        )
        command = ["pictell", "train", str(recipe), *settings, *(["--from", start] if start else [])]
        say(f"stopped{'; ' if there else ' '}{how}: {shlex.join(command)}")
        raise typer.Exit(130) from None
    if trainer.processes.first:
        emit(str(best))
