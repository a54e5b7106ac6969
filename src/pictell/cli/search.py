"""`pictell search`: the photos of a library that some words fit."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.album import Database, open_library
from pictell.cli.bar import Progress
from pictell.cli.extras import require
from pictell.cli.options import Json, Model
from pictell.cli.output import emit, emit_json, say, shown
from pictell.errors import OptionError, PictellError

if TYPE_CHECKING:
    from pictell.albums import Filters, Hit, Library, Meanings


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS", help='What to look for; "two words" in quotation marks of their own stand together.'
        ),
    ] = None,
    database: Database = None,
    like: Annotated[
        Path | None, typer.Option(metavar="PHOTO", help="Photos that look like this one, in the place of words.")
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Photos with the words alone, not those about which the same is said otherwise."),
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="How many photos at most.")] = 50,
    missing: Annotated[bool, typer.Option("--missing", help="Photos that nothing is written about.")] = False,
    low_confidence: Annotated[
        bool, typer.Option("--low-confidence", help="Photos of whose caption pictell is unsure.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Photos taken since, as 2024 or 2024-05-31.")
    ] = None,
    camera: Annotated[str | None, typer.Option(metavar="NAME", help="Photos by a camera of such a name.")] = None,
    written_by: Annotated[
        str | None, typer.Option(metavar="me|pictell", help="Photos with a person's words, or with pictell's caption.")
    ] = None,
    null: Annotated[
        bool, typer.Option("-0", "--null", help="Print paths alone, each ended by a NUL, for `xargs -0`.")
    ] = False,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the photos found, with their captions, as one picture."),
    ] = None,
    as_json: Json = False,
    model: Model = None,
) -> None:
    """Find photos by words.

    Looks in what people wrote in their photos and in pictell's captions, in a library that `pictell album index` made. Prints
    a line a photo, best first: the path, a tab, a person's words or else the caption. The exit code is 1 if nothing is found.

    With pictell[meaning] installed, photos about which the same is said in other words follow; words in quotation marks, and
    --exact, are to the letter.

    With --like, finds the photos captioned by pictell that look like one, which need not be in the library.
    """
    require("pictell search", "albums")
    from pictell.albums import Filters, default_library
    from pictell.albums import search as search_library

    filters = Filters(missing, low_confidence, since, camera, written_by)
    if like is not None and words:
        raise OptionError("either words or --like")
    if like is not None and exact:
        raise OptionError("--exact is for words, not for --like")
    if like is None and model is not None:
        raise OptionError("--model is for --like: words need no model")
    with open_library(database or default_library(), must_exist=True) as library:
        if like is None:
            hits = search_library(library, " ".join(words or ()), filters, limit, None if exact else _meanings(library))
        else:
            hits = _similar(library, like, model, filters, limit)
    if sheet is not None:
        from pictell.albums import draw_sheet

        try:
            draw_sheet(hits, sheet)
        except OSError as error:
            raise PictellError("output", f"cannot write {shown(sheet)}: {error.strerror}") from error
    for hit in hits:
        if null:
            sys.stdout.buffer.write(os.fsencode(hit.path) + b"\0")
        elif as_json:
            emit_json(
                {
                    "path": hit.path,
                    "own": hit.own,
                    "text": hit.caption,
                    "confidence": hit.confidence,
                    "taken": hit.taken,
                    "by": hit.by,
                    "score": hit.score,
                }
            )
        else:
            emit(f"{shown(hit.path)}\t{shown(hit.own or hit.caption or '')}")
    if null:
        sys.stdout.buffer.flush()
    if not hits:
        say("no photo found")
        raise typer.Exit(1)


def _meanings(library: Library) -> Callable[[], Meanings] | None:
    """What texts mean, where a sentence encoder is installed; it is loaded where it is asked for."""
    from pictell.albums import Meanings, sentence_encoder

    encoder = sentence_encoder()
    if encoder is None:
        return None

    def load() -> Meanings:
        with Progress("texts") as progress:
            return Meanings(library, encoder, progress)

    return load


def _similar(library: Library, photo: Path, model: str | None, filters: Filters, limit: int) -> list[Hit]:
    from pictell.albums import picture_of, similar
    from pictell.captioner import load
    from pictell.steering import CaptionOptions

    captioner = load(model)
    features = captioner.caption(picture_of(photo), CaptionOptions(features=True, force=True)).features
    assert features is not None
    return similar(library, features, captioner.encoder, filters, limit)
