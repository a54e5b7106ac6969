"""What a person decides about captions: kept, found again, never overwritten, and undone to the letter."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import pictell
from pictell.albums import Filters, IndexOptions, Library, Result, export, index, plan, read_words, search
from pictell.albums.library import _MIGRATIONS, SCHEMA_VERSION, Words
from pictell.albums.reviews import (
    DECISIONS,
    LONGEST,
    SHOW,
    Change,
    Decision,
    count_unreviewed,
    decide,
    directories_of,
    look,
    photos_to_review,
    undo,
)
from pictell.albums.xmp import Packet
from pictell.captioner import Captioner
from pictell.data.own_photos import load_own_photos
from pictell.errors import DataError, LibraryError, OptionError


def said(text: str | None = "a dog runs", confidence: float | None = 0.5, **more: object) -> Words:
    reason = None if text else "looks like a plot"
    return Words(text, reason, -1.0, confidence, "m@1", "2026-01-01T00:00:00+00:00", **more)  # type: ignore[arg-type]


def fill(path: Path) -> Library:
    """Four photos: with a caption, with a less sure one, with none since it looks like no photo, and one that failed."""
    library = Library(path)
    with library.transaction():
        for number, words in enumerate((said(), said("a cat sits", 0.2), said(None, None), None), 1):
            assert library.put_photo(b"/p/%d/%d.jpg" % (number % 2, number), 1, 2, b"h%d" % number) == number
            if words is not None:
                library.put_words(number, words)
        library.put_error(4, "truncated", "/p/0/4.jpg: cut short")
    return library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with fill(tmp_path / "l.db") as opened:
        yield opened


def do(library: Library, photo: int, decision: Decision, text: str | None = None) -> Change:
    return decide(library, photo, decision, look(library, photo).stamp, text)


def words_of(library: Library, photo: int) -> Words:
    found = library.words_of(photo)
    assert found is not None
    return found


def test_a_decision_is_kept_with_what_pictell_had_said(library: Library) -> None:
    do(library, 1, "accept")
    do(library, 2, "edit", "  two\ncats \x00sit ")
    first, second = words_of(library, 1), words_of(library, 2)
    assert (first.text, first.by, first.review, first.said) == ("a dog runs", "person", "accepted", "a dog runs")
    assert (second.text, second.by, second.review, second.said) == ("two cats sit", "person", "edited", "a cat sits")
    assert first.reviewed_at
    do(library, 2, "edit", "three cats")
    do(library, 2, "reject")
    rejected = words_of(library, 2)
    assert (rejected.text, rejected.review, rejected.said, rejected.model) == (None, "rejected", "a cat sits", "m@1")
    do(library, 2, "restore")
    assert words_of(library, 2) == said("a cat sits", 0.2)


def test_a_photo_without_a_caption_may_be_given_one_and_lose_it_again(library: Library) -> None:
    for photo in (3, 4):
        before = library.words_of(photo)
        do(library, photo, "edit", "my own")
        assert (words_of(library, photo).text, words_of(library, photo).by) == ("my own", "person")
        do(library, photo, "restore")
        assert library.words_of(photo) == before
    do(library, 3, "reject")
    assert 3 not in photos_to_review(library, "missing")
    do(library, 3, "restore")
    assert words_of(library, 3).reason == "looks like a plot"


@pytest.mark.parametrize(
    ("photo", "decision", "text", "message"),
    [
        (1, "edit", " \n", "needs words"),
        (1, "edit", None, "needs words"),
        (1, "edit", "x" * (LONGEST + 1), "at most"),
        (1, "restore", None, "nobody has reviewed"),
        (3, "accept", None, "no caption to accept"),
        (4, "accept", None, "no caption here"),
        (4, "reject", None, "no caption here"),
        (4, "restore", None, "no caption here"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    library: Library, photo: int, decision: Decision, text: str | None, message: str
) -> None:
    before = library.words_of(photo)
    with pytest.raises(OptionError, match=message):
        do(library, photo, decision, text)
    assert library.words_of(photo) == before


def test_a_decision_about_another_caption_is_refused(library: Library) -> None:
    stamp = look(library, 1).stamp
    do(library, 1, "edit", "by the first reviewer")
    for decision in DECISIONS:
        with pytest.raises(LibraryError, match="changed meanwhile") as caught:
            decide(library, 1, decision, stamp, "by the second")
        assert caught.value.kind == "changed"
    assert words_of(library, 1).text == "by the first reviewer"
    with pytest.raises(LibraryError) as caught:
        decide(library, 99, "accept", stamp)
    assert caught.value.kind == "no-photo"


def test_of_many_edits_at_once_one_is_kept_and_all_others_are_told(library: Library) -> None:
    stamp = look(library, 1).stamp

    def edit(number: int) -> str:
        with Library(library.path) as mine:
            try:
                decide(mine, 1, "edit", stamp, f"edit {number}")
            except LibraryError as error:
                return error.kind
            return f"edit {number}"

    with ThreadPoolExecutor(8) as pool:
        done = Counter(pool.map(edit, range(24)))
    assert done == {"changed": 23, words_of(library, 1).text: 1}


decisions = st.tuples(st.integers(1, 4), st.sampled_from(DECISIONS), st.sampled_from(["my own", "another", ""]))


@given(steps=st.lists(decisions, max_size=12))
def test_whatever_was_decided_undoing_it_all_leaves_nothing(steps: list[tuple[int, Decision, str]]) -> None:
    """And what is found by words is always what is in the tables."""
    with TemporaryDirectory() as folder, fill(Path(folder) / "l.db") as library:
        before = [library.words_of(photo) for photo in range(1, 5)]
        changes = []
        for photo, decision, text in steps:
            try:
                changes.append(do(library, photo, decision, text))
            except OptionError:
                continue
            words = library.words_of(photo)
            assert words is None or (words.by == "person") == (words.review in ("accepted", "edited"))
            found = library.rows("SELECT own, caption FROM words WHERE rowid = ?", (photo,))
            text_now = words.text if words else None
            by_person = words is not None and words.by == "person"
            assert found == ([] if text_now is None else [(text_now, "") if by_person else ("", text_now)])
        for change in reversed(changes):
            undo(library, change)
        assert [library.words_of(photo) for photo in range(1, 5)] == before


def test_undoing_what_was_decided_again_since_is_refused(library: Library) -> None:
    change = do(library, 1, "accept")
    do(library, 1, "edit", "later")
    with pytest.raises(LibraryError, match="again since"):
        undo(library, change)
    assert words_of(library, 1).text == "later"


def test_lists(library: Library) -> None:
    with library.transaction():
        library.put_own_words(3, ["Grandma"], [])
    assert photos_to_review(library, "unreviewed") == [2, 1]  # by path
    assert photos_to_review(library, "unsure") == [2, 1]
    assert photos_to_review(library, "missing") == [4]
    assert photos_to_review(library, "all") == [2, 4, 1, 3]
    assert photos_to_review(library, "all", Path("/p/1")) == [1, 3]
    assert count_unreviewed(library) == 2
    assert count_unreviewed(library, Path("/p/1")) == 1
    assert directories_of(library) == [Path("/p"), Path("/p/0"), Path("/p/1")]
    assert directories_of(library, Path("/p/1")) == [Path("/p/1")]
    assert directories_of(library, Path("/elsewhere")) == []
    do(library, 1, "accept")
    do(library, 2, "reject")
    assert photos_to_review(library, "reviewed") == [2, 1]
    assert (photos_to_review(library, "unreviewed"), count_unreviewed(library)) == ([], 0)
    assert photos_to_review(library, "missing") == [4]
    with library.transaction():
        library.mark_missing([1, 2, 3, 4])
    assert {show: photos_to_review(library, show) for show in SHOW} == {show: [] for show in SHOW}


def test_reviewed_captions_are_a_persons_and_rejected_ones_none(library: Library) -> None:
    do(library, 1, "accept")
    do(library, 2, "reject")
    assert [hit.path for hit in search(library, "", Filters(written_by="me"))] == ["/p/1/1.jpg"]
    assert not search(library, "", Filters(written_by="pictell"))
    assert not search(library, "", Filters(low_confidence=True))
    assert not search(library, "cat")
    assert "/p/0/2.jpg" in [hit.path for hit in search(library, "", Filters(missing=True))]
    (hit,) = search(library, "dogs")
    assert (hit.own, hit.caption) == ("a dog runs", None)
    with library.transaction():
        library.put_own_words(1, ["a dog runs", "Bello"], [])
    assert search(library, "dogs")[0].own == "a dog runs; Bello"
    with library.transaction():
        library.put_words(library.put_photo(b"/p/6.jpg", 1, 2, b"h6"), said("a horse"))
        library.put_own_words(5, ["a horse"], [])
    assert search(library, "horse")[0].own == "a horse"  # a person may say the same as pictell
    entries = {Path(entry.path).name: entry for entry in library.entries()}
    accepted, rejected = entries["1.jpg"], entries["2.jpg"]
    assert (accepted.own, accepted.text, accepted.confidence, accepted.review) == ("a dog runs", None, None, "accepted")
    assert (rejected.shown, rejected.described, rejected.confidence, rejected.review) == (None, None, None, "rejected")
    assert [Path(entry.path).name for entry in library.entries(reviewed=True)] == ["1.jpg"]


def test_a_persons_caption_ranks_before_pictells(library: Library) -> None:
    with library.transaction():
        library.put_words(library.put_photo(b"/p/5.jpg", 1, 2, b"h5"), said("a dog"))
    assert [hit.path for hit in search(library, "dog")] == ["/p/5.jpg", "/p/1/1.jpg"]
    do(library, 1, "accept")
    assert [hit.path for hit in search(library, "dog")] == ["/p/1/1.jpg", "/p/5.jpg"]


def test_a_library_from_before_reviews(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    database = sqlite3.connect(path)
    for step in _MIGRATIONS[:3]:
        database.executescript(step)
    database.execute("PRAGMA user_version = 3")
    for number, by in enumerate(("pictell", "person"), 1):
        database.execute("INSERT INTO photos (path, size, mtime_ns, hash) VALUES (?, 1, 2, ?)", (b"/%d" % number, b"h"))
        row = (number, "a dog", None, -1.0, 0.5, "m@1", "2026-01-01", by)
        database.execute("INSERT INTO captions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.execute("INSERT INTO words (rowid, own, caption) VALUES (?, ?, ?)", (number, "", "a dog"))
    database.commit()
    database.close()
    for _ in range(2):
        with Library(path) as library:
            assert library.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
            assert library.words_of(1) == Words("a dog", None, -1.0, 0.5, "m@1", "2026-01-01")
            assert words_of(library, 2).by == "person"
            assert photos_to_review(library, "unreviewed") == [1]
    with Library(path) as library:
        do(library, 1, "edit", "two dogs")
        assert (words_of(library, 1).said, count_unreviewed(library)) == ("a dog", 0)


# -- index runs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return pictell.load(tiny_bundle)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(4):
        make(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path / "photos"


def make(path: Path, seed: int) -> None:
    path.parent.mkdir(exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC).save(path)


Run = Callable[..., dict[str, int]]


@pytest.fixture
def run(tmp_path: Path, photos: Path, captioner: Captioner) -> Run:
    def go(by: Captioner = captioner, **options: object) -> dict[str, int]:
        asked = IndexOptions(**options)  # type: ignore[arg-type]
        with Library(tmp_path / "l.db") as library:
            results: list[Result] = list(index(library, by, plan(library, photos, by.model, asked), asked))
        assert not [result.error for result in results if result.error]
        written = [result.written for result in results if result.written]
        return dict(Counter([*(result.outcome for result in results), *written]))

    return go


@pytest.fixture
def review(tmp_path: Path, photos: Path) -> Callable[..., Words | None]:
    """Decides about a photo by name, or only looks."""

    def go(name: str, decision: Decision | None = None, text: str | None = None) -> Words | None:
        with Library(tmp_path / "l.db") as library:
            number = library.known(photos)[os.fsencode(photos / name)].id
            if decision:
                do(library, number, decision, text)
            return library.words_of(number)

    return go


def test_no_index_run_overwrites_a_review(
    run: Run, review: Callable[..., Words | None], photos: Path, captioner: Captioner, other_tiny_bundle: Path
) -> None:
    other = pictell.load(other_tiny_bundle)
    run()
    review("0.png", "accept")
    review("1.png", "edit", "my own")
    review("2.png", "reject")
    kept = [review(f"{number}.png") for number in range(3)]
    for options in ({}, {"force": True}, {"outdated": True}, {"everything": True}, {"force": True, "everything": True}):
        assert run(**options) == ({"unchanged": 3, "captioned": 1} if "force" in options else {"unchanged": 4})
        assert [review(f"{number}.png") for number in range(3)] == kept
    os.utime(photos / "2.png", (1, 1))  # touched, and the same
    assert run(force=True) == {"unchanged": 3, "captioned": 1}
    assert review("2.png") == kept[2]
    # What this model says is rejected: another one may say something.
    assert run(by=other, outdated=True) == {"unchanged": 2, "captioned": 2}
    assert [review(f"{number}.png") for number in range(2)] == kept[:2]
    again = review("2.png")
    assert again is not None
    assert (again.model, again.review) == (other.model, None)
    assert again.text


def test_a_rejection_is_of_what_the_photo_showed(run: Run, review: Callable[..., Words | None], photos: Path) -> None:
    run()
    review("0.png", "reject")
    make(photos / "0.png", 77)
    assert run() == {"captioned": 1, "unchanged": 3}
    words = review("0.png")
    assert words is not None
    assert words.review is None


def test_a_review_goes_with_copies_and_new_names(run: Run, review: Callable[..., Words | None], photos: Path) -> None:
    run()
    review("0.png", "edit", "my own")
    rejected = review("1.png", "reject")
    shutil.copy(photos / "0.png", photos / "copy.png")
    (photos / "1.png").rename(photos / "renamed.png")
    assert run(force=False) == {"copied": 1, "moved": 1, "unchanged": 3}
    assert review("copy.png") == review("0.png")
    assert review("renamed.png") == rejected


@pytest.mark.parametrize("decision", ["edit", "reject", "accept"])
def test_a_review_while_an_index_run_is_at_work_is_kept(
    run: Run, review: Callable[..., Words | None], captioner: Captioner, decision: Decision,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run()
    original = captioner.stream
    reviewed: list[object] = []

    def stream(*arguments: object) -> Iterator[object]:
        for result in original(*arguments):  # type: ignore[arg-type]
            if not reviewed:
                reviewed.append(review("0.png", decision, "my own"))
            yield result

    monkeypatch.setattr(captioner, "stream", stream)
    assert run(force=True) == {"unchanged" if decision == "reject" else "own": 1, "captioned": 3}
    assert [review("0.png")] == reviewed


# -- files ----------------------------------------------------------------------------------------------------------


def test_a_review_is_written_as_a_persons_words(run: Run, review: Callable[..., Words | None], photos: Path) -> None:
    pytest.importorskip("lxml")
    assert run(write="sidecar", keywords=True) == {"captioned": 4, "written": 4}
    assert read_words(photos / "0.png").own is None
    review("0.png", "accept")
    review("1.png", "edit", "my own words")
    review("2.png", "reject")
    assert run(write="sidecar") == {"unchanged": 4, "refreshed": 2, "removed": 1, "same": 1}
    accepted, edited, rejected = (read_words(photos / f"{number}.png") for number in range(3))
    words = review("0.png")
    assert words is not None
    assert (accepted.own, accepted.generated) == (words.text, None)
    assert (edited.own, edited.generated) == ("my own words", None)
    assert (rejected.captions, rejected.keywords) == ((), ())
    packet = Packet((photos / "1.png.xmp").read_bytes())
    assert packet.text("Iptc4xmpCore:AltTextAccessibility") == "my own words"
    for name in ("pictell:Caption", "pictell:Model", "pictell:Confidence", "photoshop:CaptionWriter"):
        assert packet.text(name) is None
    assert run(write="sidecar") == {"unchanged": 4, "same": 4}
    # What a review wrote, the next one replaces.
    review("1.png", "edit", "other words")
    review("0.png", "reject")
    assert run(write="sidecar") == {"unchanged": 4, "refreshed": 1, "removed": 1, "same": 2}
    assert read_words(photos / "1.png").own == "other words"
    assert read_words(photos / "0.png").captions == ()


def test_what_a_person_wrote_in_the_file_is_never_overwritten(
    run: Run, review: Callable[..., Words | None], photos: Path
) -> None:
    pytest.importorskip("lxml")
    run(write="sidecar")
    review("0.png", "edit", "from the review")
    packet = Packet((photos / "0.png.xmp").read_bytes())
    packet.set_default("dc:description", "in another program")
    (photos / "0.png.xmp").write_bytes(bytes(packet))
    for options in ({}, {"force": True}):
        done = run(write="sidecar", **options)
        assert done["kept"] == 1
        assert Packet((photos / "0.png.xmp").read_bytes()).text("dc:description") == "in another program"
    review("0.png", "reject")
    run(write="sidecar")
    assert read_words(photos / "0.png").own == "in another program"


def test_a_rejected_caption_that_was_never_written_makes_no_file(
    run: Run, review: Callable[..., Words | None], photos: Path
) -> None:
    pytest.importorskip("lxml")
    run()
    review("0.png", "reject")
    assert run(write="sidecar") == {"unchanged": 4, "same": 1, "written": 3}
    assert not (photos / "0.png.xmp").exists()


def test_a_review_is_written_into_photos(run: Run, review: Callable[..., Words | None], photos: Path) -> None:
    pytest.importorskip("pyexiv2")
    run(write="embed")
    review("0.png", "edit", "my own words")
    review("1.png", "reject")
    assert run(write="embed") == {"unchanged": 4, "refreshed": 1, "removed": 1, "same": 2}
    assert read_words(photos / "0.png").own == "my own words"
    assert read_words(photos / "1.png").captions == ()
    assert run(write="embed") == {"unchanged": 4, "same": 4}


def test_another_models_caption_is_written_after_a_rejection(
    run: Run, review: Callable[..., Words | None], photos: Path, other_tiny_bundle: Path
) -> None:
    pytest.importorskip("lxml")
    run(write="sidecar")
    review("0.png", "reject")
    run(write="sidecar")
    other = pictell.load(other_tiny_bundle)
    run(by=other, outdated=True, write="sidecar")
    words = review("0.png")
    assert words is not None
    assert read_words(photos / "0.png").generated == words.text


# -- training -------------------------------------------------------------------------------------------------------


def test_an_export_beside_the_photos_is_a_training_set(
    run: Run, review: Callable[..., Words | None], photos: Path, tmp_path: Path
) -> None:
    run()
    review("0.png", "edit", "my own words")
    accepted = review("1.png", "accept")
    review("2.png", "reject")
    assert accepted is not None
    with Library(tmp_path / "l.db") as library:
        reviewed, everything = list(library.entries(reviewed=True)), list(library.entries())
    export(reviewed, photos / "captions.jsonl")
    loaded = [photo for split in ("train", "dev", "test") for photo in load_own_photos(photos, split)]
    assert {photo.id: photo.captions for photo in loaded} == {
        "0.png": ("my own words",),
        "1.png": (accepted.text,),
    }
    assert all(photo.path.is_file() for photo in loaded)
    examples = pytest.importorskip("pictell.training.examples")
    recipe = pytest.importorskip("pictell.training.recipe")
    data = recipe.Data(folders={"photos": str(photos)}, train=["photos/train"], dev="photos/dev")
    split = {name: examples.load_split(data, f"photos/{name}", print) for name in ("train", "dev")}
    assert all(split.values())
    assert sorted(photo.id for some in split.values() for photo in some) == ["0.png", "1.png"]
    export(everything, photos / "captions.jsonl", "JSONL")
    loaded = [photo for split in ("train", "dev", "test") for photo in load_own_photos(photos, split)]
    assert sorted(photo.id for photo in loaded) == ["0.png", "1.png", "2.png", "3.png"]
    assert [photo.captions for photo in loaded if photo.id == "2.png"] == [()]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    export(reviewed, elsewhere / "captions.jsonl")
    assert json.loads((elsewhere / "captions.jsonl").read_text().splitlines()[0])["file"] == "../photos/0.png"
    with pytest.raises(DataError, match="no file in the folder"):
        load_own_photos(elsewhere, "train")
    with pytest.raises(OptionError, match="csv, jsonl, md, html"):
        export(reviewed, tmp_path / "captions.jsonl", "pdf")
