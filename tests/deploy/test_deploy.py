"""What the files in deploy/ run is what the command takes, and each of them keeps to what it promises."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pictell.cli.app import app

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options that `pictell` reads in a command line; fails where it refuses them."""
    assert Path(arguments[0]).name == "pictell"
    assert arguments[1] == "serve"
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    with command.make_context("serve", arguments[2:]) as context:
        return dict(context.params)


def entrypoint() -> list[str]:
    found = re.search(r"^ENTRYPOINT (\[.+\])$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert found
    return list(json.loads(found[1]))


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return content


def test_the_container_listens_where_its_port_and_its_health_check_say() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    options = parsed(entrypoint())
    assert options["host"] == "0.0.0.0"
    assert f"EXPOSE {options['port']}\n" in text
    assert f"http://127.0.0.1:{options['port']}/health" in text


def test_the_container_does_not_run_as_root_and_copies_what_there_is() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert text.rindex("USER 10001") > text.rindex("FROM ")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        for name in line.split()[:-1]:
            assert (DEPLOY.parent / name).exists(), name


def test_the_composed_service_has_whom_it_answers() -> None:
    service = compose()["services"]["pictell"]
    options = parsed([*entrypoint(), *service["command"]])
    [subnet] = [each["subnet"] for each in compose()["networks"]["captions"]["ipam"]["config"]]
    assert options["allow_from"] == [subnet]
    assert options["name"] == ["pictell"]
    assert compose()["networks"]["captions"]["internal"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_the_unit_runs_the_command() -> None:
    text = (DEPLOY / "pictell.service").read_text(encoding="utf-8")
    found = re.search(r"^ExecStart=(.+)$", text, re.M)
    assert found
    options = parsed(shlex.split(found[1]))
    assert options["host"] == "127.0.0.1"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    program = tmp_path / "pictell"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "pictell.service"
    text = (DEPLOY / "pictell.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/pictell/bin/pictell", str(program)), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
