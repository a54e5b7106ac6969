"""The application: every dialect over one service, behind the layers that look at requests first."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from pictell import __version__
from pictell.errors import PictellError
from pictell.server import describing, dialects, documents, native
from pictell.server.access import OPEN, Access
from pictell.server.arrival import Arrival
from pictell.server.logs import Log
from pictell.server.refusals import Refusal, answer_to
from pictell.server.service import Service
from pictell.server.settings import Settings
from pictell.server.watching import Watch
from pictell.web import Guard


def create_app(settings: Settings | None = None, *, service: Service | None = None, log: Log | None = None) -> FastAPI:
    """The app, with its service in `app.state.service`, which starts and stops with it.

    Each module of `pictell.server.dialects`, and `pictell.server.page` where it is there, has a function
    `router(service) -> APIRouter`; its routes are added as they are.
    """
    service = service or Service(settings or Settings())
    settings = service.settings

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="pictell", version=__version__, description=describing.DESCRIPTION, openapi_tags=describing.TAGS,
        docs_url=None, redoc_url=None, openapi_url="/openapi.json", lifespan=life, redirect_slashes=False,
    )  # fmt: skip
    app.state.service = service
    app.include_router(native.router(service))
    app.include_router(documents.router())
    for module in _others():
        app.include_router(module.router(service))

    _describe_security(app)

    async def tell(request: Request, error: Exception) -> Response:
        assert isinstance(error, PictellError)
        if error.kind == "model" and log is not None:
            log("model", message=str(error.__cause__ or error.message))
        request.scope["pictell.refused"](error.kind)
        return answer_to(error, request.scope["path"])

    app.add_exception_handler(PictellError, tell)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_invalid)

    # The last one added looks first.
    app.add_middleware(Access, key=settings.key, allowed=settings.allowed, open_to_all=OPEN)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key"],
            expose_headers=["retry-after"],
        )
    app.add_middleware(Guard, hosts=settings.names, origins=settings.origins)
    app.add_middleware(
        Arrival,
        most_body=settings.most_body,
        most_held=max(settings.most_held, 4 * settings.most_body),
        patience=settings.body_patience,
        rate=settings.body_rate,
    )
    app.add_middleware(Watch, metrics=service.metrics, log=log)
    return app


def _others() -> Iterator[ModuleType]:
    """The dialects and the page, whichever are there."""
    for found in sorted(pkgutil.iter_modules(dialects.__path__), key=lambda found: found.name):
        module = importlib.import_module(f"{dialects.__name__}.{found.name}")
        if hasattr(module, "router"):
            yield module
    if importlib.util.find_spec("pictell.server.page") is not None:
        yield importlib.import_module("pictell.server.page")


def _describe_security(app: FastAPI) -> None:
    """Adds the ways to send a key to the OpenAPI document; they are checked before any route, so no route declares them."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            document.setdefault("components", {})["securitySchemes"] = describing.SECURITY_SCHEMES
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


async def _tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kinds = {404: ("not-found", "there is nothing here"), 405: ("method", "this address takes another method")}
    kind, message = kinds.get(error.status_code, ("bad-request", "this request cannot be understood"))
    request.scope["pictell.refused"](kind)
    answer = answer_to(Refusal(kind, message), request.scope["path"])
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _tell_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    request.scope["pictell.refused"]("bad-request")
    wrong = error.errors()[0]
    # Names only: what was sent for them is not repeated.
    where = ".".join(str(part) for part in wrong.get("loc", ()))[:100]
    refusal = Refusal("bad-request", f"{where}: {str(wrong.get('msg', 'cannot be'))[:200]}")
    return answer_to(refusal, request.scope["path"])
