"""The batcher alone, over captioners of which only the timing is real."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pictell.errors import PhotoError
from pictell.server.batching import Batcher, Job, Result
from pictell.server.refusals import Refusal
from pictell.steering import CaptionOptions
from pictell.types import Caption

PLAIN = CaptionOptions()
WIDE = CaptionOptions(beam=7)


class Fake:
    """Captions that repeat the picture; batches can be held up."""

    def __init__(self, threads: int = 8) -> None:
        self.threads = threads
        self.batches: list[tuple[list[str], CaptionOptions]] = []
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Semaphore(0)
        self._lock = threading.Lock()

    def open(self, picture: bytes) -> bytes:
        if picture == b"broken":
            raise PhotoError("damaged", "broken")
        if picture == b"slow":
            time.sleep(0.05)
        return picture

    def read(self, picture: bytes) -> Any:
        return np.frombuffer(picture, np.uint8)

    def describe(self, pixels: list[Any], options: CaptionOptions) -> list[Caption]:
        texts = [bytes(each).decode() for each in pixels]
        with self._lock:
            self.batches.append((texts, options))
        self.begun.release()
        assert self.free.wait(10)
        if "mistake" in texts:
            raise RuntimeError("a mistake of ours")
        return [Caption(text, -1.0, "fake@1") for text in texts]


class Place:
    """A batcher with its results."""

    def __init__(self, fake: Fake, **more: Any) -> None:
        self.fake = fake
        self.results: dict[str, Result] = {}
        self.changed = threading.Condition()
        self.seen: list[tuple[str, float]] = []
        settings: dict[str, Any] = {"describers": 1, "readers": 2, "limit": 100, "window": 0.0, "batch": 4}
        observe = lambda stage, value: self.seen.append((stage, value))  # noqa: E731
        self.batcher = Batcher(**settings | more, observe=observe)

    def jobs(self, *texts: str, options: CaptionOptions = PLAIN, fake: Fake | None = None) -> list[Job]:
        def done(job: Job, result: Result) -> None:
            with self.changed:
                self.results[names[job]] = result
                self.changed.notify_all()

        names = {Job(lambda: fake or self.fake, text.encode(), options, done): text for text in texts}  # type: ignore[arg-type, return-value]
        return list(names)

    def submit(self, *texts: str, options: CaptionOptions = PLAIN, fake: Fake | None = None) -> list[Job]:
        jobs = self.jobs(*texts, options=options, fake=fake)
        self.batcher.submit(jobs)
        return jobs

    def wait(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.results) >= count, 10), self.results


@pytest.fixture
def place() -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(**more: Any) -> Place:
        made.append(Place(Fake(), **more))
        return made[-1]

    yield make
    for each in made:
        each.fake.free.set()
        each.batcher.stop()


def text_of(result: Result) -> str | None:
    assert isinstance(result, Caption)
    return result.text


def test_everybody_gets_the_caption_of_his_own_picture(place: Callable[..., Place]) -> None:
    here = place(describers=3, readers=3, window=0.002, limit=1000)
    texts = [f"picture{i}" for i in range(300)]
    threads = [
        threading.Thread(target=here.submit, args=texts[i::10], kwargs={"options": PLAIN if i % 2 else WIDE})
        for i in range(10)
    ]
    for thread in threads:
        thread.start()
    here.wait(300)
    assert {name: text_of(result) for name, result in here.results.items()} == {text: text for text in texts}
    assert here.batcher.unfinished == 0
    assert max(len(batch) for batch, _ in here.fake.batches) <= 4
    for batch, options in here.fake.batches:
        assert all((texts.index(text) % 2 == 1) == (options == PLAIN) for text in batch), "options were mixed"


def test_what_waits_is_batched(place: Callable[..., Place]) -> None:
    here = place(window=1.0)
    here.fake.free.clear()
    here.submit("first")
    assert here.fake.begun.acquire(timeout=5)
    here.submit(*"abcdefg")
    time.sleep(0.05)
    here.fake.free.set()
    here.wait(8)
    assert [len(batch) for batch, _ in here.fake.batches] == [1, 4, 3]


def test_a_captioner_that_takes_all_cores_leaves_the_others_a_thread(place: Callable[..., Place]) -> None:
    here = place(describers=2, batch=1)
    slow = Fake(threads=1)
    slow.free.clear()
    try:
        here.submit("slow 1", "slow 2", "slow 3", fake=slow)
        assert slow.begun.acquire(timeout=5)
        here.submit("quick")
        here.wait(1)
        assert set(here.results) == {"quick"}
        assert len(slow.batches) == 1, "its own batches wait for each other"
    finally:
        slow.free.set()
    here.wait(4)
    assert {name: text_of(result) for name, result in here.results.items()} == {name: name for name in here.results}


def test_a_picture_alone_waits_for_nobody(place: Callable[..., Place]) -> None:
    here = place(window=5.0)
    begun = time.monotonic()
    here.submit("alone")
    here.wait(1)
    assert time.monotonic() - begun < 1


def test_one_waits_for_another_that_is_on_its_way(place: Callable[..., Place]) -> None:
    here = place(window=5.0)
    here.submit("quick", "slow")
    here.wait(2)
    assert [sorted(batch) for batch, _ in here.fake.batches] == [["quick", "slow"]]


def test_but_not_longer_than_the_window(place: Callable[..., Place]) -> None:
    here = place(window=0.005)
    here.submit("quick", "slow")
    here.wait(2)
    assert [batch for batch, _ in here.fake.batches] == [["quick"], ["slow"]]


def test_what_was_broken_is_not_waited_for(place: Callable[..., Place]) -> None:
    here = place(window=5.0)
    begun = time.monotonic()
    here.submit("good", "broken")
    here.wait(2)
    assert time.monotonic() - begun < 1
    assert isinstance(here.results["broken"], PhotoError)
    assert text_of(here.results["good"]) == "good"


def test_a_mistake_is_told_to_its_batch_and_to_nobody_else(place: Callable[..., Place]) -> None:
    here = place()
    here.submit("mistake")
    here.wait(1)
    here.submit("good")
    here.wait(2)
    assert isinstance(here.results["mistake"], RuntimeError)
    assert text_of(here.results["good"]) == "good"
    assert here.batcher.unfinished == 0


def test_the_queue_takes_all_of_a_request_or_nothing(place: Callable[..., Place]) -> None:
    here = place(limit=4)
    here.fake.free.clear()
    here.submit("a", "b", "c")
    with pytest.raises(Refusal) as raised:
        here.submit("d", "e")
    assert raised.value.kind == "busy"
    assert 1 <= (raised.value.retry_after or 0) <= 60
    here.submit("f")
    assert here.batcher.unfinished == 4
    assert here.batcher.objection() is not None
    here.fake.free.set()
    here.wait(4)
    assert sorted(here.results) == ["a", "b", "c", "f"]
    assert here.batcher.objection() is None


def test_what_is_dropped_leaves_the_queue_and_is_not_done(place: Callable[..., Place]) -> None:
    here = place(limit=6)
    here.fake.free.clear()
    here.submit("first")
    assert here.fake.begun.acquire(timeout=5)
    jobs = here.submit("a", "b", "c", "d", "e")
    here.batcher.drop(jobs[1:])
    wait_until(lambda: here.batcher.unfinished == 2)
    here.batcher.drop(jobs[1:])  # twice is as once
    assert here.batcher.unfinished == 2
    here.submit("f")
    here.fake.free.set()
    here.wait(3)
    time.sleep(0.05)
    assert sorted(here.results) == ["a", "f", "first"]
    assert not {"b", "c", "d", "e"} & {text for batch, _ in here.fake.batches for text in batch}
    assert here.batcher.unfinished == 0


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_stopping_finishes_what_was_accepted(place: Callable[..., Place]) -> None:
    here = place(describers=2)
    here.submit(*[f"p{i}" for i in range(40)], "slow", "broken")
    here.batcher.stop()
    assert len(here.results) == 42
    with pytest.raises(Refusal) as raised:
        here.submit("late")
    assert raised.value.kind == "stopping"


def test_opened_pictures_do_not_pile_up(place: Callable[..., Place]) -> None:
    """What is opened takes more memory than what is not: no more of it than keeps the network busy."""
    here = place(limit=1000)
    read: list[bytes] = []
    reading = here.fake.read
    here.fake.read = lambda picture: (read.append(picture), reading(picture))[1]  # type: ignore[method-assign]
    here.fake.free.clear()
    here.submit(*[f"p{i}" for i in range(500)])
    assert here.fake.begun.acquire(timeout=5)
    time.sleep(0.1)
    assert len(read) <= 2 * 4 + 4 + 2
    here.fake.free.set()
    here.wait(500)


def test_it_tells_how_long_things_took(place: Callable[..., Place]) -> None:
    here = place()
    here.submit("slow", "a", "broken")
    here.wait(3)
    wait_until(lambda: here.batcher.unfinished == 0)
    stages = [stage for stage, _ in here.seen]
    assert stages.count("open") == stages.count("describe") == stages.count("queue") == 2
    assert sum(value for stage, value in here.seen if stage == "batch") == 2
    assert max(value for stage, value in here.seen if stage == "open") >= 0.05
    assert all(value >= 0 for _, value in here.seen)


def test_dropping_while_everything_moves_loses_nothing_else(place: Callable[..., Place]) -> None:
    here = place(describers=2, readers=3, window=0.001, limit=10_000)
    kept: list[str] = []

    def client(number: int) -> None:
        for turn in range(20):
            names = [f"{number}-{turn}-{i}" for i in range(4)]
            jobs = here.submit(*names)
            if turn % 2:
                here.batcher.drop(jobs)
            else:
                kept.extend(names)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with here.changed:
        assert here.changed.wait_for(lambda: set(kept) <= set(here.results), 10)
    wait_until(lambda: here.batcher.unfinished == 0)
    assert here.batcher._ready_count == here.batcher._coming == 0
