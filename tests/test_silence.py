"""What runs the models reports to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_REPORTS_LESS = ("CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "TF_BUILD", "JENKINS_URL")  # told from tests by these


@pytest.fixture
def at_home(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose home is the empty folder `tmp_path`."""
    kept = {name: value for name, value in os.environ.items() if name not in _REPORTS_LESS and name[:4] != "XDG_"}
    return {**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize(
    "lines",
    [
        "import pictell; pictell.load()",
        "import pictell.metrics; import onnxruntime",
        "import pictell.errors, onnxruntime",
    ],
)
def test_onnxruntime_leaves_nothing_behind(lines: str, at_home: dict[str, str], tmp_path: Path) -> None:
    """It writes down what it will send, and a number that it tells the machine by."""
    subprocess.run([sys.executable, "-c", lines], check=True, env=at_home)
    assert not list(tmp_path.rglob("*"))


def test_whoever_wants_it_to_report_may_say_so(at_home: dict[str, str]) -> None:
    lines = "import os, pictell; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for chosen in ("0", "1"):
        told = at_home | {"ORT_DISABLE_TELEMETRY": chosen}
        done = subprocess.run([sys.executable, "-c", lines], check=True, env=told, capture_output=True, text=True)
        assert done.stdout.strip() == chosen
