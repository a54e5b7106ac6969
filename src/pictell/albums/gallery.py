"""An album as one HTML page that needs nothing else: small pictures are in it, and it has no script."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template
from urllib.parse import quote

from PIL import Image

from pictell.albums.entry import AlbumEntry
from pictell.albums.raw import picture_of
from pictell.errors import PictellError
from pictell.photos import open_photo, printable

_SIDE = 320  # the longest side of a small picture in pixels
_QUALITY = 80

_ITEM = Template("""<li><figure>
<a href="$link">$picture</a>
<figcaption>$caption<p class="about">$about</p></figcaption>
</figure></li>
""")


def draw_gallery(entries: Iterable[AlbumEntry], folder: Path, *, title: str = "Photos", language: str = "en") -> str:
    """The page, for a file in `folder`: photos are linked as seen from there, and about 15 kB of each are in the page.

    Made for the keyboard and for screen readers: a list of links, each with a description of its photo. `language` is that
    of pictell's captions (a BCP 47 tag). A photo that cannot be opened has its description alone.
    """
    items = [_item(entry, folder) for entry in entries]
    template = Template(resources.files("pictell.albums").joinpath("gallery.html").read_text(encoding="utf-8"))
    count = "1 photo" if len(items) == 1 else f"{len(items):,} photos"
    return template.substitute(
        title=html.escape(title), language=html.escape(language), count=count, items="".join(items)
    )


def link_to(path: str, folder: Path) -> str:
    """The address of a photo as seen from a folder, whatever is in its name."""
    try:
        address = os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return Path(path).absolute().as_uri()
    return quote(os.fsencode(address.replace(os.sep, "/")))


def _item(entry: AlbumEntry, folder: Path) -> str:
    name = printable(Path(entry.path).name)
    caption = f'<p dir="auto"{_language(entry)}>{html.escape(entry.shown)}</p>' if entry.shown else ""
    return _ITEM.substitute(
        link=html.escape(link_to(entry.path, folder)),
        picture=_picture(entry, entry.described or f"Photo without a description: {name}"),
        caption=caption,
        about=html.escape(f"{name}{_whose(entry)}"),
    )


def _language(entry: AlbumEntry) -> str:
    """A person's words are in a language that nobody knows here (HTML, section 3.2.6.2)."""
    return ' lang=""' if entry.own and entry.review != "accepted" else ""


def _whose(entry: AlbumEntry) -> str:
    if entry.own:
        return " · accepted by a person" if entry.review == "accepted" else " · written by a person"
    if entry.text is None:
        return ""
    sure = "" if entry.confidence is None else f", {entry.confidence:.0%} sure"
    return f" · by {entry.model or 'pictell'}{sure}{' (low)' if entry.band == 'low' else ''}"


def _picture(entry: AlbumEntry, described: str) -> str:
    try:
        image = Image.fromarray(open_photo(picture_of(Path(entry.path)), smallest_side=_SIDE // 2).pixels)
    except PictellError:
        return f'<span class="none" dir="auto"{_language(entry)}>{html.escape(described)}</span>'
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return (
        f'<img width="{image.width}" height="{image.height}" alt="{html.escape(described)}"{_language(entry)}'
        f' src="data:image/jpeg;base64,{data}">'
    )
