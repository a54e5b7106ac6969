"""Files that are there whole or, after a failure, as they were; and where what can be made again is kept."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path


def write_atomically(
    path: Path, content: str | bytes, *, like: os.stat_result | None = None, keep_times: bool = False
) -> None:
    """Writes a file, text as UTF-8, under a temporary name beside `path` and moves it into place; `OSError` if it cannot.

    With `like`, the file has those permissions from the first moment, and with `keep_times` those times.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if like is not None:
            temporary.chmod(stat.S_IMODE(like.st_mode))
            if keep_times:
                os.utime(temporary, ns=(like.st_atime_ns, like.st_mtime_ns))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # which names the file, unlike a failed write
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def cache_folder() -> Path:
    """`PICTELL_CACHE`, or `pictell` in the user's folder for caches as the system has it."""
    if own := os.environ.get("PICTELL_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pictell"
