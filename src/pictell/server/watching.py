"""The outermost layer: every request is counted and written down, and nothing that goes wrong gets out as a traceback."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pictell.server.logs import Log
from pictell.server.metrics import Metrics
from pictell.server.refusals import Refusal, answer_to

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_BY_GUARD = (400, 403)  # it is shared with services that have no metrics, and tells nobody why


class Watch:
    """An ASGI middleware; `scope["pictell.refused"](kind)` is how inner layers tell why they refuse."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: Log | None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0
        reasons: list[str] = []
        scope["pictell.refused"] = reasons.append

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._say("failed", error=type(error).__name__, where=_where(error))
            if status:
                raise
            reasons.append("internal")
            status = 500
            answer = answer_to(Refusal("internal", "something went wrong in the service"), scope["path"])
            await answer(scope, receive, watched)
        finally:
            took = time.perf_counter() - begun
            route = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            status = status or 499  # as nginx has it: the client left before the answer
            self._metrics.answered(route, method, status)
            self._metrics.observe("total", took)
            if status in _BY_GUARD and not reasons:
                reasons.append("host-or-origin")
            for reason in reasons:
                self._metrics.refused(reason)
            more: dict[str, Any] = {"reason": reasons[0]} if reasons else {}
            self._say("request", method=method, route=route, status=status, ms=round(took * 1000, 1), **more)

    def _say(self, event: str, **fields: Any) -> None:
        if self._log is not None:
            self._log(event, **fields)


def _route(scope: Scope) -> str:
    """The route's template; a path that is none of ours would let anybody fill the metrics and the log."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "none"


def _where(error: BaseException) -> str:
    """The places of a failure, without what was in them."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
