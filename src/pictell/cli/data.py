"""`pictell data check`: what there is of a data set, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.bar import Bar
from pictell.cli.options import Json
from pictell.cli.output import emit, emit_json, say, shown
from pictell.cli.table import print_table

if TYPE_CHECKING:
    from pictell.data.check import DataReport
    from pictell.metrics.statistics import Range

data = typer.Typer(
    name="data", help="Look at data sets.", rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)


@data.callback()
def _data() -> None:
    """Look at data sets."""


@data.command()
def check(
    name: Annotated[
        str,
        typer.Argument(metavar="KIND:FOLDER", help="The data set, such as flickr8k:data/flickr8k or coco:data/coco."),
    ],
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="Which split; may be given several times.  [default: all that are there]"),
    ] = None,
    photos: Annotated[
        bool, typer.Option("--photos", help="Open every photo too, and look for near-duplicates across splits.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what there is of a data set, and what is wrong with it.

    Gives for each split its photos, captions, different words and the captions' lengths in words. Photos that are not on
    disk, have no captions, an empty one or another photo's id, and photos in two splits are named on standard error; so are
    photos that cannot be opened and those that look alike, with --photos. The exit code is 1 if there are any.
    """
    from pictell.data.check import check as describe
    from pictell.data.check import look_into, read_splits

    splits = read_splits(name, split or ())
    contents = None
    if photos:
        with Bar(sum(map(len, splits.there.values()))) as bar:
            contents = look_into(splits, bar.advance)
    report = describe(splits, contents)
    problems = list(report.problems())
    if as_json:
        emit_json({**asdict(report), "problems": problems})
    else:
        _print(report)
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(1)


def _print(report: DataReport) -> None:
    emit(shown(report.data))
    print_table(
        ["split", "photos", "captions", "per photo", "words", "length"],
        [
            [
                split,
                f"{found.photos}",
                f"{found.captions}",
                _spread(found.each),
                f"{found.words}",
                _spread(found.length),
            ]
            for split, found in report.splits.items()
        ],
    )
    for split, found in report.splits.items():
        if found.withdrawn_captions:
            emit(
                f"{split}: the set itself withdrew {found.withdrawn_captions} captions, "
                f"all those of {found.withdrawn_photos} photos"
            )
    if report.absent:
        emit(f"not there: {', '.join(report.absent)}")
    emit("ranges: least..greatest (mean); words: different ones; length: of captions, in words")


def _spread(found: Range | None) -> str:
    if found is None:
        return ""
    return f"{found.least}" if found.least == found.greatest else f"{found.least}..{found.greatest} ({found.mean:.2f})"
