"""Keeping Pillow's warnings (bad EXIF, odd TIFF tags) off people's screens while a photo is being opened."""

from __future__ import annotations

import re
import threading
import warnings
from types import TracebackType

_IGNORE_PILLOW = ("ignore", None, Warning, re.compile(r"PIL(\.|$)"), 0)


class QuietPillow:
    """A context that hides warnings issued by Pillow's own modules, and no others; many threads may be inside.

    `warnings.catch_warnings` does not serve here: it saves and restores the filters of the whole process, so two
    threads that leave in another order than they entered put back each other's filters. This one adds its entry when
    the first thread enters and takes only that entry out when the last one leaves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                # A new list each time: other threads may be reading the old one.
                warnings.filters = [_IGNORE_PILLOW, *warnings.filters]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                warnings.filters = [entry for entry in warnings.filters if entry is not _IGNORE_PILLOW]


quiet_pillow = QuietPillow()
