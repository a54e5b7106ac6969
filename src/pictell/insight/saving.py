"""An explanation in a file, in the form that its name asks for."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pictell.errors import OptionError, PictellError
from pictell.files import write_atomically
from pictell.insight.animation import gif
from pictell.insight.explanation import Explanation
from pictell.insight.page import draw_page
from pictell.insight.panels import draw_panels


def check_writable(path: Path, photo: str | os.PathLike[str] | None = None) -> None:
    """Raises what `save` would raise of the name, before the work and not after it.

    Raises:
        OptionError: the suffix is none of `.png`, `.gif` and `.html`, or it is `photo`, the file that is explained.
        PictellError: there is no such directory, nothing may be written in it, or a directory is in the file's place.

    """
    if path.suffix.lower() not in _FORMS:
        raise OptionError(f"{path}: an explanation is a file that ends in {', '.join(_FORMS)}")
    if not path.parent.is_dir():
        raise PictellError("output", f"cannot write {path}: there is no directory {path.parent}")
    if path.is_dir():
        raise PictellError("output", f"cannot write {path}: it is a directory")
    if not os.access(path.parent, os.W_OK):
        raise PictellError("output", f"cannot write {path}: nothing may be written in {path.parent}")
    if photo is not None and path.exists() and os.path.exists(photo) and path.samefile(photo):  # noqa: PTH110
        raise OptionError(f"{path} is the photo itself, which would be lost: name another file")


def save(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Writes the panels (`.png`), the animation (`.gif`) or the page (`.html`); a file that is there is replaced.

    Raises:
        OptionError, PictellError: what `check_writable` raises; or the file cannot be written; or a picture cannot
            show the caption's letters, where a page can.

    """
    path = Path(path)
    check_writable(path)
    content = _FORMS[path.suffix.lower()](explanation)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise PictellError("output", f"cannot write {path}: {error.strerror}") from error


def _png(explanation: Explanation) -> bytes:
    file = io.BytesIO()
    draw_panels(explanation).save(file, "PNG", optimize=True)
    return file.getvalue()


_FORMS: Mapping[str, Callable[[Explanation], str | bytes]] = {".png": _png, ".gif": gif, ".html": draw_page}
