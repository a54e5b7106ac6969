"""Running the review on this machine's own address until the person is done."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from pictell.errors import MissingExtraError, PictellError
from pictell.reviewing.session import Session
from pictell.web import Guard

_HOST = "127.0.0.1"


def serve(session: Session, ready: Callable[[str], None], port: int = 0) -> None:
    """Serves the page until it is finished there or interrupted; `ready` is given the address, which opens it once.

    `port` 0 is a free one.

    Raises:
        MissingExtraError: Starlette or uvicorn is not installed.
        PictellError: of kind `port`, when that one cannot be used.
    """
    try:
        import uvicorn

        from pictell.reviewing.door import Door
        from pictell.reviewing.service import make_service
    except ModuleNotFoundError as error:
        raise MissingExtraError("pictell album review", "serve") from error

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        if sys.platform != "win32":  # where it would let two programs have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise PictellError("port", f"port {port} cannot be used ({why}): name another with --port") from error
        listening.listen()
        port = listening.getsockname()[1]

        def finish() -> None:
            server.should_exit = True

        door = Door(make_service(session, finish), port)
        config = uvicorn.Config(
            Guard(door), lifespan="off", ws="none", log_level="error", access_log=False, server_header=False,
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        server = uvicorn.Server(config)
        ready(f"http://{_HOST}:{port}/?token={door.token}")
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # as people end it
            return
