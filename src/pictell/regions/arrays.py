"""Arrays as numpy saves them, `.npy` or `.npz`, read without ever running a pickle."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from pictell.errors import RegionError
from pictell.regions.store import Stored

_FEATURES = ("feat", "x", "features", "z")
_BOXES = ("bbox", "boxes")
_SIZES = (("image_w", "image_h"), ("img_w", "img_h"))
# numpy has no one family for damaged files, and parses the header of an array as Python's literals are.
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, SyntaxError, TokenError, RuntimeError, OverflowError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_arrays(source: Path | bytes, where: str) -> Stored:
    """What a file, or a value of a database, has of a photo: an array of features, or an `.npz` that names its arrays.

    Of an `.npz` only those with known names are read, so that others may be what they will (`info` often is a pickle).
    Raises `RegionError` for what is damaged, a pickle, or names no features; `where` is what people know it as.
    """
    if isinstance(source, bytes) and source[:1] == b"\x80":
        raise _pickled(where)
    try:
        loaded = np.load(io.BytesIO(source) if isinstance(source, bytes) else source, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return Stored(loaded)
        with loaded:
            return _named(loaded, where)
    except RegionError:
        raise
    except DAMAGE as error:
        raise _damaged(error, where) from error


def _named(loaded: Any, where: str) -> Stored:
    """The arrays of an `.npz`."""
    features = next((name for name in _FEATURES if name in loaded.files), None)
    if features is None:
        has = ", ".join(loaded.files) or "nothing"
        raise RegionError("damaged", f"{where} names no features ({', '.join(_FEATURES)}); it has {has}")
    boxes = next((name for name in _BOXES if name in loaded.files), None)
    sides = next((pair for pair in _SIZES if all(name in loaded.files for name in pair)), None)
    size = None if sides is None else (float(loaded[sides[0]]), float(loaded[sides[1]]))
    return Stored(loaded[features], None if boxes is None else loaded[boxes], size)


def _damaged(error: Exception, where: str) -> RegionError:
    if "pickle" in str(error):
        return _pickled(where)
    why = " ".join(str(error).split()) or type(error).__name__
    return RegionError("damaged", f"{where} is cut short or damaged ({why[:100]})")


def _pickled(where: str) -> RegionError:
    return RegionError(
        "pickle", f"{where} is a pickle, which may run code and is not read: save it anew as arrays, with numpy.savez"
    )
