"""Captions for the images of pages that lack alt text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pictell.alttext.image import Edit, Image
from pictell.alttext.local import local_file
from pictell.alttext.page import Page
from pictell.captioner import Captioner
from pictell.errors import PhotoError, PictellError
from pictell.steering import CaptionOptions
from pictell.types import Caption

Outcome = Literal["suggested", "for-a-person", "withheld", "elsewhere", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""What may become of an image without alt text."""


@dataclass(frozen=True)
class Suggestion:
    """What pictell has to say of an image without alt text.

    - `suggested`: `caption` has the text, `edit` writes it.
    - `for-a-person`: `reason` says why a person must write it, for example for an image in a link.
    - `withheld`: there is no caption, for the `reason` that `caption` has.
    - `elsewhere`: the image is on the web or within the page itself, and was left.
    - `failed`: it could not be opened; `error` says why.
    """

    image: Image
    outcome: Outcome
    file: Path | None = None
    caption: Caption | None = None
    edit: Edit | None = None
    reason: str | None = None
    error: PictellError | None = None


def suggest(
    captioner: Captioner, pages: Sequence[Page], *, root: Path | None = None, options: CaptionOptions | None = None
) -> Iterator[list[Suggestion]]:
    """For each page in turn what becomes of each of its images, `page.images`; a photo on several pages is captioned once.

    Only files in `root`, each page's own folder if `None`, are opened. The style of the captions is `alt` if `options` is `None`.

    Raises:
        OptionError: what is asked for cannot be.

    """
    placed = [[_placed(page, image, root) for image in page.images] for page in pages]
    files = dict.fromkeys(each.file for of_page in placed for each in of_page if each.file is not None)
    results = captioner.stream(files, options or CaptionOptions(style="alt"))
    return _suggestions(placed, zip(files, results, strict=True))


def _suggestions(
    placed: list[list[Suggestion]], results: Iterator[tuple[Path, Caption | PictellError]]
) -> Iterator[list[Suggestion]]:
    known: dict[Path, Caption | PictellError] = {}
    for of_page in placed:
        found = []
        for each in of_page:
            while each.file is not None and each.file not in known:
                file, result = next(results)
                known[file] = result
            found.append(each if each.file is None else _described(each.image, each.file, known[each.file]))
        yield found


def _placed(page: Page, image: Image, root: Path | None) -> Suggestion:
    """What is known of an image before it is opened: `suggested`, without a caption yet, if it is to be."""
    if image.for_a_person is not None:
        return Suggestion(image, "for-a-person", reason=image.for_a_person)
    try:
        file = local_file(image.url, page.path, root or page.path.parent, page.base)
    except PhotoError as error:
        return Suggestion(image, "failed", error=error)
    return Suggestion(image, "elsewhere") if file is None else Suggestion(image, "suggested", file)


def _described(image: Image, file: Path, result: Caption | PictellError) -> Suggestion:
    assert image.place is not None
    if isinstance(result, PictellError):
        return Suggestion(image, "failed", file, error=result)
    if result.text is None:
        return Suggestion(image, "withheld", file, result, reason=result.reason)
    return Suggestion(image, "suggested", file, result, image.place.edit(result.text))
