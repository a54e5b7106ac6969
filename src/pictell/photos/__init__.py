"""Photos in: opening any picture safely, bringing it to the size a model sees, and finding the photos people name."""

from __future__ import annotations

from pictell.photos.finding import PHOTO_SUFFIXES, find_photos, read_file_list
from pictell.photos.naming import printable
from pictell.photos.opening import MAX_PIXELS, open_photo, read_picture
from pictell.photos.preparing import Preprocessing, open_prepared, prepare

__all__ = [
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "Preprocessing",
    "find_photos",
    "open_photo",
    "open_prepared",
    "prepare",
    "printable",
    "read_file_list",
    "read_picture",
]
