"""The one service behind every dialect: pictures in, captions out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect, Request

from pictell import __version__
from pictell.captioner import usable_cores
from pictell.errors import PictellError
from pictell.server.batching import Batcher, Job, Result, Room
from pictell.server.fetching import Fetcher
from pictell.server.metrics import Metrics
from pictell.server.models import Model, Models
from pictell.server.pictures import picture_of
from pictell.server.refusals import Refusal
from pictell.server.settings import Settings
from pictell.steering import CaptionOptions
from pictell.types import Caption

Picture: TypeAlias = bytes | PictellError
"""The bytes of a picture, or why there are none."""

# As many as the captioner has: they wait for each other's memory as much as they decode.
_READERS = 4
_MOST_DESCRIBERS = 8
_PICTURES_OF_PIXELS = 16  # as large as one may be, all that a request has together


class Service:
    """What dialects are made of. Its coroutines belong to the event loop that called `start`.

    A dialect reads a request with `body`, turns what it names into bytes with `picture`, has them captioned by `caption`,
    `captions` or `stream`, and lets every `PictellError` pass: the app answers it in pictell's shape, with the status of
    `refusals.status_of`, where the dialect does not want to answer in its own. When a client hangs up, the dialect's coroutine
    is cancelled, and its pictures leave the queue.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.models = Models(settings.models, threads=settings.threads, most_pixels=settings.most_pixels)
        self.fetcher = Fetcher(settings.url_hosts, most_bytes=settings.most_body)
        self._begun_at = time.monotonic()
        self._batcher: Batcher | None = None
        self._watch: asyncio.Task[None] | None = None
        self.metrics.watch("pictell_queue_pictures", "Pictures accepted and not finished.", lambda: self.waiting)
        self.metrics.watch(
            "pictell_models_loaded", "Models in memory.", lambda: sum(model.loaded for model in self.models.all)
        )

    async def start(self) -> None:
        """Starts the threads, and loads the models unless that is left for later."""
        threads = self.settings.threads or min(usable_cores(), _MOST_DESCRIBERS)
        self._batcher = Batcher(
            describers=threads,
            readers=_READERS,
            limit=self.settings.queue,
            window=self.settings.window,
            batch=self.settings.batch,
            observe=self.metrics.observe,
        )
        if not self.settings.lazy:
            for model in self.models.all:
                if not model.loaded:
                    await asyncio.to_thread(model.captioner)
        if self.settings.idle_unload is not None:
            self._watch = asyncio.create_task(self._unload_idle(self.settings.idle_unload))

    async def stop(self) -> None:
        """Finishes what was accepted."""
        if self._watch is not None:
            self._watch.cancel()
        if self._batcher is not None:
            await asyncio.to_thread(self._batcher.stop)

    @property
    def waiting(self) -> int:
        """Pictures accepted and not finished."""
        return 0 if self._batcher is None else self._batcher.unfinished

    # -- what a dialect reads -----------------------------------------------------------------------------------------

    async def body(self, request: Request) -> bytes:
        """The request's body, in memory; refused before it is read where no picture of it could be accepted.

        Raises:
            Refusal: `busy`, `stopping`, `body-too-large` or `slow-body`.

        """
        assert self._batcher is not None, "the service has not been started"
        if (objection := self._batcher.objection()) is not None:
            raise objection
        begun = time.perf_counter()
        try:
            parts = [part async for part in request.stream()]
        except ClientDisconnect:
            raise asyncio.CancelledError from None
        self.metrics.observe("body", time.perf_counter() - begun)
        return b"".join(parts)

    async def picture(self, text: str) -> Picture:
        """The bytes of a picture given as text: base64, a data URL, or an http(s) URL of a host that is allowed.

        What is wrong with it is returned, since it concerns one picture of perhaps many.
        """
        try:
            if text[:8].lower().startswith(("http://", "https://")):
                return await self.fetcher.fetch(text)
            return await asyncio.to_thread(picture_of, text) if len(text) > 1 << 19 else picture_of(text)
        except PictellError as error:
            return error

    # -- captions -----------------------------------------------------------------------------------------------------

    async def caption(
        self, picture: Picture, options: CaptionOptions | None = None, *, model: str | None = None
    ) -> Caption:
        """The caption of one picture.

        Raises:
            PictellError: there is none; see `captions` for what concerns the request.

        """
        [result] = await self.captions([picture], options, model=model)
        if isinstance(result, PictellError):
            raise result
        return result

    async def captions(
        self, pictures: Sequence[Picture], options: CaptionOptions | None = None, *, model: str | None = None
    ) -> list[Caption | PictellError]:
        """One caption or error for each picture, in their order.

        Raises:
            Refusal: `busy`, `stopping`, `unknown-model`, `no-picture`, `too-many-pictures` or `too-costly`.
            OptionError: what is asked for cannot be.

        """
        results: list[Caption | PictellError | None] = [None] * len(pictures)
        async for index, result in self.stream(pictures, options, model=model):
            results[index] = result
        return [result for result in results if result is not None]

    async def stream(
        self, pictures: Sequence[Picture], options: CaptionOptions | None = None, *, model: str | None = None
    ) -> AsyncIterator[tuple[int, Caption | PictellError]]:
        """Each picture's index and caption or error, as they are done; raises what `captions` does before the first.

        Closing it, or being cancelled in it, drops the pictures that still wait.
        """
        chosen, options = await self.accepted(len(pictures), options, model=model)
        assert self._batcher is not None, "the service has not been started"
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[int, Result]] = asyncio.Queue()
        places: dict[Job, int] = {}
        room = Room(_PICTURES_OF_PIXELS * self.settings.most_pixels)

        def done(job: Job, result: Result) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(queue.put_nowait, (places[job], result))

        for index, picture in enumerate(pictures):
            if isinstance(picture, PictellError):
                queue.put_nowait((index, picture))
            else:
                places[Job(chosen.captioner, picture, options, done, room)] = index
        self._batcher.submit(list(places))
        left = len(pictures)
        try:
            while left:
                index, result = await queue.get()
                left -= 1
                if not isinstance(result, Caption | PictellError):
                    raise result
                self.metrics.picture(_outcome(result))
                yield index, result
        finally:
            if left:
                self.metrics.dropped(left)
                self._batcher.drop(list(places))

    async def accepted(
        self, count: int, options: CaptionOptions | None = None, *, model: str | None = None
    ) -> tuple[Model, CaptionOptions]:
        """The model and the options that `count` pictures would be captioned with; raises what `captions` raises, but `busy`."""
        chosen = self.models.find(model)
        options = options or CaptionOptions()
        if count > self.settings.most_pictures:
            raise Refusal(
                "too-many-pictures", f"{count} pictures are more than the {self.settings.most_pictures} of one request"
            )
        steps = chosen.known_steps(options)
        if steps is None:
            steps = await asyncio.to_thread(chosen.steps, options)
        if (steps := steps * max(1, count)) > (most := self.settings.most_steps):
            raise Refusal(
                "too-costly",
                f"this may take {steps:,} steps of a search, and a request has {most:,}: ask for a smaller beam or num, "
                "or fewer words, required words or pictures",
            )
        if count == 0:
            raise Refusal("no-picture", "there is no picture in this request")
        if options.sample and options.seed is None:
            # Drawn anew for each request, also for those that share a batch.
            options = replace(options, seed=secrets.randbits(63))
        return chosen, options

    # -- operations ---------------------------------------------------------------------------------------------------

    def unload(self, model: Model) -> bool:
        """Frees a model; captions that were begun are finished with it. Whether there was something to free."""
        return model.unload()

    async def _unload_idle(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(min(seconds / 2, 5.0))
            for model in self.models.all:
                if model.loaded and not self.waiting and time.monotonic() - model.used_at > seconds:
                    await asyncio.to_thread(self.unload, model)

    def health(self) -> dict[str, Any]:
        """What `/health` tells."""
        return {
            "status": "ok",
            "version": __version__,
            "models": [
                {
                    "name": model.label,
                    "loaded": model.loaded,
                    "language": model.language,
                    "refuses": list(model.about.refuses),
                }
                for model in self.models.all
            ],
            "queue": {"pictures": self.waiting, "limit": self.settings.queue},
            "limits": {
                "body_bytes": self.settings.most_body,
                "pictures": self.settings.most_pictures,
                "steps": self.settings.most_steps,
            },
            "uptime_seconds": round(time.monotonic() - self._begun_at, 1),
        }


def _outcome(result: Caption | PictellError) -> str:
    if isinstance(result, PictellError):
        return result.kind
    return "withheld" if result.text is None else "caption"
