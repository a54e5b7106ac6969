"""How fast `pictell serve` is: requests a second beside the library on the same photos, overload, start and memory.

    python benchmarks/serving.py [--photos 300] [--seconds 6] [--rounds 3] [--overload 20] [--model M]

The load comes over the loopback address from a process of its own, whose share of the processors is told: on a machine with few
cores it takes that from the service. Each client sends a photo as a request's body, waits for the answer and sends the next one.
The ratio is to `caption_many` of the same photos, measured by turns in the same rounds; "ms of a core" is processor time a photo,
which other programs on the machine disturb least. The overhead of one client is to `Captioner.caption` of the same photo, asked
by turns from the same process: the median of these differences. Overload comes at twice the rate that 32 clients reached, whether
answers come or not.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))
from photos_to_measure import write_photos

CLIENTS = (1, 8, 32)
HEAD = b"POST /v1/caption HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


# -- the load, in a process of its own --------------------------------------------------------------------------------


class Connection:
    """One kept connection to the service."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None

    async def post(self, content: bytes) -> int:
        """Sends a photo; the status of the answer."""
        if self._reader is None or self._reader.at_eof():  # the service ends what has been idle for long
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(HEAD % len(content) + content)
        top = await self._reader.readuntil(b"\r\n\r\n")
        lines = top.decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        await self._reader.readexactly(length)
        if "connection: close" in lines:
            self.close()
        return int(lines[0].split()[1])

    def close(self) -> None:
        """Ends it."""
        if self._reader is not None:
            self._writer.close()
            self._reader = None


async def closed_loop(port: int, photos: list[bytes], clients: int, seconds: float) -> tuple[list[float], Counter[str]]:
    """So many clients, each with one request at a time."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    until = time.perf_counter() + seconds
    number = 0

    async def client() -> None:
        nonlocal number
        connection = Connection(port)
        while time.perf_counter() < until:
            number += 1
            begun = time.perf_counter()
            statuses[str(await connection.post(photos[number % len(photos)]))] += 1
            times.append(time.perf_counter() - begun)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times, statuses


async def open_loop(port: int, photos: list[bytes], rate: float, seconds: float) -> tuple[list[float], Counter[str]]:
    """Requests at a steady rate, whatever becomes of those before."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    idle: list[Connection] = []

    async def request(number: int) -> None:
        connection = idle.pop() if idle else Connection(port)
        begun = time.perf_counter()
        try:
            status = str(await connection.post(photos[number % len(photos)]))
        except (OSError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
            connection = Connection(port)
        statuses[status] += 1
        if status == "200":
            times.append(time.perf_counter() - begun)
        idle.append(connection)

    tasks = []
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(request(number)))
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.close()
    return times, statuses


def generate(arguments: list[str]) -> None:
    """The child's part: `closed PORT FOLDER CLIENTS SECONDS`, or `open PORT FOLDER RATE SECONDS`."""
    kind, port, folder, amount, seconds = arguments
    photos = [path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))]
    begun, spent = time.perf_counter(), time.process_time()
    if kind == "closed":
        times, statuses = asyncio.run(closed_loop(int(port), photos, int(amount), float(seconds)))
    else:
        times, statuses = asyncio.run(open_loop(int(port), photos, float(amount), float(seconds)))
    wall = time.perf_counter() - begun
    print(json.dumps({"times": times, "statuses": statuses, "wall": wall, "cpu": (time.process_time() - spent) / wall}))


# -- the service ------------------------------------------------------------------------------------------------------


@contextmanager
def service(model: str | None) -> Iterator[tuple[int, int, float]]:
    """A running service: its port, its process, and the seconds until it was ready."""
    command = [sys.executable, "-m", "pictell", "serve", "--port", "0", "--log", "json"]
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command + (["--model", model] if model else []), stderr=log)
        while True:
            log.seek(0)
            ready = [json.loads(line) for line in log.read().splitlines() if '"ready"' in line]
            if ready:
                break
            if process.poll() is not None:
                raise SystemExit("the service does not start")
            time.sleep(0.005)
        took = time.perf_counter() - begun
        try:
            yield int(ready[0]["url"].rpartition(":")[2]), process.pid, took
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def memory_of(process: int) -> float:
    """MB that a process has in memory (Linux)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def spent_by(process: int) -> float:
    """Processor seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(*arguments: object) -> dict[str, Any]:
    """What the load's process measured."""
    command = [sys.executable, __file__, "generate", *map(str, arguments)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def ask(connection: http.client.HTTPConnection, content: bytes) -> None:
    """Has one photo captioned."""
    connection.request("POST", "/v1/caption", content, {"Content-Type": "image/jpeg"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status


def seconds_of(function: Callable[..., object], *arguments: object) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--overload", type=float, default=20.0, help="seconds; 0 for none")
    options = parser.parse_args()
    console = Console(width=120)

    import pictell
    from pictell.captioner import usable_cores

    starts = []
    for _ in range(options.rounds):
        with service(options.model) as (_, process, took):
            starts.append(took)
            at_rest = memory_of(process)
    console.print(f"start to ready: {statistics.median(starts):.2f} s (aim 1.5), then {at_rest:.0f} MB in memory")

    captioner = pictell.load(options.model)
    with tempfile.TemporaryDirectory() as folder, service(options.model) as (port, process, _):
        paths = write_photos(Path(folder), options.photos, (500, 375))
        contents = [path.read_bytes() for path in paths]
        captioner.caption_many(contents[:32])
        load("closed", port, folder, 8, 1)
        library: list[float] = []
        library_spent: list[float] = []
        spent: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
        alone: list[float] = []
        asked: list[float] = []
        measured: dict[int, list[dict[str, Any]]] = {clients: [] for clients in CLIENTS}
        for _ in range(options.rounds):
            begun, before = time.perf_counter(), time.process_time()
            captioner.caption_many(contents)
            library.append(len(contents) / (time.perf_counter() - begun))
            library_spent.append((time.process_time() - before) / len(contents))
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for content in contents[:60]:
                alone.append(seconds_of(captioner.caption, content))
                asked.append(seconds_of(ask, connection, content))
            connection.close()
            for clients in CLIENTS:
                before = spent_by(process)
                measured[clients].append(load("closed", port, folder, clients, options.seconds))
                spent[clients].append((spent_by(process) - before) / len(measured[clients][-1]["times"]))
        rate = statistics.median(library)
        table = Table(
            title=f"{usable_cores()} cores, {options.rounds} rounds by turns; caption_many: {rate:.1f} photos/s "
            f"({1000 * statistics.median(library_spent):.1f} ms of a core), caption: {1000 * statistics.median(alone):.1f} ms"
        )
        columns = (
            "clients",
            "requests/s",
            "of caption_many",
            "aim",
            "50 %",
            "95 %",
            "99 %",
            "ms of a core",
            "load's cores",
        )
        for column in columns:
            table.add_column(column, justify="right")
        reached = 0.0
        for clients, found in measured.items():
            assert all(set(each["statuses"]) == {"200"} for each in found), found
            reached = statistics.median(len(each["times"]) / each["wall"] for each in found)
            times = sorted(time for each in found for time in each["times"])
            centiles = [f"{1000 * times[min(len(times) - 1, int(len(times) * p))]:.0f} ms" for p in (0.5, 0.95, 0.99)]
            share = statistics.median(each["cpu"] for each in found)
            milliseconds = f"{1000 * statistics.median(spent[clients]):.1f}"
            aim = "0.75" if clients == 32 else ""
            row = (
                str(clients),
                f"{reached:.1f}",
                f"{reached / rate:.2f}",
                aim,
                *centiles,
                milliseconds,
                f"{share:.2f}",
            )
            table.add_row(*row)
        console.print(table)
        more = statistics.median(asked - alone for asked, alone in zip(asked, alone, strict=True))
        console.print(f"one client over the library's call: {1000 * more:.1f} ms (aim 5)")
        console.print(f"in memory after that: {memory_of(process):.0f} MB (aim 350)")
        if options.overload:
            overload(console, port, process, folder, 2 * reached, options.overload)


def full(port: int) -> bool:
    """Whether the queue has next to no room."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
        queue = json.load(answer)["queue"]
    return bool(queue["pictures"] >= 0.9 * queue["limit"])


def overload(console: Console, port: int, process: int, folder: str, rate: float, seconds: float) -> None:
    """Twice as much as can be done; memory is compared with that at the moment when the queue is full."""
    command = [sys.executable, __file__, "generate", "open", str(port), folder, str(rate), str(seconds)]
    empty = memory_of(process)
    before = most = 0.0
    begun, minutes = time.perf_counter(), []
    with tempfile.TemporaryFile("w+") as told:  # more than a pipe holds, and nobody reads until the end
        child = subprocess.Popen(command, stdout=told)
        while child.poll() is None:
            if not before and full(port):
                before = memory_of(process)
            most = max(most, memory_of(process))
            if time.perf_counter() - begun > 60 * (len(minutes) + 1):
                minutes.append(f"{memory_of(process):.0f}")
            try:
                child.wait(0.25)
            except subprocess.TimeoutExpired:
                continue
        told.seek(0)
        found = json.load(told)
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(found["statuses"].items()))
    times = sorted(found["times"])
    held = "the queue was never full"
    if before:
        held = f"{before:.0f} MB when the queue was full, at most {most:.0f} MB (+{100 * (most / before - 1):.0f} %, aim 10)"
    console.print(
        f"overload of {rate:.0f} requests/s for {seconds:.0f} s: {statuses}; "
        f"{len(times) / found['wall']:.1f} captions/s, the slowest after {times[-1]:.1f} s; "
        f"memory {empty:.0f} MB before, {held}, {memory_of(process):.0f} MB at the end"
        f"{', after each minute ' + ' '.join(minutes) if minutes else ''}; load {100 * found['cpu']:.0f} % of a core"
    )
    assert set(found["statuses"]) <= {"200", "503"}, "answers of other kinds"


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        generate(sys.argv[2:])
    else:
        os.environ.setdefault("PYTHONUNBUFFERED", "1")
        main()
