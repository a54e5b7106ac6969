"""`pictell album`: a whole library of photos, captioned and remembered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pictell.cli.bar import Bar, Progress
from pictell.cli.extras import require
from pictell.cli.options import Json, Model, Threads
from pictell.cli.output import emit, emit_json, say, shown
from pictell.errors import LibraryError, OptionError, PhotoError, PictellError
from pictell.fields import fields_of

if TYPE_CHECKING:
    from pictell.albums import Library, Plan, Result
    from pictell.captioner import Captioner

album = typer.Typer(name="album", help="A whole library of photos: captioned and remembered.")

Database = Annotated[
    Path | None,
    typer.Option("--db", metavar="FILE", help="The library's file.  [default: library.db among the user's data]"),
]


@album.command()
def index(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Directories of photos.")],
    database: Database = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what there is to do, and do nothing.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Caption all photos anew, whatever anyone wrote in them; reviewed captions stay."),
    ] = False,
    missing_only: Annotated[
        bool,
        typer.Option(
            "--missing-only/--all", help="Leave photos alone that have a person's caption in them or beside them."
        ),
    ] = True,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Caption anew also what another model captioned.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Photos with such a name or path alone, as '2024/*.jpg'.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="Caption N photos at most.")] = None,
    write: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="Write captions for other programs too: sidecar, embed (into the photos), or both."
        ),
    ] = None,
    keywords: Annotated[
        bool, typer.Option("--keywords", help="With --write, the things in a caption become keywords.")
    ] = False,
    as_json: Json = False,
    threads: Threads = None,
    model: Model = None,
) -> None:
    """Caption what is new or changed in a library of photos.

    Only photos without a caption are captioned, so run it as often as you like, and stop it whenever you like. Photos that were
    renamed keep theirs. Nothing but the library's file is written, unless --write is given; the words of people are kept.
    """
    require("pictell album", "albums")
    from pictell.albums import HOW, IndexOptions, alone, default_library, plan
    from pictell.albums import index as index_album
    from pictell.captioner import load

    if write is not None and write not in HOW:
        raise OptionError(f"--write is {', '.join(HOW)}, not {shown(write)!r}")
    if keywords and write is None:
        raise OptionError("--keywords are written where --write says: add --write sidecar, embed or both")
    if write in ("embed", "both"):
        from pictell.albums.embedding import require_embedding

        require_embedding()
    options = IndexOptions(
        force=force, outdated=outdated, everything=not missing_only, only=only or (), limit=limit,
        write=write, keywords=keywords,
    )  # fmt: skip
    for directory in directories:
        if not directory.is_dir():
            raise PhotoError("missing", f"{shown(directory)}: no such directory")
    captioner = load(model, threads=threads)
    path = database or default_library()
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        if not dry_run:
            try:
                stack.enter_context(alone(path))
            except LibraryError as error:
                if error.kind != "busy":
                    raise
                say(error.message)
                raise typer.Exit(2) from error  # nothing was begun, unlike where some photos fail
        elif not path.exists():
            path = Path(stack.enter_context(TemporaryDirectory())) / "library.db"
        library = stack.enter_context(open_library(path))
        for directory in directories:
            made = plan(library, directory, captioner.model, options)
            results = _foreseen(made) if dry_run else index_album(library, captioner, made, options)
            with Bar(0 if dry_run else len(made.waiting) + len(made.unread)) as bar:
                for result in results:
                    _count(counts, result)
                    if result.error is not None:
                        bar.make_room(for_error=True)
                        say(result.error.message)
                    if as_json and (result.outcome != "unchanged" or result.written in _CHANGED or result.error):
                        bar.make_room()
                        emit_json(_fields(result))
                    if result.outcome not in ("unchanged", "missing"):
                        bar.advance()
        if not dry_run:
            if not only and limit is None:
                for directory in directories:
                    _remember_looks(library, captioner, directory, counts)
            _remember_meanings(library)
    if not as_json:
        for line in _summary(counts):
            emit(line)
    if counts["failed"] or counts["unread"] or counts["failed looks"]:
        raise typer.Exit(1)


@album.command()
def export(
    to: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to: a name that ends in .csv, .jsonl, .md or .html.")
    ],
    database: Database = None,
    under: Annotated[Path | None, typer.Option(metavar="DIR", help="The photos in this directory alone.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="csv, jsonl, md or html, whatever the file's name ends in."),
    ] = None,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="Captions alone that a person accepted or edited in a review.")
    ] = False,
) -> None:
    """Write the captions of a library as a table, JSON lines, Markdown with alt text, or a gallery page.

    A person's own words go before pictell's. JSON lines in the photos' own folder are a training set for `pictell train FOLDER`.
    """
    require("pictell album", "albums")
    from pictell.albums import default_library
    from pictell.albums import export as export_album

    path = database or default_library()
    with open_library(path, must_exist=True) as library:
        entries = list(library.entries(under, reviewed=reviewed))
    export_album(entries, to, form)
    emit(f"{shown(to)}: {len(entries)} photos")


def open_library(path: Path, *, must_exist: bool = False) -> Library:
    """The library, made where it is not there; raises `LibraryError`."""
    from pictell.albums import Library

    if must_exist and not path.is_file():
        raise LibraryError("missing", f"{shown(path)}: no library yet; `pictell album index DIR` makes one")
    library = Library(path)
    if library.notice:
        say(library.notice)
    return library


def _remember_looks(library: Library, captioner: Captioner, directory: Path, counts: Counter[str]) -> None:
    """So that `pictell search --like` finds photos that are not captioned, too."""
    from pictell.albums import remember_looks

    with Progress("looks") as progress:

        def tell(error: PictellError) -> None:
            progress.make_room()
            say(error.message)
            counts["failed looks"] += 1

        counts["looks"] += remember_looks(library, captioner, directory, tell, progress)


def _remember_meanings(library: Library) -> None:
    """So that a search need not wait for it; done where a sentence encoder is installed."""
    from pictell.albums import remember_meanings, sentence_encoder

    encoder = sentence_encoder()
    if encoder is not None:
        with Progress("texts") as progress:
            remember_meanings(library, encoder, progress)


def _foreseen(made: Plan) -> Iterator[Result]:
    """What would become of each photo, as far as nothing of it is read."""
    from pictell.albums import Result

    yield from made.settled
    yield from made.unread
    for found in made.waiting:
        yield Result(Path(os.fsdecode(found.path)), "waiting")
    for path, before in made.gone.items():
        if not before.missing:
            yield Result(Path(os.fsdecode(path)), "missing")


def _count(counts: Counter[str], result: Result) -> None:
    counts[result.outcome] += 1
    if result.written is not None:
        counts[f"written: {result.written}"] += 1
    if result.error is not None:
        counts["unread" if result.outcome != "failed" else f"failed: {result.error.kind}"] += 1


def _fields(result: Result) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": str(result.path), "outcome": result.outcome}
    fields |= {} if result.written is None else {"written": result.written}
    for said in (result.caption, result.error):
        fields |= {} if said is None else fields_of(said)
    return fields


def _summary(counts: Counter[str]) -> list[str]:
    from pictell.albums import OUTCOMES

    names: dict[str, str] = {}
    for outcome, said in OUTCOMES.items():
        names[outcome] = said
        names |= {f"{outcome}: {kind}": f"of these {what}" for kind, what in _LACKING.items()}
    names |= {f"written: {name}": f"of these {said}" for name, said in _WRITTEN.items()}
    names["looks"] = "looked at for search --like, since they were not captioned by this model"
    names["failed looks"] = "that could not be"
    names["unread"] = "of these with words in them or beside them that could not be read or written"
    lines = [f"{counts[name]:8,}  {said}" for name, said in names.items() if counts[name]]
    return lines or ["no photos"]


_LACKING = {
    "needs-exiftool": "raw files, which need exiftool",
    "missing-extra": "in formats that need an optional part",
}

_CHANGED = ("written", "refreshed", "removed")
"""Of what `_WRITTEN` tells, where a file was changed."""

_WRITTEN = {
    "written": "written for other programs",
    "refreshed": "written anew for other programs",
    "same": "written there already",
    "kept": "not written, since a person wrote there",
    "removed": "taken out again, since a person rejected them",
}
