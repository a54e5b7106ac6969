"""Pictures of many requests, captioned together: a bounded queue, threads that open, threads that describe in batches.

A picture that comes alone is captioned at once. Only where others are on their way to the same batch does it wait for
them, no longer than the window. Batches are of one model and one set of options, and no more of a model are described at once
than its captioner works on (`Captioner.threads`), so that one which takes all cores by itself leaves the others a thread.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Condition, Lock, Thread
from typing import Any, TypeAlias

from pictell.captioner import Captioner
from pictell.errors import PictellError
from pictell.server.refusals import Refusal
from pictell.steering import CaptionOptions
from pictell.types import Caption, Photo

Result: TypeAlias = Caption | PictellError | BaseException
"""What becomes of a picture; any other exception than a `PictellError` is a mistake of ours."""


class _Stage(Enum):
    WAITING = auto()  # to be opened
    READING = auto()
    READY = auto()  # to be described
    DESCRIBING = auto()
    OVER = auto()  # done, or dropped


class Room:
    """How many pixels the pictures of one request may have together; those that are being opened meanwhile get through."""

    def __init__(self, pixels: int) -> None:
        self._most = self._left = pixels

    def check(self) -> None:
        """Raises `PictellError` where there is none left."""
        if self._left <= 0:
            most = f"{self._most // 1_000_000:,} million pixels"
            raise PictellError("too-costly", f"the pictures before this one had {most}: send fewer at a time")

    def take(self, photo: Photo) -> None:
        """Notes what was decoded."""
        # JPEGs are decoded at the smaller size, at once.
        times = int(photo.metadata["reduction"]) if photo.format == "JPEG" else 1
        self._left -= photo.width * photo.height // times**2


@dataclass(eq=False)
class Job:
    """A picture on its way. `done` is called once with its result, by a thread of the batcher's, unless it is dropped."""

    source: Callable[[], Captioner]
    picture: bytes | None
    options: CaptionOptions
    done: Callable[[Job, Result], None]
    room: Room | None = None
    stage: _Stage = _Stage.WAITING
    captioner: Captioner | None = None
    seen: Any | None = None
    waited: float = 0.0  # seconds in queues
    read_took: float = 0.0
    since: float = field(default_factory=time.perf_counter)  # when its stage began


class Batcher:
    """Works off jobs with `readers` threads that open pictures and `describers` that each caption a batch on one core.

    At most `limit` jobs are unfinished at a time. `window` is in seconds, `batch` the most pictures of one batch.
    `observe(stage, seconds)` hears how long each picture's stages took (`queue`, `open`, `describe`), and of the size of each
    batch as `batch`.
    """

    def __init__(
        self,
        *,
        describers: int,
        readers: int,
        limit: int,
        window: float,
        batch: int,
        observe: Callable[[str, float], None] = lambda stage, value: None,
    ) -> None:
        self._limit = limit
        self._window = window
        self._batch = batch
        self._observe = observe
        mutex = Lock()
        self._lock, self._work_to_read = (
            Condition(mutex),
            Condition(mutex),
        )  # describers wait for the one, readers the other
        self._unread: deque[Job] = deque()
        self._ready: dict[tuple[int, CaptionOptions], deque[Job]] = {}
        self._ready_count = 0
        self._at_work: Counter[int] = Counter()  # batches that are being described, by captioner
        self._coming = 0  # waiting or being read
        self._unfinished = 0
        self._idle_describers = 0
        self._stopping = False
        self._seconds_each = 0.02  # a running mean between finished pictures while there is work
        self._finished_at = 0.0
        # So many opened pictures are enough to keep every describer busy; more would only take memory.
        self._most_ready = 2 * batch * describers
        self._threads = [Thread(target=self._read, name=f"pictell-open-{i}", daemon=True) for i in range(readers)]
        self._threads += [
            Thread(target=self._describe, name=f"pictell-describe-{i}", daemon=True) for i in range(describers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def unfinished(self) -> int:
        """Pictures accepted and not finished."""
        return self._unfinished

    def objection(self, count: int = 1) -> Refusal | None:
        """Why so many pictures would not be accepted now."""
        if self._stopping:
            return Refusal("stopping", "the service is stopping", retry_after=5)
        if self._unfinished + count > self._limit:
            seconds = min(60, max(1, math.ceil(self._unfinished * self._seconds_each)))
            return Refusal("busy", "more pictures are waiting than can be taken: try again later", retry_after=seconds)
        return None

    def submit(self, jobs: Sequence[Job]) -> None:
        """Accepts all of them or none.

        Raises:
            Refusal: `busy` where the queue has no room for all of them, or `stopping`.

        """
        with self._lock:
            if (objection := self.objection(len(jobs))) is not None:
                raise objection
            if self._unfinished == 0:
                self._finished_at = time.perf_counter()
            self._unfinished += len(jobs)
            self._coming += len(jobs)
            self._unread.extend(jobs)
            self._work_to_read.notify(len(jobs))

    def drop(self, jobs: Sequence[Job]) -> None:
        """Nobody waits for these any more: what is not being worked on leaves the queue, the rest is done for nobody."""
        with self._lock:
            for job in jobs:
                if job.stage is _Stage.WAITING:
                    self._coming -= 1
                    self._end(job)
                elif job.stage is _Stage.READY:
                    self._ready_count -= 1
                    self._end(job)
                    self._work_to_read.notify()
            # A describer may have waited for company that does not come any more.
            self._lock.notify_all()

    def stop(self) -> None:
        """Finishes what was accepted and ends the threads."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
            self._work_to_read.notify_all()
        for thread in self._threads:
            thread.join()

    def _end(self, job: Job) -> None:
        job.stage = _Stage.OVER
        job.picture = job.seen = job.captioner = None
        self._unfinished -= 1
        if self._stopping and not self._unfinished:
            self._lock.notify_all()
            self._work_to_read.notify_all()

    def _finish(self, results: Sequence[tuple[Job, Result]]) -> None:
        now = time.perf_counter()
        with self._lock:
            each = (now - self._finished_at) / len(results)
            self._seconds_each += 0.1 * (min(each, 1.0) - self._seconds_each)
            self._finished_at = now
            for job, _ in results:
                self._end(job)
        for job, result in results:
            job.done(job, result)

    # -- opening ------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while (job := self._next_to_read()) is not None:
            try:
                assert job.picture is not None
                captioner = job.source()
                begun = time.perf_counter()
                if job.room is not None:
                    job.room.check()
                photo = captioner.open(job.picture)
                if job.room is not None:
                    job.room.take(photo)
                seen = captioner.read(photo)
                del photo
            except BaseException as error:  # handed on to whoever awaits the result
                with self._lock:
                    self._coming -= 1
                    self._lock.notify()
                self._finish([(job, error)])
                continue
            now = time.perf_counter()
            job.read_took = now - begun
            self._observe("open", job.read_took)
            with self._lock:
                self._coming -= 1
                job.stage, job.since = _Stage.READY, now
                job.picture, job.captioner, job.seen = None, captioner, seen
                self._ready.setdefault((id(captioner), job.options), deque()).append(job)
                self._ready_count += 1
                self._lock.notify()
            del job, captioner, seen

    def _next_to_read(self) -> Job | None:
        with self._lock:
            while True:
                while self._unread and self._ready_count < self._most_ready:
                    job = self._unread.popleft()
                    if job.stage is _Stage.WAITING:
                        now = time.perf_counter()
                        job.stage, job.waited, job.since = _Stage.READING, now - job.since, now
                        return job
                if self._stopping and not self._unfinished:
                    return None
                self._work_to_read.wait()

    # -- describing ---------------------------------------------------------------------------------------------------

    def _describe(self) -> None:
        while (jobs := self._next_batch()) is not None:
            begun = time.perf_counter()
            results: Sequence[Result]
            captioner = jobs[0].captioner
            assert captioner is not None
            try:
                results = captioner.describe([job.seen for job in jobs if job.seen is not None], jobs[0].options)
            except BaseException as error:
                results = [error] * len(jobs)
            with self._lock:
                self._at_work -= Counter([id(captioner)])  # none is no entry
            del captioner
            took = time.perf_counter() - begun
            self._observe("batch", len(jobs))
            for job in jobs:
                self._observe("queue", job.waited)
                self._observe("describe", took)
            self._finish(list(zip(jobs, results, strict=True)))
            del jobs, results

    def _next_batch(self) -> list[Job] | None:
        with self._lock:
            while True:
                if self._stopping and not self._unfinished:
                    return None
                seconds = None
                if (group := self._oldest()) is not None:
                    seconds = group[0].since + self._window - time.perf_counter()
                    if len(group) >= self._batch or not self._coming or seconds <= 0:
                        return self._taken(group)
                self._idle_describers += 1
                self._lock.wait(seconds)
                self._idle_describers -= 1

    def _oldest(self) -> deque[Job] | None:
        """The group whose first picture has waited longest, of those whose captioner can work on one more."""
        for key, group in list(self._ready.items()):
            while group and group[0].stage is not _Stage.READY:  # dropped
                group.popleft()
            if not group:
                del self._ready[key]
        free = (group for group in self._ready.values() if not self._is_full(group[0].captioner))
        return min(free, key=lambda group: group[0].since, default=None)

    def _is_full(self, captioner: Captioner | None) -> bool:
        assert captioner is not None
        return self._at_work[id(captioner)] >= captioner.threads

    def _taken(self, group: deque[Job]) -> list[Job]:
        # Describers without work get their share of what is there.
        most = min(self._batch, -(-len(group) // (1 + self._idle_describers)))
        jobs: list[Job] = []
        now = time.perf_counter()
        while group and len(jobs) < most:
            job = group.popleft()
            if job.stage is _Stage.READY:
                job.stage, job.waited = _Stage.DESCRIBING, job.waited + now - job.since
                jobs.append(job)
        self._at_work[id(jobs[0].captioner)] += 1
        self._ready_count -= len(jobs)
        self._work_to_read.notify_all()
        if self._ready_count:
            self._lock.notify()
        return jobs
