"""METEOR's data for English, found in the `pycocoevalcap` wheel, and the index of its paraphrases.

The wheel holds the data as METEOR 1.5 was published with it: a gzipped table of paraphrases, three lines a pair
(probability, phrase, phrase), and, inside `meteor-1.5.jar`, WordNet's synonyms, its irregular forms and a list of function
words. Only these data are read. The table has five million pairs, so that it is indexed once, into the user's cache; the
index is a few arrays that are mapped into memory, not read.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pictell.errors import MissingExtraError, PictellError

Progress = Callable[[int, int], None]
"""Called with what is done and the whole, in the same unit, while the index is built."""

_FORMAT = 2  # of the index; another number is another folder
LONGEST = 7
"""Words in the longest phrase of the table."""
_ARRAYS = ("keys", "sources", "offsets", "targets")
_CHUNK = 1 << 23


@dataclass(frozen=True)
class WordData:
    """Words that belong together, all lower case."""

    function_words: frozenset[str]
    synsets: dict[str, str]
    """The numbers of a word's synonym sets in WordNet, parted by spaces."""
    irregular: dict[str, tuple[str, ...]]
    """The base forms of an irregular form, as `geese` has `goose`."""


class Paraphrases:
    """The table of paraphrases as a tree of words whose nodes are phrases.

    `keys` (nodes,) holds `parent << 16 | word` in rising order; a node's number is its place in it plus one, and 0 is the
    root. `sources` (S,) are the nodes that have paraphrases, `targets[offsets[i] : offsets[i + 1]]` those of the i-th, in the
    order of the table.
    """

    def __init__(self, words: dict[str, int], arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.words = words
        self._keys, self._sources, self._offsets, self._targets = (arrays[name] for name in _ARRAYS)

    def children(self, parents: npt.NDArray[np.int64], words: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The nodes under `parents` (N,) by `words` (N,), as `words` of this table numbers them; 0 where there is none."""
        if not len(self._keys):
            return np.zeros(len(parents), np.int64)
        wanted = parents << 16 | words
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where(self._keys[places] == wanted, places + 1, 0)

    def of(self, nodes: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        """Each of the nodes that has paraphrases, with theirs."""
        if not len(self._sources):
            return
        places = np.minimum(np.searchsorted(self._sources, nodes), len(self._sources) - 1)
        for node, place in zip(nodes.tolist(), places.tolist(), strict=True):
            if self._sources[place] == node:
                yield node, self._targets[self._offsets[place] : self._offsets[place + 1]]


class MeteorFiles:
    """Where the data lie: a folder `meteor` with `meteor-1.5.jar` and `data/paraphrase-en.gz`."""

    def __init__(self, folder: Path) -> None:
        self._table = folder / "data" / "paraphrase-en.gz"
        self._jar = folder / "meteor-1.5.jar"

    @classmethod
    def installed(cls) -> MeteorFiles:
        """Those of the installed wheel; `MissingExtraError` where it is not installed."""
        found = importlib.util.find_spec("pycocoevalcap")
        if found is None or not found.submodule_search_locations:
            raise MissingExtraError("METEOR", "metrics")
        return cls(Path(next(iter(found.submodule_search_locations))) / "meteor")

    def tag(self) -> str:
        """Eight hexadecimal digits that differ where any of the data differ."""
        with self._reading():
            with self._table.open("rb") as file:
                file.seek(-8, os.SEEK_END)
                checksums = [file.read(8)]  # a gzip file ends with the checksum and length of what it holds
            with zipfile.ZipFile(self._jar) as jar:
                members = (jar.getinfo(name) for name in _MEMBERS)
                checksums += [struct.pack("<II", member.CRC, member.file_size & 0xFFFFFFFF) for member in members]
        return f"{zlib.crc32(b''.join(checksums)):08x}"

    def words(self) -> WordData:
        """Function words and synonyms."""
        with self._reading(), zipfile.ZipFile(self._jar) as jar:
            function_words, synsets, irregular = (jar.read(name).decode("utf-8").split("\n") for name in _MEMBERS)
        bases: dict[str, tuple[str, ...]] = {}
        for base, forms in zip(irregular[0::2], irregular[1::2], strict=False):
            for form in forms.split():
                bases[form] = (*bases.get(form, ()), base)
        return WordData(
            frozenset(filter(None, map(str.strip, function_words))),
            dict(zip(synsets[0::2], synsets[1::2], strict=False)),
            bases,
        )

    def paraphrases(self, cache: Path, progress: Progress | None = None) -> Paraphrases:
        """The table, from the folder `cache`, into which it is indexed where it is not there yet."""
        folder = cache / f"meteor-en-{self.tag()}-{_FORMAT}"
        if not folder.is_dir():
            self._build(folder, progress)
        try:
            words = (folder / "words.json").read_text(encoding="utf-8")
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
            return Paraphrases({word: number for number, word in enumerate(json.loads(words))}, arrays)
        except (OSError, ValueError) as error:
            raise PictellError("damaged", f"{folder}: damaged index of METEOR's data ({error}): delete it") from error

    def _build(self, folder: Path, progress: Progress | None) -> None:
        words, arrays = _index(self._lines(progress))
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        except OSError as error:
            raise PictellError(
                "not-writable", f"{folder.parent}: cannot keep METEOR's index ({error.strerror}): set PICTELL_CACHE"
            ) from error
        try:
            for name, array in arrays.items():
                np.save(temporary / f"{name}.npy", array, allow_pickle=False)
            (temporary / "words.json").write_text(json.dumps(words), encoding="utf-8")
            temporary.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was quicker
                temporary.rename(folder)
        except OSError as error:
            raise PictellError(
                "not-writable", f"{folder}: cannot write METEOR's index ({error.strerror}): free the disk"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _lines(self, progress: Progress | None) -> Iterator[list[bytes]]:
        """The table's lines, many at a time."""
        with self._reading(), self._table.open("rb") as packed, gzip.open(packed) as file:
            size = os.fstat(packed.fileno()).st_size
            rest = b""
            while chunk := file.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield lines
                if progress:
                    progress(packed.tell(), size)
            yield [rest] if rest else []

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, KeyError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise PictellError(
                "damaged", f"{self._jar.parent}: METEOR's data cannot be read ({error}): install pycocoevalcap again"
            ) from error


_MEMBERS = ("function/english.words", "synonym/english.synsets", "synonym/english.exceptions")


def _index(chunks: Iterator[list[bytes]]) -> tuple[list[str], dict[str, npt.NDArray[Any]]]:
    """Words in the order of their numbers, and the arrays of `Paraphrases`."""
    numbers: dict[bytes, int] = {}  # of phrases, in the order in which they are met
    sources: list[npt.NDArray[np.int32]] = []
    targets: list[npt.NDArray[np.int32]] = []
    rest: list[bytes] = []
    for chunk in chunks:
        lines = rest + chunk
        whole = len(lines) - len(lines) % 3
        rest = lines[whole:]
        for column, into in ((1, sources), (2, targets)):
            phrases = lines[column:whole:3]
            for phrase in phrases:
                if phrase not in numbers:
                    numbers[phrase] = len(numbers)
            into.append(np.fromiter(map(numbers.__getitem__, phrases), np.int32, len(phrases)))
    words, nodes, keys = _tree(list(numbers))
    del numbers
    source = nodes[np.concatenate(sources)] if sources else np.zeros(0, np.int32)
    target = nodes[np.concatenate(targets)] if targets else np.zeros(0, np.int32)
    known = (source > 0) & (target > 0)
    source, target = source[known], target[known]
    order = np.argsort(source, kind="stable")  # each phrase's paraphrases stay as the table lists them
    found, counts = np.unique(source, return_counts=True)
    return words, {
        "keys": keys,
        "sources": found,
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "targets": target[order],
    }


def _tree(phrases: list[bytes]) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The words, the node of each phrase (0 for one that is too long or empty), and the nodes' keys."""
    numbers: dict[bytes, int] = {}
    table = np.zeros((len(phrases), LONGEST), np.uint16)
    lengths = np.zeros(len(phrases), np.int8)
    for i, phrase in enumerate(phrases):
        words = phrase.split()
        if len(words) <= LONGEST:
            lengths[i] = len(words)
            for column, word in enumerate(words):
                table[i, column] = numbers.setdefault(word, len(numbers))
    if len(numbers) > 1 << 16:
        raise PictellError("too-large", "METEOR's paraphrases have more words than their index can number")
    nodes = np.zeros(len(phrases), np.int64)
    keys: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    first = 1
    for column in range(LONGEST):
        alive = np.flatnonzero(lengths > column)
        found, inverse = np.unique(nodes[alive] << 16 | table[alive, column], return_inverse=True)
        nodes[alive] = first + inverse
        keys.append(found)
        first += len(found)
    return [word.decode("utf-8", "replace") for word in numbers], nodes.astype(np.int32), np.concatenate(keys)
