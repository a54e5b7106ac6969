"""Which layout region features are in, told from the path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pictell.errors import DataError
from pictell.regions.folder import SUFFIXES, RegionFolder
from pictell.regions.lmdb_values import DATA_FILE, RegionDatabase
from pictell.regions.store import RegionStore
from pictell.regions.tsv import RegionTable

_TSV = re.compile(r".+\.tsv(\.\d+)?", re.IGNORECASE)  # the original comes in parts, .tsv.0 and .tsv.1
_LAYOUTS = "a folder of .npz or .npy files, one or more .tsv, or an LMDB"


def open_regions(path: str | os.PathLike[str]) -> RegionStore:
    """The region features at a path: a folder of `ID.npz` or `ID.npy`, a TSV or a folder of them, or an LMDB.

    Nothing but a TSV's index is read before a photo is asked for.

    Raises:
        DataError: there is nothing, or nothing in one of these layouts.
        MissingExtraError: it is an LMDB, and the package `lmdb` is not installed.

    """
    where = Path(path).expanduser()
    try:
        if where.is_file():
            return _of_file(where)
        if not where.is_dir():
            raise DataError("missing", f"there are no region features at {where}: name {_LAYOUTS}")
        if (where / DATA_FILE).is_file():
            return RegionDatabase(where)
        if tables := sorted(name for name in _names(where) if _TSV.fullmatch(name)):
            return RegionTable(where, [where / name for name in tables])
        if any(name.endswith(SUFFIXES) for name in _names(where)):
            return RegionFolder(where)
    except OSError as error:
        raise DataError("missing", f"cannot read {where}: {error.strerror}") from error
    raise DataError("layout", f"{where} holds no region features: name {_LAYOUTS}")


def _of_file(path: Path) -> RegionStore:
    if _TSV.fullmatch(path.name):
        return RegionTable(path, [path])
    if path.name.endswith((".lmdb", ".mdb")):
        return RegionDatabase(path)
    if path.name.endswith(SUFFIXES):
        raise DataError("layout", f"{path} is one photo's: name the folder, {path.parent}")
    raise DataError("layout", f"{path} is in no layout of region features that is read: name {_LAYOUTS}")


def _names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name
