"""Files are written whole or not at all."""

from __future__ import annotations

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
