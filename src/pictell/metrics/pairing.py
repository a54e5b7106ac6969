"""Which candidate belongs to which references: nothing is scored, or left unscored, by accident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pictell.errors import DataError
from pictell.metrics.formats import LINES, CaptionFile
from pictell.metrics.score import some


@dataclass(frozen=True)
class Pairs:
    """References and one candidate for each of the same ids, in the order of the references.

    `missing` are the ids whose references were left out, for want of a candidate.
    """

    references: dict[str, list[str]]
    candidates: dict[str, str]
    missing: tuple[str, ...]


def merge(files: Sequence[CaptionFile]) -> CaptionFile:
    """Several files of references as one: an id has the captions of all of them.

    Files with a caption a line belong together line by line; a blank line there is no caption. Raises `DataError`
    (`"layout"`, `"no-references"`) where such files differ in length, are mixed with others, or leave a line blank in
    all of them.
    """
    first = files[0]
    name = ", ".join(file.name for file in files)
    by_line = [file for file in files if file.layout == LINES]
    if by_line and len(by_line) < len(files):
        other = next(file for file in files if file.layout != LINES)
        raise DataError("layout", f"{by_line[0].name} is {LINES}, {other.name} has ids: give both in one layout")
    for file in by_line:
        if len(file.captions) != len(first.captions):
            raise DataError("layout", _differ_in_length(first, file))
    captions: dict[str, list[str]] = {}
    ids_of_photos: dict[str, str] = {}
    for file in files:
        for key, own in file.captions.items():
            captions.setdefault(key, []).extend(own)
        ids_of_photos |= file.ids_of_photos
    if by_line:
        captions = {key: [caption for caption in own if caption.strip()] for key, own in captions.items()}
        if blank := [key for key, own in captions.items() if not own]:
            raise DataError("no-references", f"{name}: line {blank[0]} has no reference: write at least one")
    return CaptionFile(name, first.layout, captions, ids_of_photos)


def pair(references: CaptionFile, candidates: CaptionFile, *, allow_missing: bool = False) -> Pairs:
    """Put the candidates beside their references.

    Ids are compared as text, so that the number 42 in one file is `"42"` in the other; where the references know the
    names of photos' files, such a name is as good as the id. With `allow_missing`, references without a candidate are
    left out and named in `Pairs.missing`.

    Raises `DataError`: `"duplicate"` where an id has several candidates; `"no-references"` where one has no
    references; `"missing-candidates"` where references have no candidate; `"layout"` where only one of the two files
    has ids, or both have none and differ in length.
    """
    if (references.layout == LINES) != (candidates.layout == LINES):
        by_line, other = (references, candidates) if references.layout == LINES else (candidates, references)
        raise DataError("layout", f"{by_line.name} is {LINES}, {other.name} has ids: give both in one layout")
    if references.layout == LINES and len(references.captions) != len(candidates.captions):
        raise DataError("layout", _differ_in_length(references, candidates))
    if without := [key for key, own in references.captions.items() if not own]:
        raise DataError("no-references", f"{references.name}: no references for {some(without)}: give at least one")
    found = _one_each(references, candidates)
    if unknown := [key for key in found if key not in references.captions]:
        alike = "" if len(unknown) < len(found) else f" (ids there are like {some(list(references.captions)[:1])})"
        raise DataError(
            "no-references",
            f"{candidates.name}: no references for {some(unknown)} in {references.name}{alike}: "
            "add them or take these candidates out",
        )
    missing = tuple(key for key in references.captions if key not in found)
    if missing and not allow_missing:
        raise DataError(
            "missing-candidates",
            f"{candidates.name}: no candidate for {some(missing)}, {len(missing)} of the {len(references.captions)} "
            "images with references: add them, or score what is there with --allow-missing",
        )
    kept = {key: own for key, own in references.captions.items() if key in found}
    return Pairs(kept, {key: found[key] for key in kept}, missing)


def in_common(first: Pairs, second: Pairs) -> tuple[Pairs, Pairs]:
    """Two systems' captions, for the same references, of those images that both have one for.

    Raises `DataError` (`"missing-candidates"`) where there is no such image.
    """
    common = {key: own for key, own in first.references.items() if key in second.references}
    if not common:
        raise DataError("missing-candidates", "there is no image that both systems have a caption of")
    left_out = (*first.missing, *first.references, *second.references)
    missing = tuple(key for key in dict.fromkeys(left_out) if key not in common)
    return (
        Pairs(common, {key: first.candidates[key] for key in common}, missing),
        Pairs(common, {key: second.candidates[key] for key in common}, missing),
    )


def _one_each(references: CaptionFile, candidates: CaptionFile) -> dict[str, str]:
    """Each id's only candidate."""
    found: dict[str, list[str]] = {}
    for key, own in candidates.captions.items():
        known = key if key in references.captions else references.ids_of_photos.get(key, key)
        if own:
            found[known] = found.get(known, []) + own
    if several := [key for key, own in found.items() if len(own) > 1]:
        raise DataError(
            "duplicate", f"{candidates.name}: several candidates for {some(several)}: give each image one caption"
        )
    return {key: own[0] for key, own in found.items()}


def _differ_in_length(first: CaptionFile, second: CaptionFile) -> str:
    return (
        f"{first.name} has {len(first.captions)} lines, {second.name} {len(second.captions)}: "
        "line K of each file must be of image K"
    )
