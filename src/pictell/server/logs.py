"""What the service says of itself on standard error: a line an event, as text or JSON; no names, paths, keys or pictures."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Literal, TypeAlias

Form: TypeAlias = Literal["text", "json"]


class Log:
    """Writes events with their fields."""

    def __init__(self, form: Form = "text") -> None:
        self._form = form

    def __call__(self, event: str, **fields: Any) -> None:
        """Writes one line, at once."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
        if self._form == "json":
            line = json.dumps({"time": stamp, "event": event, **fields})
        else:
            line = " ".join([stamp, event, *(f"{name}={_text(value)}" for name, value in fields.items())])
        if sys.stderr is not None:
            try:
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
            except OSError:  # nobody reads it any more, which is no reason to stop serving
                return


def _text(value: Any) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text and text else json.dumps(text)
