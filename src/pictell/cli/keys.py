"""The key of a service: given, in a file, or in the environment."""

from __future__ import annotations

import os
from pathlib import Path

from pictell.errors import OptionError

VARIABLE = "PICTELL_API_KEY"
"""The environment variable that may hold it."""


def chosen_key(given: str | None, file: Path | None) -> str | None:
    """The key that is given, else that in the file, else the environment's, if any.

    Raises:
        OptionError: there are two, or none where one is named.

    """
    if given is not None and file is not None:
        raise OptionError("name a key or the file that it is in, not both")
    if file is not None:
        try:
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(
                f"{file}: no key can be read: {getattr(error, 'strerror', None) or 'not text'}"
            ) from error
        if not given:
            raise OptionError(f"{file}: there is no key in it")
    return given if given is not None else os.environ.get(VARIABLE) or None
