"""What the official layouts have in common: parts that must be there, JSON, lists of names, and lines of captions."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pictell.errors import DataError


def check_split(split: str, splits: Collection[str], what: str) -> None:
    """Raises `DataError` for a split that the data set called `what` does not have."""
    if split not in splits:
        raise DataError("unknown-split", f"{what} has no split {split!r}; it has {', '.join(splits)}")


def find_part(folder: Path, names: Sequence[str], what: str, source: str) -> Path:
    """The first of `names` that is in the folder of the data set called `what`; `DataError` with its `source` if none is."""
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise DataError(
        "missing", f"{folder} is not {what} in its official layout: {' or '.join(names)} is missing ({source})"
    )


@contextmanager
def layout(path: Path, what: str) -> Iterator[None]:
    """Turns what goes wrong while the content of `path` is taken apart into a `DataError` that says it is not `what`."""
    try:
        yield
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError("layout", f"{path} is not {what}: {type(error).__name__}: {error}") from error


def read_json(path: Path, hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The content of a file of JSON; `hook` may replace each object as soon as it is read."""
    return json.loads(path.read_text(encoding="utf-8"), object_hook=hook)


def read_lines(path: Path) -> list[str]:
    """A text file's lines; a caption may hold characters that `str.splitlines` takes for a line's end."""
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DataError("layout", f"{path} is no UTF-8 text, save it as such: {error}") from error
    except OSError as error:
        raise DataError("layout", f"cannot read {path}: {error.strerror}") from error


def read_names(path: Path) -> list[str]:
    """The names in a file that has one a line."""
    return [line.strip() for line in read_lines(path) if line.strip()]


def read_tokens(path: Path) -> dict[str, list[str]]:
    """The captions by photo in lines `NAME.jpg#K`, a tab and a caption, as Flickr8k and Flickr30k have them."""
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        photo, hash_sign, _ = name.rpartition("#")
        if not (tab and hash_sign):
            raise DataError("layout", f"{path}, line {number}: expected NAME.jpg#K, a tab and a caption")
        captions.setdefault(photo, []).append(text.strip())
    return captions
