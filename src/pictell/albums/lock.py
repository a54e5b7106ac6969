"""One run at a time on a library, by a lock of the system's, which a kill undoes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pictell.errors import LibraryError
from pictell.photos import printable


@contextmanager
def alone(library: Path) -> Iterator[None]:
    """Holds the lock beside a library's file.

    Raises `LibraryError`, `busy`, where another run has it, `unreadable` where there can be none.
    """
    place = Path(os.path.realpath(library))  # whatever links lead there
    path = place.with_name(place.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise LibraryError("unreadable", f"{printable(path)} cannot be made: {error.strerror}") from error
    with file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                raise LibraryError("unreadable", f"{printable(path)} cannot be locked: {error.strerror}") from error
            raise LibraryError(
                "busy",
                f"another run is at work on {printable(library)}: wait for its end, or name another file with --db",
            ) from error
        yield
