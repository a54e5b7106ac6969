"""`pictell serve`: captions over HTTP."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pictell.cli.extras import require
from pictell.cli.keys import VARIABLE, chosen_key
from pictell.cli.options import Threads
from pictell.errors import OptionError

if TYPE_CHECKING:
    from pictell.captioner import Captioner


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 for any that is free.")] = 8765,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help=f"Answer only who sends this key. Better in {VARIABLE} or a file: others see commands."
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file that the key is in.", show_default=False)
    ] = None,
    allow_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR", help="Answer these addresses without a key, as 192.168.1.0/24; may be given again."
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host name that the service is reached by; may be given again."),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN", help="Pages of this origin may ask, as https://photos.example; may be given again."
        ),
    ] = None,
    allow_url_hosts: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Pictures may be given as URLs of this host; may be given again."),
    ] = None,
    photo_root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Requests in LibrePhotos' manner may name photos in this folder of this machine; may be given again.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="An installed model, the directory of one (openvino: before it has OpenVINO run it), or hf:DIR or "
            "hf:OWNER/NAME of Hugging Face; may be given again, the "
            "first is the one by default."
            "  [default: the one that comes with pictell]",
        ),
    ] = None,
    lazy: Annotated[bool, typer.Option("--lazy", help="Load a model when it is first asked.")] = False,
    idle_unload: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Free a model that nobody asked for so long.")
    ] = None,
    queue: Annotated[int, typer.Option(min=1, metavar="N", help="The most pictures waiting; more are refused.")] = 128,
    max_pictures: Annotated[int, typer.Option(min=1, metavar="N", help="The most pictures of one request.")] = 64,
    max_body_mb: Annotated[float, typer.Option(min=0.001, metavar="MB", help="The largest body of a request.")] = 64,
    max_megapixels: Annotated[float, typer.Option(min=0.01, metavar="N", help="The largest picture.")] = 100,
    max_steps: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="The most of one request: width of the search x words of a caption x pictures."
        ),
    ] = 20_000,
    patience: Annotated[
        float,
        typer.Option(min=0.1, metavar="SECONDS", help="How long a request may take to come; large ones get longer."),
    ] = 10,
    threads: Threads = None,
    log: Annotated[str, typer.Option(metavar="text|json", help="How events are written to standard error.")] = "text",
) -> None:
    """Give captions over HTTP, until it is stopped.

    Only this machine can ask unless --host says otherwise, which needs a key, or --allow-from. /docs shows the API.
    Ctrl-C, or SIGTERM, ends it when what was accepted is done.
    """
    require("pictell serve", "serve")
    if log not in ("text", "json"):
        raise OptionError(f"--log is text or json, not {log!r}")
    key = chosen_key(api_key, api_key_file)
    # The model is read while Python reads the server's code.
    ahead = _Ahead(model[0] if model else None, threads) if not lazy else None

    from pictell.server import Service, Settings, create_app
    from pictell.server.logs import Form, Log
    from pictell.server.running import is_loopback, listen, run
    from pictell.server.settings import networks_of

    settings = Settings(
        models=tuple(model) if model else (None,),
        threads=threads,
        lazy=lazy,
        idle_unload=idle_unload,
        key=key,
        allowed=networks_of(allow_from or []),
        names=(*(name or ()), *([host] if not is_loopback(host) else [])),
        origins=tuple(cors or ()),
        url_hosts=tuple(allow_url_hosts or ()),
        photo_roots=tuple(photo_root or ()),
        queue=queue,
        most_pictures=min(max_pictures, queue),
        most_pixels=int(max_megapixels * 1_000_000),
        most_steps=max_steps,
        body_patience=patience,
        most_body=int(max_body_mb * (1 << 20)),
    )
    if not is_loopback(host) and key is None and not settings.allowed:
        raise OptionError(
            f"{host} can be reached from other machines: name a key (--api-key-file FILE, or {VARIABLE}) or --allow-from CIDR"
        )
    listener = listen(host, port)
    service = Service(settings)
    if ahead is not None:
        service.models.default.give(ahead.result())
        for each in service.models.all:
            each.load()
    events = Log(cast(Form, log))
    run(create_app(service=service, log=events), listener, events)


class _Ahead:
    """Loads a model on a thread of its own."""

    def __init__(self, model: str | None, threads: int | None) -> None:
        self._found: Captioner | BaseException | None = None
        # No daemon: Python waits for it, also where the command line was wrong. A runtime that is torn down while it
        # loads would abort the process.
        self._thread = Thread(target=self._load, args=(model, threads))
        self._thread.start()

    def _load(self, model: str | None, threads: int | None) -> None:
        from pictell.captioner import load

        try:
            self._found = load(model, threads=threads)
        except BaseException as error:
            self._found = error

    def result(self) -> Captioner:
        """Its captioner; raises what kept it from being loaded."""
        self._thread.join()
        # Not kept: the service frees it when nobody needs it.
        found, self._found = self._found, None
        if isinstance(found, BaseException):
            raise found
        assert found is not None
        return found
