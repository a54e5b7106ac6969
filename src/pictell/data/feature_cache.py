"""Grid features of a frozen encoder, computed once and kept on disk in half precision."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pictell.errors import DataError
from pictell.files import write_atomically

_BATCHES_BETWEEN_NOTES = 16


def cached_features(
    folder: Path,
    key: str,
    paths: Sequence[Path],
    shape: tuple[int, int],
    compute: Callable[[range], NDArray[np.float32]],
    *,
    batch_size: int = 32,
    watch: Callable[[Sequence[range]], Iterable[range]] = iter,
    say: Callable[[str], None] = lambda text: None,
) -> NDArray[np.float16]:
    """The features `(N, R, D)` of `paths`, memory-mapped from a file in `folder` that is made if it is not there.

    `key` tells encoders apart (a hash of the weights), and photos are told apart by path, size and time of change; `shape`
    is `(R, D)`; `compute` gives `(B, R, D)` for up to `batch_size` of the paths by number; `watch` may wrap the batches in
    a progress bar; `say` hears the size before anything is written. A file that was cut short is gone on with, and never
    taken for a whole one.

    Raises:
        DataError: the disk has not the room.

    """
    digest = hashlib.sha256(key.encode())
    for path in paths:
        about = path.stat() if path.exists() else None
        digest.update(f"{path}\0{about and (about.st_size, about.st_mtime_ns)}\0".encode(errors="surrogateescape"))
    target = folder / f"features-{digest.hexdigest()[:16]}.npy"
    whole = (len(paths), *shape)
    if not target.exists() or np.load(target, mmap_mode="r", allow_pickle=False).shape != whole:
        folder.mkdir(parents=True, exist_ok=True)
        partial, note = target.with_suffix(".partial.npy"), target.with_suffix(".partial.txt")
        done = _done(partial, note, whole)
        _announce(folder, whole, done, say)
        features = np.lib.format.open_memmap(partial, "r+" if done else "w+", np.float16, whole)
        starts = range(done, len(paths), batch_size)
        for number, batch in enumerate(watch([range(first, min(first + batch_size, len(paths))) for first in starts])):
            features[batch.start : batch.stop] = compute(batch)
            if number % _BATCHES_BETWEEN_NOTES == _BATCHES_BETWEEN_NOTES - 1:
                features.flush()
                write_atomically(note, str(batch.stop))
        features.flush()
        del features
        partial.replace(target)
        note.unlink(missing_ok=True)
    loaded: NDArray[np.float16] = np.load(target, mmap_mode="r", allow_pickle=False)
    return loaded


def _done(partial: Path, note: Path, whole: tuple[int, int, int]) -> int:
    """How many photos of a file that was cut short are sure to be in it."""
    try:
        shape = np.load(partial, mmap_mode="r", allow_pickle=False).shape
        done = int(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, EOFError):
        return 0
    return done if shape == whole and 0 <= done <= whole[0] else 0


def _announce(folder: Path, whole: tuple[int, int, int], done: int, say: Callable[[str], None]) -> None:
    photos, regions, channels = whole
    size = 2 * regions * channels  # bytes of a photo in half precision
    going_on = f", {done} of them there already" if done else ""
    say(f"{photos} x {regions} x {channels} features take {photos * size / 1e6:.0f} MB in {folder}{going_on}")
    free = shutil.disk_usage(folder).free
    if (photos - done) * size > free:
        raise DataError(
            "disk-full",
            f"the features need {(photos - done) * size / 1e6:.0f} MB and {folder} has {free / 1e6:.0f} MB left: "
            "make room, or name another folder",
        )
