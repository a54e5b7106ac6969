"""What photos look like, of those too that were not captioned, so that a search finds them by another photo."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pictell.albums.library import Library
from pictell.albums.raw import picture_of
from pictell.albums.walk import Found, is_as_found
from pictell.captioner import Captioner, PhotoSource
from pictell.errors import PictellError
from pictell.steering import CaptionOptions
from pictell.types import Caption

_AT_ONCE = 32


def remember_looks(
    library: Library,
    captioner: Captioner,
    root: Path,
    failed: Callable[[PictellError], None],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Keeps what photos in `root` and below it look like to the captioner's encoder, where that is lacking; of how many.

    Photos with a person's caption lack it, and all of a library that another encoder saw. Those that are gone, failed, look
    like no photo or are not as the library knows them are left. What is committed is not done again, so that it may be stopped
    at any moment.
    """
    start = os.fsencode(os.path.realpath(root)).rstrip(b"/") + b"/"
    lacking = library.rows(
        "SELECT id, path, size, mtime_ns FROM photos WHERE path >= ? AND path < ? AND NOT missing AND error_kind IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM features WHERE photo = id AND encoder = ?)"
        " AND NOT EXISTS (SELECT 1 FROM captions WHERE photo = id AND reason IS NOT NULL) ORDER BY path",
        (start, start[:-1] + b"0", captioner.encoder),  # the byte after a slash
    )
    waiting: deque[tuple[int, bytes, int, int]] = deque()

    def sources() -> Iterator[PhotoSource]:
        for row in lacking:
            waiting.append(row)
            yield partial(picture_of, Path(os.fsdecode(row[1])))

    # One word is the least that a caption can be: what it says is thrown away.
    asked = CaptionOptions(features=True, force=True, beam=1, max_words=1)
    kept: list[tuple[int, Caption]] = []
    count = 0
    for done, caption in enumerate(captioner.stream(sources(), asked), start=1):
        photo, path, size, mtime_ns = waiting.popleft()
        if isinstance(caption, PictellError):
            failed(caption)
        elif is_as_found(Found(path, size, mtime_ns)):
            kept.append((photo, caption))
        if len(kept) == _AT_ONCE or done == len(lacking):
            with library.transaction():
                for photo, caption in kept:
                    library.put_features(photo, captioner.encoder, caption.features)
            count += len(kept)
            kept.clear()
        if progress is not None:
            progress(done, len(lacking))
    return count
