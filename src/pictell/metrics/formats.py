"""Files of captions, of references and of candidates alike: one reader for all the layouts in which people keep them.

Which layout a file has is seen from what is in it, never from its name alone. All text is UTF-8.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from pictell.errors import DataError

COCO_ANNOTATIONS = "COCO annotations"
RECORDS = "a list of records"
PLAIN_JSON = "captions by id"
JSON_LINES = "JSON lines"
TABBED_LINES = "tab-separated lines"
LINES = "a caption a line"

MAX_BYTES = 1 << 30
"""The largest file that is read, 1 GiB: ten times the captions of COCO."""

_ID_KEYS = ("image_id", "id", "image", "file_name", "filename", "path")
_CAPTION_KEYS = ("caption", "captions", "text", "references")

# Names of files: the folders before them say where a photo lay on somebody's disk, not which one it is.
_PATH_KEYS = frozenset(("path", "file_name", "filename"))

_JSON_START = re.compile(r"\s*(?:\{|\[\s*(?:[{\[\]\"']|\Z))")
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NUMBERED = re.compile(r"(.+)#\d+")
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SHOWN = 40


@dataclass(frozen=True)
class CaptionFile:
    """What a file of captions holds.

    `captions` has every id's captions in the order of the file; ids are strings, and the number 42 is `"42"`. In the
    layout `LINES` ids are line numbers from `"1"`. `ids_of_photos` gives the id of a photo's file name where the file
    knows both, as COCO's annotations do.
    """

    name: str
    layout: str
    captions: dict[str, list[str]]
    ids_of_photos: Mapping[str, str] = field(default_factory=dict)


def read_captions(path: Path) -> CaptionFile:
    """Read a file of captions in any of these layouts.

    - `COCO_ANNOTATIONS`: `{"images": [...], "annotations": [{"image_id": 42, "caption": "..."}, ...]}`
    - `RECORDS`: `[{"image_id": 42, "caption": "..."}, ...]`, which COCO calls results. The id may also be called `id`,
      `image`, `file_name` or `path`, the caption `captions`, `text` or `references`, and it may be a list of captions.
    - `PLAIN_JSON`: `{"42": ["...", "..."], ...}` or `{"42": "...", ...}`
    - `JSON_LINES`: one such record a line; the output of `pictell caption --json` is of this kind. A photo is known by
      its path's last part there, and one that was not captioned, for whatever reason, has the caption `""`.
    - `TABBED_LINES`: `NAME`, a tab, a caption; also numbered as in Flickr8k.token.txt, `NAME.jpg#0`.
    - `LINES`: nothing but captions, one a line.

    Raises `DataError`, whose message names the file and, where there is one, the line: `"unreadable"`, `"too-large"`,
    `"encoding"`, `"empty"`, `"json"` (also for `NaN`), `"layout"`, `"ids"` (an id that is neither text nor a whole
    number, or is both), `"not-text"`, `"duplicate"` (an object that has a key twice).
    """
    with _opened(path) as file:
        return parse_captions(file, str(path))


def read_text(path: Path) -> str:
    """Read a UTF-8 text file; raises `DataError` (`"unreadable"`, `"too-large"`, `"encoding"`)."""
    with _opened(path) as file:
        return _decode(file, str(path))


def parse_captions(file: BinaryIO, name: str) -> CaptionFile:
    """Do what `read_captions` does for an open file; `name` is what messages call it."""
    text = _decode(file, name)
    if not text.strip():
        raise DataError("empty", f"{name}: holds no captions")
    if not _JSON_START.match(text):
        return _read_lines(text, name)
    value = _parse_json(text, name)
    return _read_json_lines(text, name) if value is _SEVERAL else _read_json(value, name)


# -- from bytes to text and JSON ----------------------------------------------------------------------------------


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError("unreadable", f"cannot read {path}: {error.strerror}") from error


def _decode(file: BinaryIO, name: str) -> str:
    try:
        data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError("unreadable", f"cannot read {name}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise DataError("too-large", f"{name}: larger than {MAX_BYTES >> 30} GiB: score it in parts")
    encoding = _BYTE_ORDER_MARKS.get(data[:2]) or ("UTF-16 or no text at all" if b"\0" in data else None)
    if encoding is not None:
        raise DataError("encoding", f"{name}: is {encoding}: save it as UTF-8 text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            "encoding", f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8 text"
        ) from error


_SEVERAL = object()
"""Stands for a text that is more than one JSON value, each from a line of its own."""


def _parse_json(text: str, name: str, line: int | None = None) -> object:
    """The JSON value that is in a text, or `_SEVERAL`. With `line`, the text is that line of the file."""

    def where(row: int, column: int) -> str:
        return f"{name}, line {line or row}, column {column}"

    def refuse_constant(constant: str) -> NoReturn:
        # The parser does not say where it is; the first such word outside of a string is the one that it met.
        found = next(match for match in _STRING_OR_CONSTANT.finditer(text) if match[1])
        before = text[: found.start()]
        row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DataError("json", f"{where(row, column)}: JSON has no {constant}: write a caption or an id in its place")

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) < len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            at_line = f", line {line}" if line else ""
            raise DataError("duplicate", f"{name}{at_line}: {_brief(twice)} stands twice in one object: keep one")
        return members

    try:
        value: object = json.loads(text, object_pairs_hook=unique, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        between = text[len(text[: error.pos].rstrip()) : error.pos]
        if line is None and error.msg == "Extra data" and "\n" in between and text.lstrip().startswith("{"):
            return _SEVERAL
        raise DataError("json", f"{where(error.lineno, error.colno)}: this is not JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        at_line = f", line {line}" if line else ""
        raise DataError("json", f"{name}{at_line}: cannot be read as JSON ({error})") from error
    return value


# -- from JSON to captions ----------------------------------------------------------------------------------------

_ABSENT = object()
"""Stands for what a record does not have; it may have a null."""


class _Gathering:
    """Gathers captions by id and refuses what is none; `place` in errors names the entry or the line."""

    def __init__(self, name: str) -> None:
        self._captions: dict[str, list[str]] = {}
        self._name = name
        self._numbers: dict[str, bool] = {}  # whether an id was a number when it was first met

    def add(self, key: object, captions: object, place: str) -> None:
        """Add one caption or a list of them."""
        own = self._captions.setdefault(self._known(key, place), [])
        for caption in captions if isinstance(captions, list) else (captions,):
            if not isinstance(caption, str):
                raise self.error(
                    "not-text", place, f"the caption of {_brief(key)} is {_kind(caption)}: write it as text, or as ''"
                )
            if not caption.isascii() and _SURROGATE.search(caption):
                raise self.error("not-text", place, f"the caption of {_brief(key)} has half a character (\\ud800 ...)")
            own.append(caption)

    def done(self) -> dict[str, list[str]]:
        """What was gathered; raises `DataError` where that is nothing."""
        if not self._captions:
            raise DataError("empty", f"{self._name}: holds no captions")
        return self._captions

    def error(self, kind: str, place: str, message: str) -> DataError:
        """An error that names the file and the place."""
        return DataError(kind, f"{self._name}, {place}: {message}")

    def _known(self, key: object, place: str) -> str:
        if isinstance(key, bool) or not isinstance(key, int | str) or key == "":
            raise self.error("ids", place, f"the id {_brief(key)} is {_kind(key)}: write text or a whole number")
        number = isinstance(key, int)
        known = str(key)
        if self._numbers.setdefault(known, number) != number:
            raise self.error("ids", place, f'the id {known} is there as a number and as text ("{known}"): write one')
        return known


def _read_json(value: object, name: str) -> CaptionFile:
    if isinstance(value, list):
        return CaptionFile(name, RECORDS, _gather(value, name, _entry))
    assert isinstance(value, dict)  # for it begins with a bracket
    if isinstance(value.get("annotations"), list):
        captions = _gather(value["annotations"], name, _entry)
        return CaptionFile(name, COCO_ANNOTATIONS, captions, _ids_of_photos(value.get("images")))
    if _id_of(value) is not _ABSENT and _caption_of(value) is not _ABSENT:
        return CaptionFile(name, JSON_LINES, _gather([value], name, _line))
    gathered = _Gathering(name)
    for key, captions in value.items():
        gathered.add(key, captions, f"id {_brief(key)}")
    return CaptionFile(name, PLAIN_JSON, gathered.done())


def _read_json_lines(text: str, name: str) -> CaptionFile:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    records = [_parse_json(line, name, number) for number, line in lines]
    return CaptionFile(name, JSON_LINES, _gather(records, name, lambda place: _line(lines[place - 1][0])))


def _gather(records: Iterable[object], name: str, place: Callable[[int], str]) -> dict[str, list[str]]:
    """The captions in records, of which `place` gives the n-th one's name, n from 1."""
    gathered = _Gathering(name)
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise gathered.error("layout", place(number), f"this is {_kind(record)}: {_UNDERSTOOD}")
        key, captions = _id_of(record), _caption_of(record)
        for found, what, names in ((key, "id", _ID_KEYS), (captions, "caption", _CAPTION_KEYS)):
            if found is _ABSENT:
                raise gathered.error("layout", place(number), f"there is no {what}: call it {' or '.join(names[:2])}")
        gathered.add(key, captions, place(number))
    return gathered.done()


def _id_of(record: Mapping[str, object]) -> object:
    for key in _ID_KEYS:
        if key in record:
            known = record[key]
            return re.split(r"[/\\]", known)[-1] if key in _PATH_KEYS and isinstance(known, str) else known
    return _ABSENT


def _caption_of(record: Mapping[str, object]) -> object:
    if "path" in record and record.get("text") is None and ("error" in record or "reason" in record):
        return ""  # pictell could not caption this photo, or withheld the caption
    return next((record[key] for key in _CAPTION_KEYS if key in record), _ABSENT)


def _ids_of_photos(images: object) -> dict[str, str]:
    """The ids of photos by the names of their files; what is no such entry is left out."""
    found: dict[str, str] = {}
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict) and isinstance(image.get("file_name"), str) and "id" in image:
            found[image["file_name"]] = str(image["id"])
    return found


# -- from lines of text to captions -------------------------------------------------------------------------------


def _read_lines(text: str, name: str) -> CaptionFile:
    # A caption may hold characters that `str.splitlines` takes for a line's end.
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    rows = [(number, *line.partition("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    numbered = _NUMBERED.fullmatch(rows[0][1]) is not None and rows[0][2] != ""
    without = next((number for number, _, tab, _ in rows if not tab), None)
    if numbered and without:
        raise DataError("layout", f"{name}, line {without}: expected NAME#NUMBER, a tab and a caption, as in line 1")
    if without:
        return CaptionFile(name, LINES, {str(number): [line] for number, line in enumerate(lines, 1)})
    numbered = all(_NUMBERED.fullmatch(key) for _, key, _, _ in rows)
    gathered = _Gathering(name)
    for number, key, _, caption in rows:
        gathered.add(key.rpartition("#")[0] if numbered else key.strip(), caption.strip(), _line(number))
    return CaptionFile(name, TABBED_LINES, gathered.done())


# -- words for messages -------------------------------------------------------------------------------------------

_UNDERSTOOD = 'expected objects such as {"image_id": 42, "caption": "..."}, or {"42": ["...", ...]}'

_KINDS = {type(None): "null", bool: "true or false", int: "a number", float: "a number with a point", str: "text",
          list: "a list", dict: "an object"}  # fmt: skip


def _kind(value: object) -> str:
    return "empty" if value == "" else _KINDS[type(value)]


def _brief(value: object) -> str:
    text = "..." if isinstance(value, list | dict) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _entry(number: int) -> str:
    return f"entry {number}"


def _line(number: int) -> str:
    return f"line {number}"
