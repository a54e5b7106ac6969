"""Files that a killed run left half written beside photos: `write_atomically` names them `.photo.jpg.NUMBER`."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pictell.albums.sidecar import sidecar_names

_LEFTOVER = re.compile(r"\.(.+)\.(\d{1,10})")
# Where one may not ask for a process without harm to it, none writes a file for so many seconds.
_LONG_AGO = 24 * 3600


def sweep(photos: Iterable[Path]) -> None:
    """Takes away what processes that are gone were writing of these photos and their sidecars."""
    names: dict[str, set[str]] = {}
    for photo in photos:
        names.setdefault(os.path.dirname(photo), set()).update((photo.name, *sidecar_names(photo.name)))  # noqa: PTH120
    for directory, known in names.items():
        with suppress(OSError), os.scandir(directory) as listing:
            for entry in listing:
                found = _LEFTOVER.fullmatch(entry.name)
                if found is None or found[1] not in known:
                    continue
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and _is_abandoned(int(found[2]), status):
                        os.unlink(entry.path)  # noqa: PTH108


def _is_abandoned(process: int, status: os.stat_result) -> bool:
    if sys.platform == "win32":
        return time.time() - status.st_ctime > _LONG_AGO
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
