"""An LMDB with a value a photo: the bytes of an `.npz` or `.npy` under its id, as self-critical.pytorch keeps them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from pictell.errors import DataError, MissingExtraError, RegionError
from pictell.regions.arrays import read_arrays
from pictell.regions.store import RegionStore, Stored

DATA_FILE = "data.mdb"
"""What an LMDB that is a folder has in it."""

_ENDINGS = ("", ".npz", ".npy")  # some keep the names of the files


class RegionDatabase(RegionStore):
    """Opened where it is used and once in a process, as LMDB wants it.

    Raises `DataError` for what is no LMDB, `MissingExtraError` where the package `lmdb` is not installed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        _environment(path)

    def find(self, name: str) -> str | None:
        """The key."""
        return next((name + ending for ending in _ENDINGS if self._value(name + ending) is not None), None)

    def load(self, key: str) -> Stored:
        """The value, whose arrays are read like a file's."""
        where = f"{self.path}: the value of {key}"
        value = self._value(key)
        if value is None:
            raise RegionError("missing", f"{where} is gone")
        return read_arrays(value, where)

    def _value(self, key: str) -> bytes | None:
        import lmdb

        environment = _environment(self.path)
        name = key.encode(errors="surrogateescape")
        if not 0 < len(name) <= environment.max_key_size():
            return None
        try:
            with environment.begin() as transaction:
                value: bytes | None = transaction.get(name)
        except lmdb.Error as error:
            raise RegionError("damaged", f"{self.path} is damaged: {error}") from error
        return value


_opened: dict[str, tuple[int, Any]] = {}
_opening = threading.Lock()


def _environment(path: Path) -> Any:
    place = os.path.realpath(path)
    with _opening:
        pid, environment = _opened.get(place, (0, None))
        if pid != os.getpid():
            if environment is not None:
                environment.close()  # a forked process has its parent's, which is not for it
            environment = _open(path)
            _opened[place] = os.getpid(), environment
        return environment


def _open(path: Path) -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise MissingExtraError(f"region features in an LMDB ({path})", "regions") from error
    try:
        # Read alone, without a lock file beside it, which a data set on a read-only disk could not have.
        opened = lmdb.open(os.fspath(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False)
        needed = (opened.info()["last_pgno"] + 1) * opened.stat()["psize"]
    except lmdb.Error as error:
        raise DataError("layout", f"{path} is no LMDB, or damaged: {error}") from error
    # It is mapped into memory, where a page that is not in the file would end the process.
    has = (path / DATA_FILE if path.is_dir() else path).stat().st_size
    if has < needed:
        opened.close()
        raise DataError("truncated", f"{path} is cut short: it has {has} bytes of {needed}")
    return opened
