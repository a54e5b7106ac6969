"""Threads that can be left behind: work in the background that an interrupt need not wait for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self, TypeVar

ResultT = TypeVar("ResultT")
_Task = tuple[Callable[..., Any], tuple[Any, ...], "Future[Any]"]


class Workers:
    """`count` threads that work off what is submitted, first come, first served.

    Unlike the threads of `concurrent.futures` these do not keep the interpreter alive: one that waits for a slow disk, or
    for a pipe that nobody writes to, is abandoned. Leaving the context cancels every result that is still awaited, also
    those being worked on, so that whoever waits for one goes on with a `CancelledError`. Where `join` is set, leaving
    then waits for the threads to end; it is for work that always ends soon and must not be cut off.
    """

    def __init__(self, count: int, *, name: str, join: bool = False) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._awaited: set[Future[Any]] = set()
        self._join = join
        self._threads = [Thread(target=self._work, name=f"pictell-{name}-{i}", daemon=True) for i in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for future in list(self._awaited):
            future.cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if self._join:
            for thread in self._threads:
                thread.join()

    def submit(self, work: Callable[..., ResultT], *arguments: Any) -> Future[ResultT]:
        """Has `work(*arguments)` done by the next thread that is free."""
        future: Future[ResultT] = Future()
        self._awaited.add(future)
        future.add_done_callback(self._awaited.discard)
        self._tasks.put((work, arguments, future))
        return future

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, arguments, future = task
            # Cancelled meanwhile, there is nobody to take the result.
            with suppress(InvalidStateError):
                if not future.cancelled():
                    try:
                        result = work(*arguments)
                    except BaseException as error:  # handed on to whoever awaits the result
                        future.set_exception(error)
                    else:
                        future.set_result(result)
                        del result
            # Or the last of them would be held until the next one comes.
            del task, work, arguments, future
