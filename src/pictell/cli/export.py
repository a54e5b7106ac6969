"""`pictell export`: from a training run to a model that `pictell caption --model` runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.extras import require
from pictell.cli.options import Beam
from pictell.cli.output import emit

if TYPE_CHECKING:
    from pictell.bundle import Bundle


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a training run; with --to-hf alone, also a model.")
    ],
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the model goes; a model that is there is replaced.")
    ] = None,
    to_hf: Annotated[
        Path | None,
        typer.Option(
            "--to-hf",
            metavar="DIR",
            help="Where the model goes as one of Hugging Face transformers, in full precision; an empty or new folder.",
        ),
    ] = None,
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
    """Make a model of a training run's best weights.

    With --to-hf it is one that transformers opens, by pictell.hf.
    """
    if to is None and to_hf is None:
        raise typer.BadParameter("say where the model goes: --to DIR, --to-hf DIR or both", param_hint="--to")
    if to_hf is not None:
        require("pictell export --to-hf", "hf")
    if to is None and not (run / "recipe.json").is_file():
        from pictell.bundle import find_bundle

        _export_to_hf(find_bundle(run), to_hf)
        return
    require("pictell export", "train")
    with tempfile.TemporaryDirectory() as temporary:
        # Of a run a model is made first, so that it is compared with the network.
        folder = Path(temporary) / "model" if to is None else to
        bundle, notes = _bundle(run, folder, name, version, beam, length_penalty, card, calibration)
        if to is not None:
            emit("; ".join([f"{bundle.directory}: {bundle.label}, {bundle.size / 1e6:.1f} MB", *notes]))
        if to_hf is not None:
            _export_to_hf(bundle, to_hf)


def _export_to_hf(bundle: Bundle, folder: Path | None) -> None:
    from pictell.hf import export_to_hf

    assert folder is not None
    made = export_to_hf(bundle, folder)
    size = sum(file.stat().st_size for file in made.iterdir())
    emit(f"{made}: {bundle.label} for transformers, {size / 1e6:.1f} MB")


def _bundle(
    run: Path,
    to: Path,
    name: str,
    version: int,
    beam: int | None,
    length_penalty: float | None,
    card: Path | None,
    calibration: str | None,
) -> tuple[Bundle, list[str]]:
    """The bundle, and what there is to say of it."""
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
    return bundle, notes


def read_card(path: Path) -> str:
    """The model card in a file; raises `RecipeError` where it cannot be read."""
    from pictell.errors import RecipeError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("card", f"cannot read the model card {path}: {error}") from error
