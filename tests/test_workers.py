"""Background threads: what they are given gets done, and leaving never waits for what does not end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from pictell.workers import Workers


def test_work_is_done_and_errors_are_handed_on() -> None:
    with Workers(3, name="test") as workers:
        futures = [workers.submit(divmod, 7, divisor) for divisor in (2, 0, 3)]
        assert futures[0].result(5) == (3, 1)
        assert futures[2].result(5) == (2, 1)
        with pytest.raises(ZeroDivisionError):
            futures[1].result(5)


def test_leaving_wakes_whoever_waits_for_what_does_not_end() -> None:
    never = threading.Event()
    with Workers(1, name="quick", join=True) as quick, Workers(1, name="slow") as slow:
        blocked = slow.submit(never.wait)
        behind = slow.submit(int)
        waiting = quick.submit(blocked.exception)
    for future in (blocked, behind, waiting):
        with pytest.raises(CancelledError):
            future.result(5)
    never.set()


def test_leaving_waits_for_work_that_must_not_be_cut_off() -> None:
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(0.05)
        done.set()

    with Workers(1, name="test", join=True) as workers:
        workers.submit(work)
        begun.wait(5)
    assert done.is_set()
