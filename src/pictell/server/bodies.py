"""What a request to `/v1/caption` says, read from its body: a form, JSON, or a picture alone. No network, no files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pictell.errors import OptionError
from pictell.server.options import options_of, truth, value_of
from pictell.server.refusals import Refusal
from pictell.steering import CaptionOptions

Content: TypeAlias = bytes | str
"""A picture's bytes, or the text that says where it is: base64, a data URL, a URL."""

_PICTURE_FIELDS = ("image", "images")
# Beside pictures: options, some of them several times.
_MOST_FIELDS = 200
_MOST_NAME = 1000  # characters


@dataclass
class Asked:
    """Pictures with the names they were sent under, and what is asked of their captions."""

    pictures: list[tuple[str | None, Content]] = field(default_factory=list)
    options: CaptionOptions = field(default_factory=CaptionOptions)
    model: str | None = None
    stream: bool = False
    exact: bool = False


@dataclass
class _Part:
    """What a query or a body says: pictures, and by name what is asked, `model`, `stream` and `exact` among it."""

    pictures: list[tuple[str | None, Content]] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)


def asked_of(content_type: str, body: bytes, query: Iterable[tuple[str, str]] = (), *, most: int = 1000) -> Asked:
    """Reads a body by its type, and `query`, whose options count where the body has no others. No more than `most` pictures.

    Raises:
        Refusal: `content-type`, `bad-request` or `too-many-pictures`.
        OptionError: an option is unknown, or its value cannot be.

    """
    kind, parameters = parse_options_header(content_type.encode("latin-1", "replace"))
    if kind == b"multipart/form-data":
        part = _of_form(parameters.get(b"boundary", b""), body, most)
    elif kind == b"application/json":
        part = _of_json(body, most)
    elif kind.startswith(b"image/") or kind == b"application/octet-stream":
        part = _Part([(None, body)])
    else:
        raise Refusal("content-type", "a body is multipart/form-data, application/json, or a picture as image/...")
    before = _of_texts(query, most)
    pictures = part.pictures + before.pictures
    _no_more(len(pictures), most)
    given = before.given | part.given
    model, stream, exact = (given.pop(name, None) for name in ("model", "stream", "exact"))
    return Asked(pictures, options_of(given), model, bool(stream), bool(exact))


# -- JSON -------------------------------------------------------------------------------------------------------------


def object_of(body: bytes) -> dict[str, Any]:
    """The object that a body of JSON is.

    Raises:
        Refusal: `bad-request`.

    """
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal("bad-request", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise Refusal("bad-request", "the body is not a JSON object")
    return value


def _of_json(body: bytes, most: int) -> _Part:
    given = object_of(body)
    pictures = []
    if (image := given.pop("image", None)) is not None:
        pictures.append(image)
    images = given.pop("images", None)
    if images is not None:
        if not isinstance(images, list):
            raise Refusal("bad-request", "images must be a list")
        pictures += images
    _no_more(len(pictures), most)
    if not isinstance(given.get("model"), str | None):
        raise Refusal("bad-request", "model must be a name")
    for name in ("stream", "exact"):
        if not isinstance(given.get(name), bool | None):
            raise Refusal("bad-request", f"{name} must be true or false")
    return _Part([_picture(each) for each in pictures], given)


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _picture(value: Any) -> tuple[str | None, str]:
    if isinstance(value, str):
        return None, value
    if isinstance(value, dict) and set(value) <= {"data", "url", "name"} and ("data" in value) != ("url" in value):
        name, content = value.get("name"), value.get("data", value.get("url"))
        if isinstance(content, str) and (name is None or (isinstance(name, str) and len(name) <= _MOST_NAME)):
            if "url" in value and not content.lower().startswith(("http://", "https://", "data:")):
                raise Refusal("url", "a url begins with https://, http:// or data:")
            return name, content
    raise Refusal("bad-request", 'a picture is a text, or {"data": ...} or {"url": ...} with perhaps a "name"')


# -- forms ------------------------------------------------------------------------------------------------------------


def _of_texts(texts: Iterable[tuple[str, str]], most: int) -> _Part:
    """What is asked by texts, of a form's fields or of a query."""
    part = _Part()
    given = part.given
    for name, text in texts:
        if name in _PICTURE_FIELDS:
            part.pictures.append((None, text))
            _no_more(len(part.pictures), most)
        elif name in ("must", "must_not"):
            given.setdefault(name, []).append(text)
        elif name in given:
            raise OptionError(f"{name[:100]!r} is given twice")
        elif name == "model":
            given[name] = text
        elif name in ("stream", "exact"):
            given[name] = truth(name, text)
        else:
            given[name] = value_of(name, text)
    return part


def _of_form(boundary: bytes, body: bytes, most: int) -> _Part:
    if not 0 < len(boundary) <= 200:
        raise Refusal("bad-request", "a multipart body needs a boundary in its Content-Type")
    parts = _Parts(body, most + _MOST_FIELDS)
    parser = MultipartParser(boundary, parts.callbacks())
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Refusal("bad-request", "the body is not a form as its Content-Type says") from error
    if not parts.ended:
        raise Refusal("bad-request", "the form ends too early")
    files: list[tuple[str | None, Content]] = []
    texts: list[tuple[str, str]] = []
    for headers, content in parts.found:
        _, parameters = parse_options_header(headers.get(b"content-disposition", b""))
        name = parameters.get(b"name", b"").decode("utf-8", "replace")
        filename = parameters.get(b"filename")
        if filename is not None or headers.get(b"content-type", b"").startswith(b"image/"):
            # A file field in which nothing was chosen.
            if filename or content:
                files.append(((filename or b"").decode("utf-8", "replace") or None, content))
                _no_more(len(files), most)
        else:
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Refusal("bad-request", "a field of the form is not UTF-8") from error
            if text or name == "start":  # forms send what was left blank, too
                texts.append((name, text))
    part = _of_texts(texts, most)
    part.pictures[:0] = files
    return part


class _Parts:
    """The parts of a form: their headers by lower-case names, and their content."""

    def __init__(self, body: bytes, most: int) -> None:
        self.found: list[tuple[dict[bytes, bytes], bytes]] = []
        self.ended = False
        self._most = most
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._content: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_part_data": lambda data, start, end: self._content.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        if len(self.found) >= self._most:
            raise Refusal("too-many-pictures", f"more than {self._most} parts in a form")
        self._headers, self._content = {}, []

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end(self) -> None:
        self.found.append((self._headers, b"".join(self._content)))
        self._content = []

    def _on_end(self) -> None:
        self.ended = True


def _no_more(count: int, most: int) -> None:
    if count > most:
        raise Refusal("too-many-pictures", f"{count} pictures or more; a request has {most} at most")
