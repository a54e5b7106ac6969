"""From an image's address in a page to a file that may be opened."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from pictell.errors import PhotoError


def local_file(url: str, page: Path, root: Path, base: str = "") -> Path | None:
    """The file that `url` on `page` means, with all symbolic links followed; `None` where it is none (the web, `data:`).

    Addresses are relative to the page, or to `base` where it has one; those that begin with `/` are relative to `root`.

    Raises:
        PhotoError: there is no such file, or it lies outside `root`.

    """
    try:
        parts, under = (urlsplit(address.replace("\\", "/")) for address in (url, base))  # as browsers read slashes
    except ValueError:
        return None
    if parts.scheme or parts.netloc or under.scheme or under.netloc:
        return None
    path = parts.path if parts.path.startswith("/") else under.path[: under.path.rfind("/") + 1] + parts.path
    path = os.fsdecode(unquote_to_bytes(path))
    root = root.resolve()
    wanted = root / path.lstrip("/") if path.startswith("/") else page.parent / path
    try:
        found = wanted.resolve()
        inside = found.is_relative_to(root)
        if inside and found.is_file():
            return found
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a NUL
        raise PhotoError("missing", f"{url}: no such file") from error
    if not inside:
        raise PhotoError("outside-root", f"{url}: lies outside {root}; --root names a folder that is to be read")
    raise PhotoError("missing", f"{url}: no such file")
