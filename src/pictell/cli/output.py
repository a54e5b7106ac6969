"""What every command prints goes through here: whole lines, flushed, safe for any terminal, quiet when the pipe closes."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from pictell.errors import PictellError
from pictell.files import write_atomically

_CLOSED_PIPE = 141
"""What a shell reports for a program that a closed pipe ended (128 + SIGPIPE)."""


def emit(line: str) -> None:
    """Prints a line to standard output at once; ends the program quietly where nobody reads on (`pictell ... | head`).

    Raises:
        PictellError: it cannot be written, for example because the disk is full.

    """
    if sys.stdout is None:
        raise PictellError("output", "cannot write to standard output: it is closed")
    _write(line, sys.stdout)


def emit_bytes(data: bytes) -> None:
    """Prints bytes as they are, as `emit` prints a line.

    Raises:
        PictellError: they cannot be written.

    """
    if sys.stdout is None:
        raise PictellError("output", "cannot write to standard output: it is closed")
    with _quiet_when_closed(sys.stdout):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def say(message: str) -> None:
    """Prints `pictell: message` as one line to standard error, whatever characters are in it."""
    _write(f"pictell: {shown(message)}", sys.stderr)


def shown(text: str | os.PathLike[str]) -> str:
    """`pictell.photos.printable(text)`, which costs the import of that room only where there is something to escape."""
    text = os.fspath(text)
    if text.isascii() and text.isprintable():
        return text
    from pictell.photos import printable

    return printable(text)


def emit_json(value: dict[str, Any]) -> None:
    """Prints an object as one line of JSON.

    Characters beyond ASCII stay readable where all of the line prints and the output is UTF-8; otherwise they are
    escaped, so that a name's undecodable bytes come through as the lone surrogates that Python has for them (PEP 383).
    """
    line = json.dumps(value, ensure_ascii=False)
    encoding = getattr(sys.stdout, "encoding", None) or ""  # standard output may be closed
    if not line.isprintable() or encoding.lower().replace("-", "") != "utf8":
        line = json.dumps(value)
    emit(line)


def write_file(path: Path, text: str | bytes, *, like: os.stat_result | None = None) -> None:
    """Writes a file so that it is there whole or, after a failure, as it was; with the permissions of `like`.

    Raises:
        PictellError: it cannot be written.

    """
    try:
        write_atomically(path, text, like=like)
    except OSError as error:
        raise PictellError("output", f"cannot write {path}: {error.strerror}") from error


def _write(line: str, stream: TextIO | None) -> None:
    if stream is None:  # closed before the program began
        return
    with _quiet_when_closed(stream):
        print(line, file=stream, flush=True)


@contextmanager
def _quiet_when_closed(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EINVAL):  # the latter on Windows
            _leave_quietly(stream)
        if stream is sys.stderr:
            raise
        raise PictellError("output", f"cannot write to standard output: {error.strerror}") from error


def _leave_quietly(stream: TextIO) -> NoReturn:
    # The interpreter flushes the stream as it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(_CLOSED_PIPE)
