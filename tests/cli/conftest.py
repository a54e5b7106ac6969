"""What the tests of the commands share: photos, and two ways to run a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from PIL import Image


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Run(Protocol):
    def __call__(self, *arguments: str | Path) -> Ran: ...


class RunProcess(Protocol):
    def __call__(self, *arguments: str | bytes | Path, stdin: bytes | None = None) -> Ran: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, from the argument list to the exit code."""
    from pictell.cli import main

    def go(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int) or code is None
        return Ran(code or 0, captured.out, captured.err)

    return go


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "100"}


@pytest.fixture
def process(environment: dict[str, str]) -> RunProcess:
    """Runs a command as a process of its own."""

    def go(*arguments: str | bytes | Path, stdin: bytes | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "pictell", *arguments],
            env=environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return go


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Makes a photo at a path below the test's folder; another seed gives another photo."""

    def make(name: str, seed: int = 0) -> Path:
        random = np.random.default_rng(seed)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(random.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
        image.resize((48, 40), Image.Resampling.NEAREST).save(path)
        return path

    return make
