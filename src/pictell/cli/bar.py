"""A progress bar on standard error that makes room for lines on standard output.

The bar is one's own because `rich` redraws its bars from a thread, which leaves them standing among captions that go to
the same terminal on another stream, and because importing it would take time from every run.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from types import TracebackType
from typing import Self

_SECONDS_BETWEEN = 0.1
_WIDTH = 30


class Bar:
    """Counts up to `total` things named `unit`; drawn only where standard error is a terminal and there are several."""

    def __init__(self, total: int, unit: str = "photos") -> None:
        self._total = total
        self._unit = unit
        self._done = 0
        self._begun = time.monotonic()
        self._drawn_at = 0.0
        self._length = 0  # of what is on the screen
        self._active = total > 1 and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._shares_screen = self._active and _is_terminal(sys.stdout)

    def __enter__(self) -> Self:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def make_room(self, *, for_error: bool = False) -> None:
        """Takes the bar away before a line is printed, where line and bar would meet."""
        if for_error or self._shares_screen:
            self._clear()

    def advance(self) -> None:
        """Counts one more."""
        self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """Has counted `done` by now."""
        self._done = done
        if not self._length or time.monotonic() - self._drawn_at > _SECONDS_BETWEEN:
            self._draw()

    def _draw(self) -> None:
        if not self._active:
            return
        self._drawn_at = time.monotonic()
        filled = _WIDTH * self._done // self._total
        text = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {self._done}/{self._total} {self._unit}{self._pace()}"
        # A full last column would move some terminals to the next line.
        text = text[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write("\r" + text.ljust(self._length))
        sys.stderr.flush()
        self._length = len(text)

    def _pace(self) -> str:
        """How many a second, and how long the rest takes."""
        took = self._drawn_at - self._begun
        if not self._done or took < 1:
            return ""
        left = round((self._total - self._done) * took / self._done)
        return f", {self._done / took:.1f}/s, {left // 60}:{left % 60:02} left"

    def _clear(self) -> None:
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()
            self._length = 0


class Progress:
    """A bar for work whose size is not known before it is begun: called with how much is done, of how much."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def make_room(self) -> None:
        """Takes the bar away before an error is told."""
        if self._bar is not None:
            self._bar.make_room(for_error=True)

    def __call__(self, done: int, total: int) -> None:
        """Draws the bar, `done` of `total`."""
        if self._bar is None:
            self._bar = Bar(total, self._unit)
        self._bar.reach(done)


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())
