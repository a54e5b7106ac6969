"""A folder of one's own photos with a table of captions, CSV or JSON lines, also as Hugging Face's `imagefolder` has it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pictell.data.hashed_split import SPLITS, in_split
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.data.reading import check_split, read_lines
from pictell.errors import DataError

FILES = ("file", "file_name", "filename", "image", "image_name", "path", "photo")
CAPTIONS = ("caption", "text", "captions", "description", "texts", "sentences", "sentence")

_SUFFIXES = (".csv", ".tsv", ".jsonl")


@dataclass
class _Listed:
    """What the table says of a photo: its captions, the line of each, and its split, `""` for none."""

    captions: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    split: str = ""


def load_own_photos(folder: Path, split: str, say: Callable[[str], None] = lambda text: None) -> list[CaptionedPhoto]:
    """The photos of a split, in the order of the table; each with the captions of all its rows.

    `folder` holds one `.csv`, `.tsv` or `.jsonl` file: rows of a photo's file name, relative to the folder, and a caption,
    with or without a heading, or objects with a `file` (`image`, `file_name`, `path` ...) and a `caption` (`text`), one or a
    list of them. A `split` may stand beside them, and then for all; without it photos are split by a hash of their
    names, and `say` hears where that had to be helped, see `pictell.data.hashed_split`.

    Raises `DataError` naming the file and the line of what cannot be read.
    """
    table = _table(folder)
    listed = _read(table)
    if splits := _named(listed):
        check_split(split, splits, str(table))
        names = [name for name, its in listed.items() if its.split == split]
    else:
        check_split(split, SPLITS, f"{table}, which names none,")
        names = in_split(list(listed), split, lambda text: say(f"{table}: {text}"))
    return [
        CaptionedPhoto(
            name,
            folder / name,
            tuple(listed[name].captions),
            places=tuple(f"{table.name}, line {line}" for line in listed[name].lines),
        )
        for name in names
    ]


def splits_of(folder: Path) -> tuple[str, ...]:
    """The splits that the table of captions names, in its order; those that photos are split into where it names none.

    Raises `DataError` as `load_own_photos` does.
    """
    return _named(_read(_table(folder))) or SPLITS


def _named(listed: Mapping[str, _Listed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(its.split for its in listed.values() if its.split))


def _table(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError("missing", f"there is no folder {folder}")
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    if len(tables) != 1:
        there = f"several ({', '.join(path.name for path in tables)})" if tables else "none"
        raise DataError("missing", f"{folder} needs one table of captions (.csv, .tsv, .jsonl) and has {there}")
    return tables[0]


def _read(table: Path) -> dict[str, _Listed]:
    """What the table says, by the photo's name."""
    rows = _json_lines(table) if table.suffix.lower() == ".jsonl" else _delimited(table)
    listed: dict[str, _Listed] = {}
    for number, name, texts, split in rows:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\0" in name or Path(name).is_absolute():
            raise DataError(
                "layout", f"{table}, line {number}: {name!r} is no file in the folder: write it relative to it"
            )
        name = str(path)  # "./a.jpg" is "a.jpg"
        its = listed.setdefault(name, _Listed())
        its.captions += texts
        its.lines += [number] * len(texts)
        its.split = its.split or split
        if split and its.split != split:
            raise DataError("layout", f"{table}, line {number}: {name} is in {its.split!r} and {split!r}: write one")
    without = next((name for name, its in listed.items() if not its.split), None)
    if without is not None and _named(listed):
        raise DataError("layout", f"{table}: {without} has no split, others have: give it to all or none")
    if not listed:
        raise DataError("captions", f"{table} holds no captions")
    return listed


def _delimited(table: Path) -> Iterator[tuple[int, str, list[str], str]]:
    """The lines' numbers, names, captions and splits (`""` for none)."""
    text = "\n".join(read_lines(table)).removeprefix("\ufeff")
    # What stands after the first cell of the first line; what comes later may be part of a caption.
    after = re.match(r'\s*(?:"(?:[^"]|"")*"|[^,;\t\n"]*)([,;\t])', text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=after[1] if after else ",", strict=True)
    columns, width = (0, 1, -1), 0  # of file, caption and split (-1: none), and how many a row has
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not width:
                heading = _heading(row)
                columns, width = heading or columns, len(row) if heading else 2
                if heading:
                    continue
                first = row[0].strip()
                # Never raises for a strange name, unlike the method of paths.
                if first and not PurePosixPath(first).suffix and not os.path.isfile(table.parent / first):  # noqa: PTH113
                    raise DataError(
                        "layout",
                        f"{table}, line {reader.line_num}: {first!r} is neither a photo nor a known heading: call "
                        "the columns file and caption, and split if there is one",
                    )
            if len(row) != width:
                raise DataError(
                    "layout",
                    f"{table}, line {reader.line_num}: {len(row)} columns instead of {width}: a file name and a caption, "
                    "in quotes if it has such signs",
                )
            file, caption, split = (row[column].strip() if column >= 0 else "" for column in columns)
            yield reader.line_num, file, [caption], split
    except csv.Error as error:
        raise DataError("layout", f"{table}, line {reader.line_num}: {error}") from error


def _heading(row: list[str]) -> tuple[int, int, int] | None:
    """The columns of file, caption and split (-1: none), if a row is a heading."""
    names = [cell.strip().lower() for cell in row]
    file = next((names.index(name) for name in FILES if name in names), None)
    caption = next((names.index(name) for name in CAPTIONS if name in names), None)
    if file is None or caption is None:
        return None
    return file, caption, names.index("split") if "split" in names else -1


def _json_lines(table: Path) -> Iterator[tuple[int, str, list[str], str]]:
    for number, line in enumerate("\n".join(read_lines(table)).removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError("layout", f"{table}, line {number}: not JSON ({error})") from error
        if not isinstance(record, dict):
            raise DataError("layout", f"{table}, line {number}: expected an object with a file and a caption")
        name = next((record[key] for key in FILES if key in record), None)
        texts = next((record[key] for key in CAPTIONS if key in record), 0)
        texts = [] if texts is None else [texts] if isinstance(texts, str) else texts  # null: a photo without a caption
        if not isinstance(name, str) or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DataError(
                "layout",
                f'{table}, line {number}: expected a file and a caption: {{"file": "a.jpg", "caption": "..."}}',
            )
        yield number, name, [text.strip() for text in texts], str(record.get("split") or "")
