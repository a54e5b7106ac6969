"""Files are written whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pictell.files import write_atomically


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "epochs.csv"
    write_atomically(path, "größe\r\n1\n")
    assert path.read_bytes() == "größe\r\n1\n".encode()

    def fail(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_bytes() == "größe\r\n1\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are Unix's")
def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "epochs.csv"
    write_atomically(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"epochs\.csv") as caught:
            write_atomically(path, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are Unix's")
def test_permissions_and_times_are_those_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o604)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    write_atomically(path, "new", like=path.stat(), keep_times=True)
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime) == (0o604, 1_000_000_000)
    write_atomically(path, "newer", like=path.stat())
    assert path.stat().st_mode & 0o777 == 0o604
    assert path.stat().st_mtime > 1_000_000_000
