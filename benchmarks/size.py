"""How large pictell is: its wheel, and all that an installation brings, in an environment made for this.

    python benchmarks/size.py

Builds the wheel of this checkout and installs it into a new virtual environment, so it needs a package registry.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], **quiet)
        [wheel] = folder.glob("pictell-*.whl")
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        library = Path(
            subprocess.check_output(
                [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
            ).strip()
        )
        before = {path.name for path in library.iterdir()}
        subprocess.run([python, "-m", "pip", "install", "-q", wheel], **quiet)
        sizes = {
            path.name: size(path)
            for path in library.iterdir()
            if path.name not in before and not path.name.endswith(".dist-info")
        }
        with zipfile.ZipFile(wheel) as archive:
            bundles = sum(info.compress_size for info in archive.infolist() if "/bundles/" in info.filename)
        table = Table(title="size in MB")
        table.add_column("what")
        table.add_column("MB", justify="right")
        table.add_column("share of the installation", justify="right")
        total = sum(sizes.values())
        table.add_row("wheel (aim: under 30)", f"{wheel.stat().st_size / 1e6:.1f}", "")
        table.add_row("  of it the model", f"{bundles / 1e6:.1f}", "")
        table.add_row("installed, everything", f"{total / 1e6:.1f}", "1.00")
        for name, amount in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
            table.add_row(f"  {name}", f"{amount / 1e6:.1f}", f"{amount / total:.2f}")
        table.add_row("torch in the tree", "yes" if "torch" in sizes else "no", "")
        Console().print(table)


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(inside.stat().st_size for inside in path.rglob("*") if inside.is_file())


if __name__ == "__main__":
    main()
