"""What one run of the review knows: the library, what was decided so far and how to undo it, and a model once it is asked for."""

from __future__ import annotations

import base64
import io
import os
import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from pictell.albums import Library, picture_of
from pictell.albums.reviews import (
    DECISIONS,
    SHOW,
    Change,
    Decision,
    Reviewed,
    Show,
    count_unreviewed,
    decide,
    directories_of,
    look,
    photos_to_review,
    undo,
)
from pictell.captioner import Captioner
from pictell.errors import OptionError
from pictell.photos import printable
from pictell.reviewing.pictures import picture_bytes
from pictell.types import band_of

T = TypeVar("T")

_LAYER = 96  # the longest side of a heat layer in pixels: it is smooth, and the browser makes it larger
_KEPT = 8  # pictures and explanations kept, so that the next one is there at once
_MOST_DIRECTORIES = 500


@dataclass(frozen=True)
class Tally:
    """How many photos were reviewed in this run, and how."""

    accepted: int = 0
    edited: int = 0
    rejected: int = 0

    @property
    def photos(self) -> int:
        """All of them."""
        return self.accepted + self.edited + self.rejected

    def __str__(self) -> str:
        if not self.photos:
            return "no photo reviewed"
        kinds = [f"{count:,} {name}" for name in ("accepted", "edited", "rejected") if (count := getattr(self, name))]
        return f"{self.photos:,} {'photo' if self.photos == 1 else 'photos'} reviewed: {', '.join(kinds)}"


class Session:
    """What the page asks for, in plain values; any number of threads may ask at once.

    Every request opens the library for itself, so that an index run or another reviewer can be at work on it meanwhile. Methods
    raise the errors of `pictell.albums.reviews`, of the library, and of opening a photo.
    """

    def __init__(self, library: Path, load: Callable[[], Captioner], under: Path | None = None) -> None:
        """`load` makes the captioner that tells where words come from; it is called when that is first asked for."""
        self._path = library
        self._under = under
        self._load = load
        self._captioner: Captioner | None = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._changes: dict[str, Change] = {}
        self._decided: dict[int, str] = {}
        self._pictures: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._words: OrderedDict[tuple[int, int], dict[str, Any]] = OrderedDict()

    @property
    def tally(self) -> Tally:
        """What was decided so far and not undone."""
        with self._lock:
            counts = Counter(self._decided.values())
        return Tally(counts["accepted"], counts["edited"], counts["rejected"])

    def folders(self) -> list[dict[str, str]]:
        """The directories to choose from, each as a `value` for `photos` and a `name`."""
        with Library(self._path) as library:
            found = directories_of(library, self._under)[:_MOST_DIRECTORIES]
        top = found[0] if found else Path()
        return [
            {"value": os.fsencode(path).hex(), "name": printable(path.relative_to(top) if path != top else path)}
            for path in found
        ]

    def photos(self, show: str, folder: str = "") -> dict[str, Any]:
        """The numbers of the photos to go through, and how many captions are left to review."""
        if show not in SHOW:
            raise OptionError(f"the photos to show are {', '.join(SHOW)}")
        chosen: Show = show
        under = self._folder(folder)
        with Library(self._path) as library:
            return {"photos": photos_to_review(library, chosen, under), "left": count_unreviewed(library, under)}

    def photo(self, number: int) -> dict[str, Any]:
        """What the page shows of a photo beside its picture."""
        with Library(self._path) as library:
            return _told(look(library, number))

    def decide(self, number: int, decision: str, stamp: str, text: str | None, folder: str = "") -> dict[str, Any]:
        """Keeps a decision; tells the `change` that undoes it, the photo as it is now, and how many captions are left."""
        if decision not in DECISIONS:
            raise OptionError(f"a decision is one of {', '.join(DECISIONS)}")
        chosen: Decision = decision
        with Library(self._path) as library:
            change = decide(library, number, chosen, stamp, text)
            with self._lock:
                undoes = secrets.token_hex(
                    8
                )  # a page left open from another run must not undo what was done in this one
                self._changes[undoes] = change
                self._count(number, change.after.review if change.after else None)
            return {"change": undoes, **self._after(library, number, folder)}

    def undo(self, change: str, folder: str = "") -> dict[str, Any]:
        """Undoes a change; as `decide`, without a change of its own."""
        done = self._changes.get(change)
        if done is None:
            raise OptionError("this was not decided in this run: take the review back instead")
        with Library(self._path) as library:
            undo(library, done)
            with self._lock:
                self._count(done.photo, done.before.review if done.before else None)
            return self._after(library, done.photo, folder)

    def picture(self, number: int) -> bytes:
        """The photo as a JPEG."""
        return self._kept(self._pictures, number, picture_bytes)

    def where_words_come_from(self, number: int) -> dict[str, Any]:
        """For each word of what the model says now: the text, its probability, where it comes from, and a layer of heat."""
        return self._kept(self._words, number, self._explained)

    def _explained(self, path: Path) -> dict[str, Any]:
        from pictell.insight import explain
        from pictell.insight.overlay import heat_layer
        from pictell.insight.page import where

        with self._loading:
            if self._captioner is None:
                self._captioner = self._load()
        found = explain(self._captioner, partial(picture_of, path), force=True)
        height, width = found.photo.pixels.shape[:2]
        scale = _LAYER / max(height, width)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        return {
            "text": found.text,
            "model": found.model,
            "method": found.method,
            "words": [
                {"text": word.text, "prob": word.prob, "where": where(heat), "layer": _png(heat_layer(heat, size))}
                for word, heat in zip(found.words, np.asarray(found.heat()), strict=True)
            ],
        }

    def _kept(self, kept: OrderedDict[tuple[int, int], T], number: int, make: Callable[[Path], T]) -> T:
        """What was made of a photo before, if the file is the same; else it is made."""
        with Library(self._path) as library:
            path = look(library, number).path
        try:
            key = number, path.stat().st_mtime_ns
        except OSError:
            return make(path)  # which says what is wrong
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        made = make(path)
        with self._lock:
            kept[key] = made
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return made

    def _after(self, library: Library, number: int, folder: str) -> dict[str, Any]:
        return {"photo": _told(look(library, number)), "left": count_unreviewed(library, self._folder(folder))}

    def _count(self, number: int, review: str | None) -> None:
        if review is None:
            self._decided.pop(number, None)
        else:
            self._decided[number] = review

    def _folder(self, value: str) -> Path | None:
        if not value:
            return self._under
        try:
            return Path(os.fsdecode(bytes.fromhex(value)))
        except ValueError as error:
            raise OptionError("no such folder") from error


def _told(photo: Reviewed) -> dict[str, Any]:
    words = photo.words
    confidence = None if words is None or (words.said is None and words.text is None) else words.confidence
    return {
        "id": photo.id,
        "stamp": photo.stamp,
        "name": printable(photo.path.name),
        "folder": printable(photo.path.parent),
        "caption": words.text if words else None,
        "by": words.by if words else None,
        "review": words.review if words else None,
        "reviewed_at": words.reviewed_at if words else None,
        "said": words.said if words else None,
        "reason": words.reason if words else None,
        "confidence": confidence,
        "band": None if confidence is None else band_of(confidence),
        "model": words.model if words else None,
        "own": list(photo.own),
        "keywords": list(photo.keywords),
        "error": photo.error,
        "taken": photo.taken,
        "changed": photo.is_changed,
    }


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
