"""From the command line to an exit code: 0 all done, 1 something failed, 2 the command line is wrong, 130 interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pictell.cli.output import say
from pictell.errors import OptionError, PictellError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `pictell` with `arguments` (the process's own if `None`) and ends with `SystemExit`.

    A `PictellError`, and what the operating system refuses, becomes one line on standard error and exit code 1; an
    `OptionError` says that the command line is wrong.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a letter gets its escape rather than an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        # Imported here so that an interrupt in these first moments ends as quietly as a later one.
        from pictell.cli.app import app

        app(arguments, prog_name="pictell")
    except KeyboardInterrupt:
        sys.exit(130)
    except PictellError as error:
        say(error.message)
        sys.exit(2 if isinstance(error, OptionError) else 1)
    except OSError as error:
        if error.filename is None:
            raise
        say(f"{error.filename}: {error.strerror}")
        sys.exit(1)
