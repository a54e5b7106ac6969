"""A client of `pictell serve`: the captions of a service, as a captioner on this machine gives them.

from pictell.client import Client
with Client("http://127.0.0.1:8765") as client:
    print(client.caption("dog.jpg").text)

It needs nothing but Python. Photos are sent as they are, without their names; what the environment says of proxies is not
followed, so that photos go nowhere but to the service that was named.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeAlias
from urllib.parse import urlsplit

from pictell.errors import OptionError, PhotoError, PictellError
from pictell.fields import result_of
from pictell.photos import printable, read_picture
from pictell.types import Caption
from pictell.workers import Workers

if TYPE_CHECKING:
    from pictell.steering import CaptionOptions

_Picture: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
Source: TypeAlias = _Picture | Callable[[], _Picture]
"""A path, the bytes of a picture or a binary stream of them; or a function that gives one, called when it is to be sent."""

SECONDS = 120.0
"""How long an answer may take, unless told otherwise."""

_AT_ONCE = 4  # requests: one is answered while the photos of others are read and sent
_PICTURES = 8  # of a request
_ROOM = 64 << 10  # of a body, for what is asked of the captions
_GIVEN = "the given bytes"  # what the library calls a photo without a name


class Client:
    """Asks a service at `url` for captions. Any number of threads may use it at once.

    `api_key` is the service's key, `timeout` the seconds that an answer may take. While the service is busy it is asked again
    after the time that it names, for `timeout` seconds at most.
    """

    def __init__(
        self, url: str, api_key: str | None = None, timeout: float = SECONDS, *, model: str | None = None
    ) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError as error:
            raise OptionError(f"{url!r} is no address of a service: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise OptionError(f"{url!r} is no address of a service, such as http://127.0.0.1:8765")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise OptionError("a key is printable ASCII")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.model = model
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"} | ({} if api_key is None else {"X-API-Key": api_key})
        self._timeout = timeout
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._health: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; the next request opens one again."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def health(self) -> dict[str, Any]:
        """What the service tells of itself.

        Raises:
            PictellError: it does not answer.

        """
        return self._ask("GET", "/health")

    @property
    def language(self) -> str:
        """The language of the captions; raises what `health` does."""
        models = self._known("models")
        try:
            asked = (self.model or models[0]["name"]).partition("@")[0].lower()
            # An unknown one is refused with the first request.
            named = [each for each in models if asked in each["name"].lower()] or models
            return str(named[0]["language"])
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise self._strange() from error

    def caption(self, photo: Source, options: CaptionOptions | None = None, **named: Any) -> Caption:
        """The caption of one photo, equal to what `Captioner.caption` gives.

        Raises:
            PictellError: the photo cannot be opened or captioned, or the service does not answer.
            OptionError: what is asked for cannot be.

        """
        [result] = self._several([photo], _asked(options, named))
        if isinstance(result, PictellError):
            raise result
        return result

    def caption_many(
        self, photos: Iterable[Source], options: CaptionOptions | None = None, **named: Any
    ) -> list[Caption | PictellError]:
        """One caption, or the error that kept it from being made, for each photo, in their order; raises what `stream` does."""
        return list(self.stream(photos, options, **named))

    def stream(
        self, photos: Iterable[Source], options: CaptionOptions | None = None, **named: Any
    ) -> Iterator[Caption | PictellError]:
        """As `caption_many`, a few photos at a time.

        Raises:
            OptionError: what is asked for cannot be.
            PictellError: the service does not answer, or not any more.

        """
        return self._stream(iter(photos), _asked(options, named))

    def check(self, options: CaptionOptions | None = None, **named: Any) -> None:
        """Raises what the service has against these options, its key or its model; no photo is needed to tell."""
        body = json.dumps(self._fields(_asked(options, named))).encode()
        try:
            self._ask("POST", "/v1/caption", body, "application/json")
        except PictellError as error:
            # The last thing that is looked at: everything else is as it should be.
            if error.kind != "no-picture":
                raise

    # -- requests -----------------------------------------------------------------------------------------------------

    def _stream(self, photos: Iterator[Source], options: Mapping[str, Any]) -> Iterator[Caption | PictellError]:
        waiting: deque[Future[list[Caption | PictellError]]] = deque()
        with Workers(_AT_ONCE, name="client") as workers:

            def fill() -> None:
                while len(waiting) <= _AT_ONCE and (batch := list(islice(photos, _PICTURES))):
                    waiting.append(workers.submit(self._several, batch, options))

            fill()
            while waiting:
                results = waiting.popleft().result()
                fill()
                yield from results

    def _several(self, photos: Sequence[Source], options: Mapping[str, Any]) -> list[Caption | PictellError]:
        """Results of a few photos, by as many requests as the service's limits make necessary."""
        most_bytes, most_pictures = self._most()
        results: list[Caption | PictellError] = []
        batch: list[tuple[_Picture, bytes]] = []

        def send() -> None:
            results.extend(self._request(batch, options))
            batch.clear()

        for source in photos:
            try:
                photo = source() if callable(source) else source
                content = self._read(photo, most_bytes)
            except PictellError as error:
                send()
                results.append(error)
                continue
            if len(batch) == most_pictures or sum(len(each) for _, each in batch) + len(content) > most_bytes:
                send()
            batch.append((photo, content))
        send()
        return results

    def _read(self, photo: _Picture, most_bytes: int) -> bytes:
        content = read_picture(photo)
        if len(content) > most_bytes:
            limit = f"{most_bytes:,} bytes that {self.url} takes"
            raise PhotoError("too-large", f"{_name(photo)}: {len(content):,} bytes are more than the {limit}")
        return content

    def _most(self) -> tuple[int, int]:
        """The bytes and the pictures of one request."""
        limits = self._known("limits")
        try:
            return int(limits["body_bytes"]) - _ROOM, int(limits["pictures"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange() from error

    def _known(self, what: str) -> Any:
        """What the service's health tells, asked for once."""
        if self._health is None:
            health = self.health()
            if "limits" not in health:
                self.check()  # without the key health tells next to nothing, and this tells why
                raise self._strange()
            self._health = health
        return self._health.get(what)

    def _request(
        self, pictures: Sequence[tuple[_Picture, bytes]], options: Mapping[str, Any]
    ) -> list[Caption | PictellError]:
        if not pictures:
            return []
        boundary = f"pictell-{os.urandom(16).hex()}"
        parts: list[bytes] = []
        for name, value in self._fields(options).items():
            for each in value if isinstance(value, list | tuple) else [value]:
                text = json.dumps(each) if isinstance(each, bool) else str(each)
                parts.append(
                    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
                )
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"\r\nContent-Type: image/*\r\n\r\n'.encode()
        for _, content in pictures:
            parts += [head, content, b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        kind = f"multipart/form-data; boundary={boundary}"
        try:
            answer = self._ask("POST", "/v1/caption", b"".join(parts), kind)
        except PictellError as error:
            if error.kind != "too-costly" or len(pictures) == 1:
                raise
            half = len(pictures) // 2
            return self._request(pictures[:half], options) + self._request(pictures[half:], options)
        try:
            results = [result_of(entry) for entry in answer["results"]]
            if len(results) != len(pictures):
                raise ValueError("results are missing")
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange() from error
        return [_named(result, photo) for result, (photo, _) in zip(results, pictures, strict=True)]

    def _fields(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {**options, "exact": True, **({} if self.model is None else {"model": self.model})}

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str | None = None) -> dict[str, Any]:
        """The answer's JSON; asks again while the service is busy."""
        headers = self._headers if kind is None else {**self._headers, "Content-Type": kind}
        until = time.monotonic() + self._timeout
        while True:
            status, wait, content = self._send(method, path, body, headers)
            if status != 503 or time.monotonic() + wait > until:
                break
            # Not all who were sent away come back at the same moment.
            time.sleep(wait * random.uniform(0.5, 1.0))
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._strange()
        if status == 200 or "results" in answer:
            return answer
        error = result_of(answer) if "error" in answer else None
        if not isinstance(error, PictellError):
            raise self._strange()
        if error.kind == "option":
            raise OptionError(error.message)
        raise error

    def _strange(self) -> PictellError:
        return PictellError("answer", f"{self.url} does not answer as pictell does")

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, float, bytes]:
        while True:
            kept = bool(self._idle)
            try:
                connection = self._idle.pop()
            except IndexError:
                connection, kept = self._connection(), False
            try:
                connection.request(method, self._path + path, body, dict(headers))
                response = connection.getresponse()
                content = response.read()
            except TimeoutError as error:
                connection.close()
                raise PictellError("timeout", f"{self.url} does not answer within {self._timeout:g} seconds") from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # One that was kept may have been closed by the other side meanwhile.
                if not kept:
                    raise PictellError("server", f"{self.url} cannot be asked: {_why(error)}") from error
                continue
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            wait = response.getheader("Retry-After", "1")
            return response.status, float(wait) if wait.isdecimal() else 1.0, content

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _asked(options: CaptionOptions | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are others than usual, checked as far as they can be without the model."""
    from pictell.steering import CaptionOptions

    chosen = replace(options or CaptionOptions(), **named)
    return {field.name: value for field in fields(chosen) if (value := getattr(chosen, field.name)) != field.default}


def _name(photo: _Picture) -> str:
    if isinstance(photo, str | os.PathLike):
        return printable(photo)
    name = getattr(photo, "name", None)
    return printable(name) if isinstance(name, str) else _GIVEN


def _named(result: Caption | PictellError, photo: _Picture) -> Caption | PictellError:
    """An error says which photo it is about; the service was not told."""
    if isinstance(result, PictellError) and result.message.startswith(_GIVEN):
        return PhotoError(result.kind, _name(photo) + result.message.removeprefix(_GIVEN))
    return result


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return "its certificate is not trusted" if isinstance(error, ssl.SSLCertVerificationError) else "TLS fails"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it ended the connection" if isinstance(error, http.client.HTTPException) else type(error).__name__
