"""A folder of photos with a table of captions, in the forms that people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.data import load_dataset
from pictell.data.hashed_split import SPLITS, _place, in_split
from pictell.data.own_photos import load_own_photos
from pictell.errors import DataError

CAPTIONS = {"a.jpg": ("A dog, running.", 'He says "hi".'), "sub/b.png": ("Two cats;", "")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in CAPTIONS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def found(folder: Path) -> dict[str, tuple[str, ...]]:
    photos = [photo for split in SPLITS for photo in load_own_photos(folder, split)]
    assert all(photo.path == folder / photo.id for photo in photos)
    return {photo.id: photo.captions for photo in photos}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.mark.parametrize("heading", ["", "file,caption", "Image,text", "caption,file_name"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_tables(folder: Path, heading: str, delimiter: str, bom: str) -> None:
    turned = heading.startswith("caption")
    rows = [(quoted(text), name) if turned else (name, quoted(text)) for name, own in CAPTIONS.items() for text in own]
    lines = [*([heading.replace(",", delimiter)] if heading else []), "", *(delimiter.join(row) for row in rows)]
    (folder / "captions.csv").write_text(bom + "\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    assert found(folder) == CAPTIONS


@pytest.mark.parametrize(("file", "caption"), [("file", "captions"), ("image", "text"), ("file_name", "caption")])
def test_json_lines(folder: Path, file: str, caption: str) -> None:
    if caption == "captions":
        records = [{file: name, caption: list(own)} for name, own in CAPTIONS.items()]
    else:
        records = [{file: name, caption: text, "more": 1} for name, own in CAPTIONS.items() for text in own]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert found(folder) == CAPTIONS


def test_null_is_a_photo_without_a_caption(folder: Path) -> None:
    records = [{"file": "a.jpg", "caption": None, "text": "other"}, {"file": "sub/b.png", "caption": "Two cats;"}]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert found(folder) == {"a.jpg": (), "sub/b.png": ("Two cats;",)}
    (folder / "metadata.jsonl").write_text('{"file": "a.jpg", "words": "a dog"}', encoding="utf-8")
    with pytest.raises(DataError, match="expected a file and a caption"):
        found(folder)


def test_a_photo_is_one_however_it_is_written(folder: Path) -> None:
    (folder / "captions.csv").write_text("./a.jpg,One.\na.jpg,Two.\nsub//b.png,Three.\n")
    assert found(folder) == {"a.jpg": ("One.", "Two."), "sub/b.png": ("Three.",)}
    (folder / "captions.csv").unlink()
    (folder / "c.jsonl").write_text('{"file": "\\ud800.jpg", "caption": "A dog."}\n{"file": "a.jpg", "caption": "x"}')
    assert len(found(folder)) == 2


def test_splits_of_ones_own(folder: Path) -> None:
    (folder / "captions.csv").write_text("file,caption,split\na.jpg,A dog.,train\nsub/b.png,A cat.,held out\n")
    assert [photo.id for photo in load_own_photos(folder, "train")] == ["a.jpg"]
    assert [photo.id for photo in load_dataset(f"photos:{folder}", "held out")] == ["sub/b.png"]
    with pytest.raises(DataError, match="no split 'dev'; it has train, held out"):
        load_own_photos(folder, "dev")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.csv", "", "holds no captions"),
        ("c.csv", "a.jpg\n", "line 1: 1 columns instead of 2"),
        ("c.csv", "file,caption\na.jpg,A dog.\nsub/b.png\n", "line 3: 1 columns instead of 2"),
        ("c.csv", 'a.jpg,"A dog\n', "line 1"),
        ("c.csv", "a.jpg,A dog, running.\n", "line 1: 3 columns instead of 2.*in quotes"),
        ("c.csv", "../a.jpg,A dog.\n", "no file in the folder"),
        ("c.csv", "id,words\na.jpg,A dog.\n", "line 1: 'id' is neither a photo nor a known heading: call"),
        ("c.csv", "A dog,a.jpg\n", "'A dog' is neither"),
        ("c.csv", "/etc/passwd,A dog.\n", "no file in the folder"),
        ("c.csv", ",A dog.\n", "no file in the folder"),
        ("c.csv", "file,caption,split\na.jpg,A dog.,dev\na.jpg,A dog.,train\n", "line 3.*'dev' and 'train'"),
        ("c.csv", "file,caption,split\na.jpg,A dog.,dev\nsub/b.png,A dog.,\n", "sub/b.png has no split"),
        ("c.jsonl", '{"file": "a.jpg", "caption": "x"}\n{"file": "a.jpg"', "line 2: not JSON"),
        ("c.jsonl", '{"file": "a.jpg"}', "line 1: expected a file and a caption"),
        ("c.jsonl", '{"file": 3, "caption": "x"}', "line 1: expected a file and a caption"),
        ("c.jsonl", '["a.jpg", "x"]', "line 1: expected an object"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        load_own_photos(folder, "train")
    assert str(folder / name) in caught.value.message
    assert "\n" not in caught.value.message


def test_a_folder_needs_one_table(folder: Path) -> None:
    with pytest.raises(DataError, match="has none"):
        load_own_photos(folder, "train")
    for name in ("one.csv", "two.jsonl"):
        (folder / name).write_text("a.jpg,A dog.\n")
    with pytest.raises(DataError, match=r"several \(one.csv, two.jsonl\)"):
        load_own_photos(folder, "train")
    (folder / "one.csv").write_bytes(b"\xff\xfe")
    (folder / "two.jsonl").unlink()
    with pytest.raises(DataError, match=r"one\.csv is no UTF-8 text, save it as such"):
        load_own_photos(folder, "train")


def test_a_missing_photo_and_an_empty_caption_are_named_with_their_line(folder: Path) -> None:
    (folder / "t.csv").write_text(
        'file,caption,split\na.jpg,A dog.,train\nsub/b.png,A cat.,train\nnone.jpg,"A\nman.",train\na.jpg, ,train\n'
    )
    with pytest.raises(DataError) as caught:
        load_dataset(f"photos:{folder}", "train")
    assert "not on disk, first none.jpg (t.csv, line 5)" in caught.value.message
    assert "empty caption, first a.jpg (t.csv, line 6)" in caught.value.message
    (folder / "t.csv").unlink()
    lines = [{"file": "none.jpg", "captions": []}, {"file": "a.jpg", "captions": ["A dog.", ""]}]
    (folder / "t.jsonl").write_text("".join(f"{json.dumps(line | {'split': 'train'})}\n" for line in lines))
    with pytest.raises(DataError) as caught:
        load_dataset(f"photos:{folder}", "train")
    assert "not on disk, first none.jpg;" in caught.value.message
    assert "empty caption, first a.jpg (t.jsonl, line 2)" in caught.value.message


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 40, 400])
def test_dev_photos_taken_from_the_others_are_told(folder: Path, count: int) -> None:
    (folder / "t.csv").write_text("".join(f"{number}.jpg,A dog.\n" for number in range(count)))
    said: dict[str, list[str]] = {}
    photos = {split: load_own_photos(folder, split, said.setdefault(split, []).append) for split in SPLITS}
    assert len(photos["dev"]) >= min(2, count // 2)
    assert (said["train"], said["test"]) == ([], [])
    by_name = sum(_place(f"{number}.jpg") < 0.1 for number in range(count))
    if len(photos["dev"]) <= by_name:
        assert not said["dev"]
    else:
        [line] = said["dev"]
        assert line.startswith(f"{folder / 't.csv'}: of {count} photos ")
        assert line.endswith(f"{len(photos['dev']) - by_name} taken from the others")


@settings(max_examples=60)
@given(st.lists(st.text(min_size=1), unique=True, max_size=60), st.text(min_size=1))
def test_each_photo_is_in_one_split_and_stays_there(names: list[str], more: str) -> None:
    parts = {split: in_split(names, split) for split in SPLITS}
    assert sorted(name for own in parts.values() for name in own) == sorted(names)
    if len(names) > 1:
        assert parts["train"]
        assert len(parts["dev"]) >= min(2, len(names) // 2)
    for own in parts.values():
        assert own == [name for name in names if name in own]
    if len(names) > 50 and more not in names:  # of a few, one may have to go where there would be none
        grown = in_split([more, *names], "train")
        assert set(parts["train"]) <= set(grown)


def test_the_shares_are_as_told() -> None:
    names = [f"{number}.jpg" for number in range(4000)]
    assert {split: round(len(in_split(names, split)) / 4000, 1) for split in SPLITS} == {
        "train": 0.8,
        "dev": 0.1,
        "test": 0.1,
    }
