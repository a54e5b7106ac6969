"""The review as a web service: the page's three files, and what its script asks for, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

from pictell.errors import LibraryError, OptionError, PhotoError, PictellError
from pictell.reviewing.session import Session

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import Response

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_MOST_BYTES = 100_000  # of what a request may say: a caption is a line


def make_service(session: Session, finish: Callable[[], None]) -> Starlette:
    """The application; `finish` is called when the person is done."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import Route

    async def ask(call: Callable[..., Any], *values: Any) -> Response:
        return _json(await run_in_threadpool(call, *values))

    async def folders(_: Request) -> Response:
        return await ask(session.folders)

    async def photos(request: Request) -> Response:
        asked = request.query_params
        return await ask(session.photos, asked.get("show", "unreviewed"), asked.get("folder", ""))

    async def photo(request: Request) -> Response:
        return await ask(session.photo, request.path_params["number"])

    async def decide(request: Request) -> Response:
        said = await _said(request, stamp=str, text=(str, type(None)), folder=str)
        number, decision = request.path_params["number"], request.path_params["decision"]
        return await ask(session.decide, number, decision, said["stamp"], said["text"], said["folder"])

    async def undo(request: Request) -> Response:
        said = await _said(request, change=str, folder=str)
        return await ask(session.undo, said["change"], said["folder"])

    async def words(request: Request) -> Response:
        return await ask(session.where_words_come_from, request.path_params["number"])

    async def picture(request: Request) -> Response:
        data = await run_in_threadpool(session.picture, request.path_params["number"])
        return Response(data, media_type="image/jpeg")

    async def done(request: Request) -> Response:
        await _said(request)
        tally = session.tally
        counts = {"accepted": tally.accepted, "edited": tally.edited, "rejected": tally.rejected}
        return _json({"tally": str(tally), **counts}, background=BackgroundTask(finish))

    routes = [
        *(Route(path, _file(*named)) for path, named in _FILES.items()),
        Route("/api/folders", folders),
        Route("/api/photos", photos),
        Route("/api/photos/{number:int}", photo),
        Route("/api/photos/{number:int}/words", words),
        Route("/api/photos/{number:int}/{decision}", decide, methods=["POST"]),
        Route("/api/undo", undo, methods=["POST"]),
        Route("/api/finish", done, methods=["POST"]),
        Route("/picture/{number:int}", picture),
    ]
    return Starlette(routes=routes, exception_handlers={PictellError: _told})


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    from starlette.responses import Response

    content = resources.files("pictell.reviewing").joinpath(name).read_bytes()

    def send(_: Request) -> Response:
        return Response(content, media_type=kind)

    return send


def _json(value: Any, status: int = 200, background: BackgroundTask | None = None) -> Response:
    from starlette.responses import Response

    return Response(json.dumps(value), status, media_type="application/json", background=background)


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, PictellError)
    return _json({"error": {"kind": error.kind, "message": error.message}}, _status(error))


def _status(error: PictellError) -> int:
    if isinstance(error, OptionError):
        return 400
    if isinstance(error, LibraryError):
        return {"changed": 409, "no-photo": 404}.get(error.kind, 503)
    if isinstance(error, PhotoError):
        return 404 if error.kind == "missing" else 422
    return 500


async def _said(request: Request, **fields: Any) -> dict[str, Any]:
    """The fields of a request's JSON object, each of its type; `OptionError` where it is another thing."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise OptionError("what is asked comes as JSON")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise OptionError("this is too long")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OptionError("what is asked comes as JSON") from error
    if not isinstance(said, dict):
        raise OptionError("what is asked is an object")
    defaults = {"folder": "", "text": None}
    found = {name: said.get(name, defaults.get(name)) for name in fields}
    for name, kind in fields.items():
        if not isinstance(found[name], kind) or isinstance(found[name], bool):
            raise OptionError(f"{name} is missing or of another kind")
    return found
