"""Grid features of a frozen encoder, computed once and kept on disk in half precision."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def cached_features(
    folder: Path,
    key: str,
    paths: Sequence[Path],
    shape: tuple[int, int],
    compute: Callable[[Sequence[Path]], NDArray[np.float32]],
    *,
    batch_size: int = 32,
    watch: Callable[[Sequence[range]], Iterable[range]] = iter,
) -> NDArray[np.float16]:
    """The features `(N, R, D)` of `paths`, memory-mapped from a file in `folder` that is made if it is not there.

    `key` tells encoders apart (a hash of the weights); `shape` is `(R, D)`; `compute` gives `(B, R, D)` for up to
    `batch_size` paths; `watch` may wrap the batches in a progress bar. A half-written file is never taken for a whole one.
    """
    digest = hashlib.sha256(key.encode())
    for path in paths:
        digest.update(str(path).encode() + b"\0")
    target = folder / f"features-{digest.hexdigest()[:16]}.npy"
    whole = (len(paths), *shape)
    if not target.exists() or np.load(target, mmap_mode="r", allow_pickle=False).shape != whole:
        folder.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial.npy")
        features = np.lib.format.open_memmap(partial, "w+", np.float16, whole)
        starts = [range(first, min(first + batch_size, len(paths))) for first in range(0, len(paths), batch_size)]
        for batch in watch(starts):
            features[batch.start : batch.stop] = compute(paths[batch.start : batch.stop])
        features.flush()
        del features
        partial.replace(target)
    loaded: NDArray[np.float16] = np.load(target, mmap_mode="r", allow_pickle=False)
    return loaded
