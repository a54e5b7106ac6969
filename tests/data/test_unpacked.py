"""Photos out of Hugging Face data sets and WebDataset shards: unpacked once, whole, and read like any folder."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictell.data import load_dataset, unpacked
from pictell.data.check import read_splits
from pictell.data.unpacked import load_webdataset
from pictell.errors import DataError
from pictell.photos import open_photo


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTELL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (shade, shade, shade)).save(file, "PNG")
    return file.getvalue()


def shard(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path


def everything(name: str) -> dict[str, tuple[int, tuple[str, ...]]]:
    """By split and place, the photo's shade and its captions."""
    found = {}
    for split in ("train", "val", "dev", "test"):
        with contextlib.suppress(DataError):  # not every split is there
            for number, photo in enumerate(load_dataset(name, split, skip_missing=True)):
                found[f"{split} {number}"] = (int(open_photo(photo.path).pixels[0, 0, 0]), photo.captions)
    return found


def test_shards_with_splits(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    shard(
        folder / "train-000.tar",
        {"a.png": jpeg(10), "a.txt": b"A dog.", "b.json": b'{"caption": "A cat."}', "b.png": jpeg(20)},
    )
    shard(folder / "train-001.tar", {"x/a.png": jpeg(30), "x/a.json": json.dumps({"texts": ["One.", "Two."]}).encode()})
    shard(folder / "val-000.tar", {"a.cls": b"3", "a.txt": b"A horse.", "a.png": jpeg(40), "alone.png": jpeg(50)})
    assert everything(f"webdataset:{folder}") == {
        "train 0": (10, ("A dog.",)),
        "train 1": (20, ("A cat.",)),
        "train 2": (30, ("One.", "Two.")),
        "val 0": (40, ("A horse.",)),
    }
    assert [photo.id for photo in load_webdataset(folder, "val")] == ["val-000.tar/a", "val-000.tar/alone"]
    assert load_webdataset(folder, "val")[1].captions == (), "and so it is named when it is loaded"
    assert set(read_splits(f"webdataset:{folder}").there) == {"train", "val"}


@pytest.mark.parametrize("said", ['{"en": "A dog"}', "null", '[{"raw": "A dog."}]', "3"])
def test_what_is_no_caption_is_named(tmp_path: Path, said: str) -> None:
    shard(tmp_path / "s/0.tar", {"a.png": jpeg(1), "a.json": f'{{"caption": {said}}}'.encode()})
    with pytest.raises(DataError, match=r"0\.tar, a: its captions cannot be read"):
        load_webdataset(tmp_path / "s", "train")


def test_shards_of_which_only_some_name_a_split_are_refused(tmp_path: Path) -> None:
    for name in ("train-0.tar", "device-0.tar"):
        shard(tmp_path / "s" / name, {"a.png": jpeg(1), "a.txt": b"A dog."})
    with pytest.raises(DataError, match=r"some shards are named after a split \(train\), others are not"):
        load_webdataset(tmp_path / "s", "train")


def test_shards_without_splits_are_split_by_their_keys(tmp_path: Path) -> None:
    members = {}
    for number in range(30):
        members |= {f"{number}.png": jpeg(number), f"{number}.txt": f"Number {number}.".encode()}
    folder = shard(tmp_path / "s/0.tar", members).parent
    found = everything(f"webdataset:{folder}")
    assert sorted(shade for shade, _ in found.values()) == list(range(30))
    assert {place.partition(" ")[0] for place in found} >= {"train", "dev"}


def test_hostile_names_stay_in_the_cache(tmp_path: Path, cache: Path) -> None:
    names = ["../../../evil", "/etc/evil", "a/../../evil"]
    members = {}
    for number, name in enumerate(names):
        members |= {f"{name}.png": jpeg(number), f"{name}.txt": b"Evil."}
    folder = shard(tmp_path / "deep/s/train.tar", members).parent
    photos = load_webdataset(folder, "train")
    assert len(photos) == 3
    assert all(photo.path.resolve().is_relative_to(cache.resolve()) for photo in photos)
    assert not list(tmp_path.rglob("evil*"))


def test_what_was_broken_off_is_gone_on_with(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {}
    for number in range(6):
        members |= {f"{number}.png": jpeg(number), f"{number}.txt": b"A dog."}
    folder = shard(tmp_path / "s/train.tar", members).parent
    write, written = unpacked.write_atomically, []

    def killed(path: Path, content: str | bytes) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(unpacked, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        load_webdataset(folder, "train")
    written.clear()
    monkeypatch.setattr(
        unpacked, "write_atomically", lambda path, content: (written.append(path), write(path, content))
    )
    photos = load_webdataset(folder, "train")
    assert len(photos) == 6
    assert len(written) == 4, "three photos and the table"
    written.clear()
    assert load_webdataset(folder, "train") == photos
    assert not written


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\0" * 600])
def test_what_is_no_shard_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.tar").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_webdataset(tmp_path, "train")
    assert str(tmp_path) in caught.value.message
    shard(tmp_path / "0.tar", {"a.png": jpeg(1), "a.json": b"{"})
    with pytest.raises(DataError, match="captions cannot be read"):
        load_webdataset(tmp_path, "train")


def test_a_hugging_face_data_set(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    shades = [Image.fromarray(np.full((40, 40, 3), shade, np.uint8)) for shade in (10, 20, 30)]
    whole = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict(
                {"image": shades[:2], "captions": [["One.", "Two."], ["Three."]]},
                features=datasets.Features({"image": datasets.Image(), "captions": [datasets.Value("string")]}),
            ),
            "val": datasets.Dataset.from_dict(
                {"image": shades[2:], "captions": [["Four."]]},
                features=datasets.Features({"image": datasets.Image(), "captions": [datasets.Value("string")]}),
            ),
        }
    )
    whole.save_to_disk(str(tmp_path / "whole"))
    assert everything(f"datasets:{tmp_path / 'whole'}") == {
        "train 0": (10, ("One.", "Two.")),
        "train 1": (20, ("Three.",)),
        "val 0": (30, ("Four.",)),
    }
    single = datasets.Dataset.from_dict(
        {"picture": shades, "text": ["One.", "Two.", "Three."]},
        features=datasets.Features({"picture": datasets.Image(), "text": datasets.Value("string")}),
    )
    single.save_to_disk(str(tmp_path / "single"))
    assert sorted(everything(f"datasets:{tmp_path / 'single'}").values()) == [
        (10, ("One.",)),
        (20, ("Two.",)),
        (30, ("Three.",)),
    ]
    whole["train"].remove_columns("captions").save_to_disk(str(tmp_path / "bare"))
    with pytest.raises(DataError, match="it has image"):
        load_dataset(f"datasets:{tmp_path / 'bare'}", "train")
    with pytest.raises(DataError, match=r"dataset_info.json is missing"):
        load_dataset(f"datasets:{tmp_path / 'cache'}", "train")


@pytest.mark.parametrize(
    ("columns", "captions"),
    [
        (["alt_text"], ("alt_text",)),
        (["caption_0", "caption_1", "photographer"], ("caption_0", "caption_1")),
        (["source", "caption"], ("caption",)),
        (["source", "words"], None),
    ],
)
def test_captions_are_found_by_name_and_type(
    columns: list[str], captions: tuple[str, ...] | None, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    image = Image.fromarray(np.full((40, 40, 3), 10, np.uint8))
    features = {"photo": datasets.Image(), "likes": datasets.Value("int64")}
    datasets.Dataset.from_dict(
        {"photo": [image], "likes": [3], **{name: [name] for name in columns}},
        features=datasets.Features({**features, **{name: datasets.Value("string") for name in columns}}),
    ).save_to_disk(str(tmp_path / "set"))
    if captions is None:
        with pytest.raises(DataError, match=r"one column of images.*it has photo, likes, source, words"):
            load_dataset(f"datasets:{tmp_path / 'set'}", "train")
    else:
        assert list(everything(f"datasets:{tmp_path / 'set'}").values()) == [(10, captions)]


def test_a_path_in_a_hugging_face_data_set_is_not_followed(tmp_path: Path, cache: Path) -> None:
    datasets = pytest.importorskip("datasets")
    (tmp_path / "secret.png").write_bytes(jpeg(10))
    row = {"bytes": None, "path": str(tmp_path / "secret.png")}
    kinds = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    folder = tmp_path / "set"
    # Saved as a plain structure, which is not embedded, and then said to be an image, as someone might on purpose.
    datasets.Dataset.from_dict(
        {"image": [row], "caption": ["A dog."]},
        features=datasets.Features({"image": kinds, "caption": datasets.Value("string")}),
    ).save_to_disk(str(folder))
    about = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    about["features"]["image"] = {"_type": "Image"}
    (folder / "dataset_info.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(DataError, match=r"row 0.*only the path"):
        load_dataset(f"datasets:{folder}", "train")
    assert not list(cache.rglob("*.photo"))
