"""`pictell alt`: alt text for the images of web pages."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pictell.cli.bar import Bar
from pictell.cli.options import Json, Model, Threads
from pictell.cli.output import emit_bytes, emit_json, say, shown, write_file
from pictell.errors import OptionError, PictellError

if TYPE_CHECKING:
    from pictell.alttext import Page, Suggestion
    from pictell.types import Caption


def alt(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="HTML or Markdown files.", show_default=False)],
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Open only images in here; addresses that begin with / are relative to it.  [default: each file's folder]",
            show_default=False,
        ),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write into the files instead of printing a patch.")
    ] = False,
    as_json: Json = False,
    threads: Threads = None,
    model: Model = None,
) -> None:
    """Suggest alt text for the images of web pages that have none.

    Prints a patch, which `patch -p0` and `git apply -p0` apply. With --json it prints what becomes of each image instead;
    with --in-place it writes the files. All but the alt texts stays as it is, to the byte.

    Decorative images (alt="") are left, and so are those on the web. An image in a link or a button is named for a person: its
    alt text says what the link is for. Suggestions are drafts: check each beside its image.

    A file or an image that cannot be opened is named on standard error, the others are done, and the exit code is 1.
    """
    if root is not None and not root.is_dir():
        raise OptionError(f"--root: there is no directory {root}")

    from pictell.alttext import diff, read_page, rewritten, suggest
    from pictell.captioner import load

    pages: dict[Path, Page] = {}
    failed = False
    for file in files:
        try:
            pages.setdefault(file.resolve(), read_page(file))
        except PictellError as error:
            failed = True
            say(error.message)
    captioner = load(model, threads=threads)
    outcomes: Counter[str] = Counter()
    changed = 0
    with Bar(len(pages), "pages") as bar:
        for (file, page), found in zip(pages.items(), suggest(captioner, list(pages.values()), root=root), strict=True):
            bar.make_room(for_error=True)
            for each in found:
                _tell(page, each)
            edits = [each.edit for each in found if each.edit is not None]
            try:
                if in_place and edits:
                    _write(file, page, rewritten(page, edits))
                elif not as_json:
                    emit_bytes(diff(page, edits, _name(page.path)))
                changed += bool(edits)
            except PictellError as error:
                failed = True
                say(error.message)
            else:
                outcomes.update(each.outcome for each in found)
            if as_json:
                for each in found:
                    emit_json({"path": os.fspath(page.path), **_fields(page, each)})
            bar.advance()
    _sum_up(outcomes, changed, len(pages))
    if failed or outcomes["failed"]:
        raise typer.Exit(1)


def _write(file: Path, page: Page, data: bytes) -> None:
    try:
        found, unchanged = file.stat(), file.read_bytes() == page.data
    except OSError:
        unchanged = False
    if not unchanged:
        raise PictellError("changed", f"{shown(page.path)}: was changed meanwhile and left as it is; run again")
    write_file(file, data, like=found)


def _name(path: Path) -> str:
    """A page's name in a patch: from the working directory, where the patch is going to be applied, if it lies below."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100  (links are not to be followed)
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


def _tell(page: Page, suggestion: Suggestion) -> None:
    """Names an image that a person has to look at, on one line."""
    why = {
        "for-a-person": f"for a person: {suggestion.reason}",
        "withheld": f"no suggestion: {suggestion.reason}",
        "failed": suggestion.error.message if suggestion.error else "",
    }.get(suggestion.outcome)
    if why is not None:
        image = "" if suggestion.error else f"{suggestion.image.url or '(no address)'}: "
        line, _ = page.position(suggestion.image.start)
        say(f"{page.path}:{line}: {image}{why}")


def _fields(page: Page, suggestion: Suggestion) -> dict[str, Any]:
    line, column = page.position(suggestion.image.start)
    caption, error = suggestion.caption, suggestion.error
    return {
        "line": line,
        "column": column,
        "image": suggestion.image.url,
        "outcome": suggestion.outcome,
        "alt": caption.text if caption else None,
        **({"reason": suggestion.reason} if suggestion.reason else {}),
        **({"error": {"kind": error.kind, "message": error.message}} if error else {}),
        **(_trust(caption) if caption and caption.text is not None else {}),
    }


def _trust(caption: Caption) -> dict[str, Any]:
    confidence = None if caption.confidence is None else round(caption.confidence, 4)
    return {"confidence": confidence, "band": caption.band, "model": caption.model}


def _sum_up(outcomes: Counter[str], changed: int, pages: int) -> None:
    if not outcomes:
        say(f"{_count(pages, 'page')}: no image without alt text")
        return
    parts = [
        (
            outcomes["suggested"],
            f"{_count(outcomes['suggested'], 'suggestion')} for {changed} of {_count(pages, 'page')}",
        ),
        (outcomes["for-a-person"], f"{outcomes['for-a-person']} for a person to write"),
        (outcomes["withheld"], f"{outcomes['withheld']} without a suggestion"),
        (outcomes["elsewhere"], f"{outcomes['elsewhere']} not local, left"),
        (outcomes["failed"], f"{outcomes['failed']} failed"),
    ]
    say("; ".join(text for number, text in parts if number))
    if outcomes["suggested"]:
        say("suggestions are drafts: a person must check each beside its image")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
