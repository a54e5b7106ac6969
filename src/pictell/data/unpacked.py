"""Data sets that keep their photos in files of many: Hugging Face `datasets` and WebDataset shards.

All that works on photos works on paths, so these are unpacked once, into a folder of the user's cache whose name is a digest
of the source, and read from there as a folder of one's own photos.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pictell.data.own_photos import CAPTIONS, load_own_photos, splits_of
from pictell.data.photos_with_captions import CaptionedPhoto
from pictell.errors import DataError, MissingExtraError
from pictell.files import cache_folder, write_atomically
from pictell.photos import PHOTO_SUFFIXES

_LARGEST = 200 * 2**20  # bytes of a photo; a shard may claim any size
_TABLE = "captions.jsonl"
_PHOTO, _TEXTS = "photo", (".txt", ".caption", ".json")
_SPLIT = re.compile(r"(train|val|dev|test)(?![a-z])")


class _Item(NamedTuple):
    """A photo's name in its source, its bytes where they are there, its captions, and the split that it has there, or none."""

    name: str
    photo: bytes | None
    captions: list[str]
    split: str


def load_hugging_face(folder: Path, split: str, say: Callable[[str], None] = lambda text: None) -> list[CaptionedPhoto]:
    """The photos of a split of what `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote.

    It has one column of images and one of captions, texts or lists of them, named as `pictell.data.own_photos` knows them, or
    several with numbers (`caption_0`, `caption_1`), or whose only texts they are. Nothing is fetched, no file outside the
    folder is read, and no code of the data set is run. Needs the extra `datasets`.
    """
    return _load(_hugging_face(folder), split, say)


def splits_of_hugging_face(folder: Path) -> tuple[str, ...]:
    """The splits of such a data set, see `pictell.data.own_photos.splits_of`."""
    return splits_of(_hugging_face(folder))


def load_webdataset(folder: Path, split: str, say: Callable[[str], None] = lambda text: None) -> list[CaptionedPhoto]:
    """The photos of a split of WebDataset shards: `*.tar`, with `KEY.jpg` and `KEY.txt` or `KEY.json` for each photo.

    `KEY.json` has a caption as `pictell.data.own_photos` names it. Where the shards' names begin with a split (`train-0000.tar`,
    `val-0000.tar`), that is theirs; where none does, photos are split by a hash of their keys.
    """
    return _load(_webdataset(folder), split, say)


def splits_of_webdataset(folder: Path) -> tuple[str, ...]:
    """The splits of such shards, see `pictell.data.own_photos.splits_of`."""
    return splits_of(_webdataset(folder))


def _hugging_face(folder: Path) -> Path:
    return _unpacked(folder, _digest(_files_of(folder)), _of_hugging_face(folder))


def _webdataset(folder: Path) -> Path:
    return _unpacked(folder, _digest(_shards(folder)), _of_shards(folder))


def _load(folder: Path, split: str, say: Callable[[str], None]) -> list[CaptionedPhoto]:
    """The photos of an unpacked folder, by the names that they have in their source."""
    lines = map(json.loads, (folder / _TABLE).read_text(encoding="utf-8").splitlines())
    names = {line["file"]: line["name"] for line in lines}
    return [replace(photo, id=names[photo.id], places=()) for photo in load_own_photos(folder, split, say)]


def _unpacked(source: Path, digest: str, items: Iterator[_Item]) -> Path:
    """The folder that the items are in, or go into now. The table is written last: a folder without one is not whole."""
    folder = cache_folder() / "unpacked" / digest
    if (folder / _TABLE).exists():
        return folder
    lines = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for item in items:
            # Names of a source may be anything; a digest is a file name everywhere, and the same each time.
            photo = folder / f"{hashlib.sha256(item.name.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}.photo"
            if item.photo is not None and not (photo.exists() and photo.stat().st_size == len(item.photo)):
                write_atomically(photo, item.photo)
            lines.append({"file": photo.name, "captions": item.captions, "split": item.split, "name": item.name})
        if not lines:
            raise DataError("captions", f"{source} holds no photos with captions")
        splits = {line["split"] for line in lines}
        if "" in splits and len(splits) > 1:
            of = ", ".join(sorted(map(str, splits - {""})))
            raise DataError(
                "layout", f"{source}: some shards are named after a split ({of}), others are not: name all or none"
            )
        write_atomically(folder / _TABLE, "".join(f"{json.dumps(line)}\n" for line in lines))
    except OSError as error:
        raise DataError("cache", f"cannot unpack {source} into {folder}: {error.strerror}") from error
    return folder


def _digest(files: list[Path]) -> str:
    """Tells sources apart by their files' names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in files:
        about = file.stat()
        digest.update(f"{file.resolve()}\0{about.st_size}\0{about.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _files_of(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    files = [path for path in files if not path.name.startswith("cache-")]  # which the library may leave there later
    if not any(path.name in ("dataset_info.json", "dataset_dict.json") for path in files):
        raise DataError("missing", f"{folder} is not what Dataset.save_to_disk writes: dataset_info.json is missing")
    return files


def _of_hugging_face(folder: Path) -> Iterator[_Item]:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(f"reading {folder}", "datasets") from error
    try:
        whole = datasets.load_from_disk(str(folder))
    except Exception as error:  # the library has no one family for what fails
        raise DataError("layout", f"{folder} cannot be read as a data set: {' '.join(str(error).split())}") from error
    parts = whole.items() if isinstance(whole, datasets.DatasetDict) else [("", whole)]
    for split, part in parts:
        images = [name for name, feature in part.features.items() if isinstance(feature, datasets.Image)]
        texts = _columns_of_captions(part.features)
        if len(images) != 1 or not texts:
            raise DataError(
                "layout",
                f"{folder} needs one column of images and one of captions ({', '.join(CAPTIONS)}); "
                f"it has {', '.join(part.features)}",
            )
        for number, row in enumerate(part.cast_column(images[0], datasets.Image(decode=False))):
            image = row[images[0]]
            if image is not None and image["bytes"] is None:
                raise DataError(
                    "layout", f"{folder}, row {number} of {split or 'it'}: only the path of its photo is there"
                )
            captions = []
            for said in (row[name] for name in texts):
                captions += [said] if isinstance(said, str) else [text for text in said or () if text is not None]
            yield _Item(f"{split}/{number}", image and image["bytes"], captions, split)


def _columns_of_captions(features: Mapping[str, Any]) -> list[str]:
    texts = [name for name, feature in features.items() if _is_text(feature)]
    named = next(([name] for name in CAPTIONS if name in texts), [])
    numbered = [name for name in texts if name.rstrip("0123456789").rstrip("_") in CAPTIONS]
    return named or numbered or (texts if len(texts) == 1 else [])


def _is_text(feature: Any) -> bool:
    """Whether a column holds texts or lists of texts; the library has had several kinds of lists."""
    item = feature[0] if isinstance(feature, list) else getattr(feature, "feature", feature)
    return getattr(item, "dtype", None) in ("string", "large_string")


def _shards(folder: Path) -> list[Path]:
    shards = sorted(folder.glob("*.tar")) if folder.is_dir() else []
    if not shards:
        raise DataError("missing", f"{folder} holds no shards of WebDataset (*.tar)")
    return shards


def _of_shards(folder: Path) -> Iterator[_Item]:
    for shard in _shards(folder):
        named = _SPLIT.match(shard.name)
        try:
            with tarfile.open(shard) as archive:
                # As the format has it, what belongs together stands together.
                for key, members in groupby(archive, _key):
                    files: dict[str, bytes] = {}
                    for member in members:
                        suffix = _suffix(member)
                        kind = _PHOTO if suffix in PHOTO_SUFFIXES else suffix
                        if member.isfile() and member.size <= _LARGEST and kind in (_PHOTO, *_TEXTS):
                            file = archive.extractfile(member)
                            files[kind] = file.read() if file else b""
                    if _PHOTO in files:
                        captions = _captions_of(files, f"{shard}, {key}")
                        yield _Item(f"{shard.name}/{key}", files[_PHOTO], captions, named[1] if named else "")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise DataError("layout", f"{shard} cannot be read as a tar file: {error}") from error


def _key(member: tarfile.TarInfo) -> str:
    """A member's name up to the first dot after the last slash."""
    folder, slash, name = member.name.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}"


def _suffix(member: tarfile.TarInfo) -> str:
    return f".{member.name.rpartition('/')[2].partition('.')[2].lower()}"


def _captions_of(files: dict[str, bytes], where: str) -> list[str]:
    """Those of the text, else of the JSON, that stands beside a photo; none where there is neither."""
    try:
        for suffix in _TEXTS:
            if suffix in files and suffix != ".json":
                return [files[suffix].decode("utf-8").strip()]
        record: Any = json.loads(files.get(".json", b"{}"))
        said: Any = next((record[key] for key in CAPTIONS if key in record), [])
        said = [said] if isinstance(said, str) else said
        if not isinstance(said, list) or not all(isinstance(text, str) for text in said):
            raise ValueError("a caption is a text, or several are a list of texts")
        return said
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError("layout", f"{where}: its captions cannot be read: {error}") from error
