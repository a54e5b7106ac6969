"""What a frozen encoder sees: its features, computed once for several views of each training photo, then kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pictell.data.augmentation import Augmentation
from pictell.data.feature_cache import cached_features
from pictell.errors import PhotoError
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.training.examples import change


def encoder_features(
    encoder: Encoder,
    paths: Sequence[Path],
    folder: Path,
    *,
    name: str,
    say: Callable[[str], None],
    unreadable: Callable[[str], None],
    augmentation: Augmentation | None = None,
    seed: int = 0,
    view: int = 0,
) -> NDArray[np.float16]:
    """The cached features `(N, R, D)` of the photos in `paths`.

    View 0 is the photo itself, the others are augmented as `change` says. A photo that cannot be read is told to
    `unreadable` and has zeros.
    """
    preprocessing = encoder.preprocessing
    device = next(encoder.parameters()).device
    shape = (encoder.regions, encoder.channels)

    def compute(rows: range) -> NDArray[np.float32]:
        found = np.zeros((len(rows), *shape), np.float32)
        read, pixels = [], []
        for place, row in enumerate(rows):
            try:
                image = prepare(open_photo(paths[row], smallest_side=preprocessing.smallest_side), preprocessing)
            except PhotoError as error:
                unreadable(f"skipped {paths[row].name}: {error.message}")
                continue
            if view and augmentation is not None:
                image = change(augmentation, seed, row, view).apply(image)
            read.append(place)
            pixels.append(image)
        if read:
            with torch.inference_mode():
                found[read] = encoder(torch.from_numpy(np.stack(pixels)).to(device)).cpu().numpy()
        return found

    def watch(items: Sequence[range]) -> Iterator[range]:
        with progress_bar() as progress:
            yield from progress.track(items, description=f"features of {name}")

    digest = hashlib.sha256()
    for weight in encoder.state_dict().values():
        digest.update(weight.cpu().numpy().tobytes())
    key = (
        digest.hexdigest()
        + (" rounded" if encoder.rounds_weights else "")
        + ("" if preprocessing == Preprocessing(size=encoder.size) else f" {preprocessing}")
        + (f" {view} {seed} {augmentation}" if view else "")
    )
    return cached_features(folder, key, paths, shape, compute, watch=watch, say=lambda text: say(f"{name}: {text}"))


def progress_bar(*, hidden: bool = False) -> Progress:
    """A bar on standard error that leaves nothing behind, and is not there where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)
