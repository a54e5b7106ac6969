"""The database of a library: kept whole, brought up to date, refused where it is another's."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pictell.albums import Library, alone
from pictell.albums.library import _MIGRATIONS, SCHEMA_VERSION, Words
from pictell.albums.network_share import is_on_network_share
from pictell.errors import LibraryError


def words(text: str, by: str = "pictell") -> Words:
    return Words(text, None, -1.0, 0.5, "m@1", "2026-01-01T00:00:00+00:00", by)


def found(library: Library, query: str) -> list[int]:
    return [row[0] for row in library.rows("SELECT rowid FROM words WHERE words MATCH ?", (query,))]


def test_words_are_in_the_index_as_they_are_in_the_tables(tmp_path: Path) -> None:
    with Library(tmp_path / "deep" / "l.db") as library:
        with library.transaction():
            photo = library.put_photo(b"/a.jpg", 1, 2, b"h")
            library.put_words(photo, words("two dogs run"))
            library.put_own_words(photo, ["our trip"], ["summer"])
        assert found(library, "dog") == found(library, "trips") == found(library, "summer") == [photo]
        with library.transaction():
            library.put_words(photo, words("a cat"))
            library.put_own_words(photo, [], [])
        assert found(library, "cat") == [photo]
        assert not found(library, "dog") + found(library, "trip")
        with library.transaction():
            library.put_error(photo, "truncated", "cut short")
        assert library.rows("SELECT error_kind FROM photos") == [("truncated",)]
        assert found(library, "cat") == [photo]
        with library.transaction():
            library.forget(photo)
        assert not found(library, "cat")


def test_what_fails_in_the_middle_is_undone(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:

        def fail() -> None:
            with library.transaction():
                library.put_words(library.put_photo(b"/a.jpg", 1, 2, b"h"), words("a dog"))
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert library.rows("SELECT * FROM photos") == []
        assert not found(library, "dog")


def test_a_full_disk_is_told_and_what_was_there_is_kept(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            library.put_words(library.put_photo(b"/a.jpg", 1, 2, b"h"), words("a dog"))
        # SQLite's own limit, at which it says what it says of a full disk.
        library.rows(f"PRAGMA max_page_count = {library.rows('PRAGMA page_count')[0][0]}")

        def fill() -> None:
            with library.transaction():
                for number in range(1000):
                    library.put_words(library.put_photo(b"/%d.jpg" % number, 1, 2, b"h"), words("a cat"))

        for _ in range(2):
            with pytest.raises(LibraryError, match="the disk is full") as caught:
                fill()
            assert caught.value.kind == "full"
    with Library(tmp_path / "l.db") as library:
        assert [(entry.path, entry.text) for entry in library.entries()] == [("/a.jpg", "a dog")]
        assert (found(library, "dog"), found(library, "cat")) == ([1], [])
        assert library.rows("PRAGMA integrity_check") == [("ok",)]


def test_names_need_not_be_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xe9.jpg"
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            library.put_words(library.put_photo(name, 1, 2, b"h"), words("a dog"))
        assert list(library.known(tmp_path)) == [name]
        assert [os.fsencode(entry.path) for entry in library.entries()] == [name]


def test_only_what_is_below_a_directory_is_known_there(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            for path in (b"/p/a.jpg", b"/p/b/c.jpg", b"/pp/a.jpg", b"/p0.jpg", b"/p.jpg"):
                library.put_photo(path, 1, 2, b"h")
        assert sorted(library.known(Path("/p"))) == [b"/p/a.jpg", b"/p/b/c.jpg"]
        assert [entry.path for entry in library.entries(Path("/p"))] == ["/p/a.jpg", "/p/b/c.jpg"]
        assert len(library.known(Path("/"))) == 5


def test_a_persons_caption_is_an_entrys_own(tmp_path: Path) -> None:
    with Library(tmp_path / "l.db") as library:
        with library.transaction():
            library.put_words(library.put_photo(b"/a.jpg", 1, 2, b"h"), words("my dog", by="person"))
            library.put_words(library.put_photo(b"/b.jpg", 1, 2, b"i"), words("a dog"))
        first, second = library.entries()
        assert (first.own, first.text, second.own, second.text, second.alt) == ("my dog", None, None, "a dog", "A dog.")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_disk_without_room_for_the_log_is_told(tmp_path: Path) -> None:
    """A limit of the system's stands for the disk's end."""
    Library(tmp_path / "l.db").__exit__(None, None, None)
    program = (
        "import resource, sys, pathlib; from pictell.albums import Library;"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (16384, -1)); Library(pathlib.Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "l.db"], env=environment, capture_output=True, text=True, check=False
    )
    assert "the disk is full" in done.stderr


@pytest.mark.parametrize("killed", [False, True])
def test_a_later_pictells_library_is_left_alone(tmp_path: Path, killed: bool) -> None:
    """Also where what that one did last is in the log still, since it was killed."""
    path = tmp_path / "made" / "l.db"
    Library(path).__exit__(None, None, None)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    if killed:
        shutil.copytree(path.parent, tmp_path / "left")
        path = tmp_path / "left" / "l.db"
        path.with_name("l.db-shm").unlink()
    database.close()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert set(before) == ({"l.db", "l.db-wal"} if killed else {"l.db"})
    with pytest.raises(LibraryError, match="later pictell") as caught:
        Library(path)
    assert caught.value.kind == "newer"
    assert {name: (path.parent / name).read_bytes() for name in before} == before


def test_a_transaction_that_a_kill_cut_off_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a log beside the file, as on a network share, its pages are changed already."""
    monkeypatch.setattr("pictell.albums.library.is_on_network_share", lambda _: True)
    path = tmp_path / "made" / "l.db"
    with Library(path) as library:
        assert library.notice
        with library.transaction():
            library.put_words(library.put_photo(b"/a.jpg", 1, 2, b"h"), words("a dog"))
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("UPDATE photos SET path = zeroblob(1000000)")
        database.execute("UPDATE captions SET text = 'a cat'")
        shutil.copytree(path.parent, tmp_path / "left")
        database.close()
    assert (tmp_path / "left" / "l.db").stat().st_size > 1_000_000
    with Library(tmp_path / "left" / "l.db") as library:
        assert [(entry.path, entry.text) for entry in library.entries()] == [("/a.jpg", "a dog")]
        assert library.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_library_from_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    database = sqlite3.connect(path)
    database.executescript(_MIGRATIONS[0] + "PRAGMA user_version = 1;")
    database.execute("INSERT INTO photos (path, size, mtime_ns, hash) VALUES (?, 1, 2, ?)", (b"/p/a.jpg", b"h"))
    database.execute("INSERT INTO captions VALUES (1, 'a dog', NULL, -1, 0.5, 'm@1', '2026-01-01', 'pictell')")
    database.commit()
    database.close()
    for _ in range(2):
        with Library(path) as library:
            assert [(entry.path, entry.text) for entry in library.entries()] == [("/p/a.jpg", "a dog")]
            assert library.known(Path("/p"))[b"/p/a.jpg"].sidecars == 0
            assert library.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_made_by_several_at_once(tmp_path: Path) -> None:
    def make(number: int) -> None:
        with Library(tmp_path / "l.db") as library, library.transaction():
            library.put_photo(b"/%d.jpg" % number, 1, 2, b"h")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    with Library(tmp_path / "l.db") as library:
        assert len(list(library.entries())) == 8


def test_a_library_that_is_taken_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with Library(tmp_path / "disk" / "l.db") as library:
        with library.transaction():
            library.put_photo(b"/a.jpg", 1, 2, b"h")
        (tmp_path / "disk").rename(tmp_path / "elsewhere")

        def go_on() -> None:
            with library.transaction():
                library.put_photo(b"/b.jpg", 1, 2, b"h")

        with pytest.raises(LibraryError, match="no longer where it was") as caught:
            go_on()
        assert caught.value.kind == "gone"
    with Library(tmp_path / "elsewhere" / "l.db") as library:
        assert "/a.jpg" in [entry.path for entry in library.entries()]


@pytest.mark.parametrize("content", [b"this is no database" * 100, None])
def test_something_else_is_no_library(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "l.db"
    if content is None:
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE others (things)")
        database.commit()
        database.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(LibraryError) as caught:
        Library(path)
    assert caught.value.kind == "not-a-library"
    assert path.read_bytes() == before


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be used as a library"):
        Library(tmp_path / "file" / "l.db")


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with alone(path):
        with pytest.raises(LibraryError, match="another run") as caught, alone(path):
            pass
        assert caught.value.kind == "busy"
    with alone(path):
        pass


def test_one_at_a_time_whatever_links_lead_there(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "l.db")
    (tmp_path / "folder").symlink_to(tmp_path)
    for other in (tmp_path / "link.db", tmp_path / "folder" / "l.db"):
        with alone(tmp_path / "l.db"), pytest.raises(LibraryError, match="another run"), alone(other):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="locks are others there")
def test_where_there_are_no_locks_no_other_run_is_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(LibraryError, match="cannot be locked") as caught, alone(tmp_path / "l.db"):
        pass
    assert caught.value.kind == "unreadable"


def test_a_library_that_moves_to_a_network_share_leaves_its_log_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.db"
    for share, mode in ((False, "wal"), (True, "delete"), (False, "wal")):
        monkeypatch.setattr("pictell.albums.library.is_on_network_share", lambda _, share=share: share)
        with Library(path) as library:
            assert (library.notice is not None) == share
            with library.transaction():
                library.put_words(library.put_photo(b"/%s.jpg" % mode.encode(), 1, 2, b"h"), words("a dog"))
            assert library.rows("PRAGMA journal_mode") == [(mode,)]
            with Library(path) as other:
                assert {entry.text for entry in other.entries()} == {"a dog"}


def test_network_shares_are_told_from_disks(tmp_path: Path) -> None:
    share, link = tmp_path / "share", tmp_path / "link"
    share.mkdir()
    link.symlink_to(share)
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nnas:/x /mnt/my\\040photos nfs4 rw 0 0\n/dev/sdb /mnt/my\\040photos/disk ext4 rw 0 0\n"
        f"nas:/y /mnt/Größe\u2028写真 cifs rw 0 0\nme@nas: {share} fuse.sshfs rw 0 0\n"
    )
    for path, is_share in (
        ("/l.db", False),
        ("/mnt/my photos/a/l.db", True),
        ("/mnt/my photos/disk/l.db", False),
        ("/mnt/my photos/disk/../l.db", True),
        ("/mnt/Größe\u2028写真/l.db", True),
        (share / "l.db", True),
        (link / "l.db", True),
    ):
        assert is_on_network_share(Path(path), mounts) == is_share, path
    assert not is_on_network_share(Path("/l.db"), tmp_path / "none")
