"""Alt texts that are file names, as some editors write them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_PICTURE = re.compile(r"\S+\.(?:jpe?g|jfif|png|gif|webp|avif|bmp|tiff?|heic|heif|svg)", re.IGNORECASE)


def is_file_name(alt: str, url: str) -> bool:
    """Whether an alt text is the file's name, with or without its suffix, or the path of a picture.

    Without a suffix only what nobody writes as words counts: `IMG_2034`, `hero-2`, not `cat` of `cat.jpg`.
    """
    alt = alt.strip()
    try:
        path = urlsplit(url).path
    except ValueError:  # brackets that are no IPv6 address
        path = url
    name = unquote(path.replace("\\", "/")).rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    if _PICTURE.fullmatch(alt) or (alt == name and _PICTURE.fullmatch(f"x.{suffix}")):
        return True
    odd = "_" in stem or (any(map(str.isdigit, stem)) and any(map(str.isalpha, stem)))
    return bool(dot) and alt.lower() == stem.lower() and odd and " " not in alt
