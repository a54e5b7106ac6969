"""A record of evaluations: a CSV file that each look at a split adds a line to, so that nobody looks at test data unseen."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pictell.errors import PictellError
from pictell.evaluation import Evaluation
from pictell.files import write_atomically


def fields_of(found: Evaluation, data: str, split: str) -> dict[str, Any]:
    """What `pictell evaluate --json` prints of an evaluation on the `split` of `data` (`KIND:FOLDER`)."""
    return {
        "model": found.model,
        "data": data,
        "split": split,
        "photos": found.photos,
        "failed": len(found.failed),
        "beam": found.beam,
        "length_penalty": found.length_penalty,
        "scores": {name: round(value, 5) for name, value in found.scores.items()},
        "versions": found.versions,
        "distinct": round(found.distinct, 5),
        "function_word_endings": round(found.function_word_endings, 5),
        "words": found.words,
        "mean_words": round(found.mean_words, 3),
        "hallucinated": round(found.hallucinated, 5),
        "gendered": round(found.gendered, 5),
        "photos_per_second": round(found.photos_per_second, 2),
    }


def add_to_record(path: Path, fields: Mapping[str, Any]) -> None:
    """Adds a line of what `fields_of` gave, with the date and without the data's folder; a new file gets a header first.

    Columns that the file lacks come after its own; the lines before have nothing there. The file is replaced whole.

    Raises:
        PictellError: the file is no such record, or cannot be written.

    """
    columns, lines = _read(path)
    line = {"date": datetime.now(UTC).strftime("%Y-%m-%d")}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            if name == "versions":
                value = "; ".join(dict.fromkeys(value.values()))
            else:
                line |= {key: str(number) for key, number in value.items()}
                continue
        line[name] = str(value).partition(":")[0] if name == "data" else str(value)
    columns += [name for name in line if name not in columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*lines, line])
    try:
        write_atomically(path, text.getvalue())
    except OSError as error:
        raise PictellError("output", f"cannot write {path}: {error.strerror}") from error


def check_record(path: Path) -> None:
    """Raises `PictellError` where `add_to_record` would: before the work, not after it."""
    if not path.parent.is_dir():
        raise PictellError("output", f"cannot write {path}: there is no directory {path.parent}")
    _read(path)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and lines of a record; none of a file that is not there."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            lines, columns = list(reader), list(reader.fieldnames or [])
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PictellError("record", f"cannot read {path} as a record of evaluations: {error}") from error
    if columns and (columns[:2] != ["date", "model"] or any(None in line or None in line.values() for line in lines)):
        raise PictellError("record", f"{path} is no record of evaluations: name another file")
    return columns, lines
