"""The commands, put together. What a command needs beyond typer is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from pictell import __version__
from pictell.cli.album import album
from pictell.cli.alt import alt
from pictell.cli.average import average
from pictell.cli.calibrate import calibrate
from pictell.cli.caption import caption
from pictell.cli.data import data
from pictell.cli.doctor import doctor
from pictell.cli.evaluate import evaluate
from pictell.cli.explain import explain
from pictell.cli.export import export
from pictell.cli.import_ import import_
from pictell.cli.models import models
from pictell.cli.review import review
from pictell.cli.score import score
from pictell.cli.search import search
from pictell.cli.serve import serve
from pictell.cli.speak import speak
from pictell.cli.train import train

# Without markup help needs no rich, whose import would take a tenth of a second from every command.
app = typer.Typer(name="pictell", rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pictell {__version__}")
        raise typer.Exit


@app.callback()
def _pictell(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Looks at photos and says what is in them."""


for command in (
    caption,
    speak,
    alt,
    search,
    explain,
    serve,
    models,
    doctor,
    evaluate,
    score,
    train,
    average,
    export,
    calibrate,
):
    app.command()(command)
album.command()(review)
app.command("import")(import_)
app.add_typer(data)
app.add_typer(album)
