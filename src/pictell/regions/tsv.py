"""The original layout of bottom-up features (Anderson et al. 2018): rows of a TSV, boxes and features in base64.

Its columns are `image_id`, `image_w`, `image_h`, `num_boxes`, `boxes` and `features`
(github.com/peteanderson80/bottom-up-attention); LXMERT's (github.com/airsplay/lxmert) has `img_id` and what was detected
beside them. A header line names others. Numbers are little-endian float32. A file is read once, to learn where each row
begins; that is kept in the user's cache.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pictell.errors import DataError, RegionError
from pictell.files import cache_folder, write_atomically
from pictell.regions.arrays import DAMAGE
from pictell.regions.store import RegionStore, Stored

_COLUMNS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
_LXMERT = (
    "img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf", "num_boxes", "boxes", "features",
)  # fmt: skip
_WIDTHS, _HEIGHTS = ("image_w", "img_w"), ("image_h", "img_h")
_IDS = ("image_id", "img_id")
_LONGEST_ID = 1000  # bytes


class _Row(NamedTuple):
    """Where a row is: in which of the files, from which byte, how many bytes."""

    file: int
    offset: int
    length: int


class RegionTable(RegionStore):
    """One TSV or several as one; of rows with one id the first counts.

    Raises `DataError` for a file that cannot be read or has no such rows.
    """

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        super().__init__(path)
        self.files = tuple(files)
        self._columns: list[tuple[str, ...]] = []
        self._rows: dict[str, _Row] = {}
        for number, file in enumerate(self.files):
            ids, places, columns = _index_of(file)
            self._columns.append(columns)
            for name, (offset, length) in zip(ids, places.tolist(), strict=True):
                self._rows.setdefault(name, _Row(number, offset, length))

    def find(self, name: str) -> str | None:
        """The id itself."""
        return name if name in self._rows else None

    def load(self, key: str) -> Stored:
        """A row, decoded."""
        row = self._rows[key]
        file, names = self.files[row.file], self._columns[row.file]
        where = f"{file}: the row of {key}"
        try:
            with file.open("rb") as opened:
                opened.seek(row.offset)
                cells = opened.read(row.length).rstrip(b"\r\n").split(b"\t")
        except OSError as error:
            raise RegionError("unreadable", f"{where} cannot be read: {error.strerror}") from error
        if len(cells) != len(names):
            raise RegionError("truncated", f"{where} is cut short: it has {len(cells)} columns of {len(names)}")
        cell = dict(zip(names, cells, strict=True))
        try:
            count = int(cell["num_boxes"])
            width, height = (float(next(cell[name] for name in side if name in cell)) for side in (_WIDTHS, _HEIGHTS))
        except (StopIteration, ValueError, OverflowError) as error:
            raise RegionError(
                "damaged", f"{where} has no numbers where its boxes are counted or the photo measured"
            ) from error
        if count < 1:
            raise RegionError("empty", f"{where} has {count} boxes")
        features, boxes = (_decoded(cell[name], count, f"{where}, column {name}") for name in ("features", "boxes"))
        return Stored(features, boxes, (width, height))


def _decoded(cell: bytes, count: int, where: str) -> NDArray[np.float32]:
    try:
        content = binascii.a2b_base64(cell, strict_mode=True)
    except binascii.Error as error:
        raise RegionError("damaged", f"{where}, is cut short or no base64 ({error})") from error
    if not content or len(content) % (4 * count):
        raise RegionError("damaged", f"{where}, has {len(content)} bytes, which are no {count} rows of float32")
    return np.frombuffer(content, "<f4").reshape(count, -1)


# -- where the rows are -------------------------------------------------------------------------------------------


def _index_of(file: Path) -> tuple[list[str], NDArray[np.int64], tuple[str, ...]]:
    """The ids of the rows, where they are `(N, 2)` (offset and length in bytes), and the names of the columns."""
    try:
        about = file.stat()
        with file.open("rb") as opened:
            columns = _columns_of(opened, file)
    except OSError as error:
        raise DataError("missing", f"cannot read {file}: {error.strerror}") from error
    # Known by size and time of change, so that no index outlives its file.
    what = f"{file.absolute()}\0{about.st_size}\0{about.st_mtime_ns}"
    digest = hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:16]
    kept = cache_folder() / "regions" / f"{digest}.npz"
    if (known := _kept_index(kept)) is not None:
        return *known, columns
    try:
        with file.open("rb") as opened:
            found = list(_rows_in(opened))
    except OSError as error:
        raise DataError("unreadable", f"cannot read {file}: {error.strerror}") from error
    if not found:
        raise DataError(
            "layout", f"{file} has no rows of region features: {', '.join(_COLUMNS)}, with tabs between them"
        )
    ids = [name for name, _, _ in found]
    places = np.array([(offset, length) for _, offset, length in found], np.int64)
    content = io.BytesIO()
    np.savez(content, ids=np.array(ids), places=places)
    with contextlib.suppress(OSError):  # it is read again next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, content.getvalue())
    return ids, places, columns


def _columns_of(opened: BinaryIO, file: Path) -> tuple[str, ...]:
    """The names of the columns, from a header or from how many the first row has."""
    cells = opened.readline().rstrip(b"\r\n").split(b"\t")
    if cells[0].decode(errors="replace") in _IDS:
        names = tuple(cell.decode(errors="replace") for cell in cells)
        if {"num_boxes", "boxes", "features"} <= {*names}:
            return names
    for names in (_COLUMNS, _LXMERT):
        if len(cells) == len(names):
            return names
    raise DataError(
        "layout",
        f"{file} is no TSV of region features: its first row has {len(cells)} columns, not {', '.join(_COLUMNS)}",
    )


def _rows_in(opened: BinaryIO) -> Iterator[tuple[str, int, int]]:
    offset = 0
    for line in opened:
        name, tab, _ = line[: _LONGEST_ID + 1].partition(b"\t")
        if tab and name.decode(errors="replace") not in _IDS:
            yield name.decode(errors="replace"), offset, len(line)
        offset += len(line)


def _kept_index(path: Path) -> tuple[list[str], NDArray[np.int64]] | None:
    """What an earlier run found; nothing where it is not there or damaged, and then the file is read again."""
    try:
        with np.load(path, allow_pickle=False) as loaded:
            ids, places = loaded["ids"].tolist(), loaded["places"]
    except DAMAGE:
        return None
    return (ids, places) if places.shape == (len(ids), 2) and places.dtype == np.int64 else None
