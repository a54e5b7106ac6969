"""From settings to a running service: the socket, the server, and how it stops."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket

import uvicorn
from fastapi import FastAPI

from pictell.errors import OptionError, PictellError
from pictell.server.logs import Log
from pictell.server.protocol import protocol

GRACE = 60
"""Seconds that requests have to finish after the service was told to stop."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any that is free.

    Raises:
        PictellError: of kind `address`, where it cannot.
        OptionError: `host` is no address of this machine's.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OptionError(f"there is no address {host!r}") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise PictellError("address", f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is found."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Says when it is ready, which uvicorn tells only its own log."""

    def __init__(self, config: uvicorn.Config, log: Log, url: str) -> None:
        super().__init__(config)
        self._log = log
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._log("ready", url=self._url)


def run(app: FastAPI, listener: socket.socket, log: Log) -> None:
    """Serves until the process is interrupted or terminated; then finishes what was accepted, and returns."""
    logging.getLogger().addHandler(_Handler(log))
    config = uvicorn.Config(
        app,
        http=protocol(app.state.service.settings.body_patience),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # What headers say of other addresses is not believed.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, log, url_of(listener))

    def interrupted(number: int, frame: object) -> None:
        # uvicorn has its own handlers while it serves, and hands on to these what ended it: that was well.
        if not server.should_exit:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    asyncio.run(server.serve([listener]))
    log("stopped")
    if not server.started:
        raise PictellError("start", "the service could not start; the lines above say why")


class _Handler(logging.Handler):
    """What libraries complain about, as events; without what they were about, which may come from a client."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record down."""
        self._log("server", level=record.levelname.lower(), message=str(record.msg).splitlines()[0][:200])
