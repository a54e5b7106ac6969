"""`pictell album review`: a library's captions, checked by a person in the browser."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.album import Database, open_library
from pictell.cli.extras import missing_modules
from pictell.cli.options import Model
from pictell.cli.output import emit, say, shown
from pictell.errors import MissingExtraError, PhotoError

if TYPE_CHECKING:
    from pictell.captioner import Captioner


def review(
    database: Database = None,
    under: Annotated[Path | None, typer.Option(metavar="DIR", help="The photos in this directory alone.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 is a free one.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, open no browser.")] = False,
    model: Model = None,
) -> None:
    """Check captions in the browser: accept, edit or reject them, photo by photo.

    Serves a page on this machine alone until you finish there or press Ctrl-C. Captions that you accept or edit are yours from
    then on: no later index run changes them. --model is the one that shows where in a photo words come from.
    """
    if lacking := [extra for extra in ("albums", "serve") if missing_modules(extra)]:
        raise MissingExtraError("pictell album review", ",".join(lacking))
    from pictell.albums import default_library
    from pictell.reviewing import Session, serve

    path = database or default_library()
    if under is not None and not under.is_dir():
        raise PhotoError("missing", f"{shown(under)}: no such directory")
    with open_library(path, must_exist=True):
        pass  # brought up to date, and named where it cannot be used

    def load() -> Captioner:
        from pictell.captioner import load

        return load(model)

    def ready(address: str) -> None:
        emit(f"{address}  (opens once; Ctrl-C ends the review)")
        if not no_open:
            threading.Thread(target=_open, args=(address,), daemon=True).start()

    session = Session(path, load, under)
    serve(session, ready, port)
    emit(str(session.tally))


def _open(address: str) -> None:
    if not webbrowser.open(address):
        say("no browser could be opened: open the address yourself")
