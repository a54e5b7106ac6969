"""Training examples: which photos with which words, and batches of them in an order that depends on the seed alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pictell.data import CaptionedPhoto, load_dataset
from pictell.data.augmentation import Augmentation, Change, mirror_words
from pictell.data.perceptual_hash import hash_files, near_duplicates
from pictell.errors import PhotoError, PictellError, RecipeError
from pictell.language import Vocabulary, has_blocked_word, tokenise
from pictell.language.vocabulary import PAD
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.regions import RegionStore
from pictell.training.recipe import Data
from pictell.training.region_photos import RegionPhotos

T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """A photo and its tokenised captions."""

    photo: CaptionedPhoto
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Batch:
    """`indices (B,)` into the examples; words read `(B, K, T)` and words to predict `(B, K, T)`, padding 0; which photos
    are `mirrored (B,)`; `pixels (B, S, S, 3)` uint8 where the encoder runs (for region features `(B, R, D)` float32), or the
    `changes (B, 8)` to make to photos that are kept elsewhere; else both are `None`, and the features of the `views (B,)`
    are to be taken."""

    indices: NDArray[np.int64]
    read: NDArray[np.int64]
    predict: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    views: NDArray[np.int64]
    pixels: NDArray[np.uint8] | NDArray[np.float32] | None
    changes: NDArray[np.float32] | None = None

    def only(self, kept: NDArray[np.bool_] | slice) -> Batch:
        """The photos of `kept (B,)` alone, with no more padding than they need."""
        length = int((self.read[kept] != PAD).any(axis=(0, 1)).sum())  # words are followed by padding alone
        read, predict = self.read[kept, :, :length], self.predict[kept, :, :length]
        pixels = None if self.pixels is None else self.pixels[kept]
        changes = None if self.changes is None else self.changes[kept]
        return Batch(self.indices[kept], read, predict, self.mirrored[kept], self.views[kept], pixels, changes)


def load_split(
    data: Data, name: str, say: Callable[[str], None], regions: RegionStore | None = None
) -> list[CaptionedPhoto]:
    """Loads `SET/SPLIT` from the folder that the recipe gives for the set; `say` hears what was left out.

    With `regions` photos need to be there instead of on disk.
    """
    kind, _, split = name.partition("/")
    if kind not in data.folders:
        raise RecipeError("unknown-data", f"{name!r}: data.folders names no {kind!r}")
    name_and_folder, files = f"{kind}:{data.folders[kind]}", data.regions is None
    photos = load_dataset(name_and_folder, split, skip_missing=data.skip_missing, files=files, regions=regions, say=say)
    if name in data.limit:
        photos = sorted(photos, key=lambda photo: photo.id)[: data.limit[name]]
    return photos


def load_examples(data: Data, say: Callable[[str], None], regions: RegionStore | None = None) -> list[Example]:
    """The training examples of a recipe, held-out photos and blocked captions left out; `say` hears what was left out.

    With `regions` photos are held out by their names alone: nobody looks at them.
    """
    photos = [photo for name in data.train for photo in load_split(data, name, say, regions)]
    if data.held_out:
        held_out = [photo for name in data.held_out for photo in load_split(data, name, say)]
        keys = {photo.key for photo in held_out}
        alike: set[int] = set()
        if regions is None:
            photos, hashes = _readable(photos, "left out", say)
            held_out, others = _readable(held_out, "not compared", say)
            pairs = near_duplicates(hashes, others)
            for number, other in pairs:
                say(f"left out {photos[number].id}: looks like {held_out[other].id}")
            say(
                f"{len(photos)} training photos compared with {len(held_out)} held-out ones: {len(pairs) or 'none'} alike"
            )
            alike = {number for number, _ in pairs}
        photos = [photo for number, photo in enumerate(photos) if number not in alike and photo.key not in keys]
    examples, blocked, long = [], 0, 0
    for photo in photos:
        captions = [tuple(tokenise(caption)) for caption in photo.captions]
        clean = [caption for caption in captions if caption and not has_blocked_word(caption)]
        kept = tuple(caption for caption in clean if len(caption) <= data.max_words)
        blocked += len(captions) - len(clean)
        long += len(clean) - len(kept)
        if kept:
            examples.append(Example(photo, kept))
    say(f"{len(examples)} training photos, {sum(len(e.captions) for e in examples)} captions; "
        f"left out {blocked} captions with blocked words or none, {long} of more than {data.max_words} words")  # fmt: skip
    return examples


def _readable(
    photos: Sequence[CaptionedPhoto], otherwise: str, say: Callable[[str], None]
) -> tuple[list[CaptionedPhoto], NDArray[np.uint64]]:
    """The photos that can be opened, with their perceptual hashes; `say` hears what is `otherwise` done with a photo."""
    kept, hashes = [], []
    for photo in photos:
        try:
            hashes.append(hash_files([photo.path])[0])
            kept.append(photo)
        except PhotoError as error:
            say(f"{otherwise} {photo.id}: {error.message}")
    return kept, np.array(hashes, np.uint64)


@dataclass(frozen=True)
class Epoch:
    """The batches of an epoch, each made when it is asked for by its number.

    A batch depends on `seed`, `number` of the epoch and its own number alone, so that a resumed run sees what an unbroken
    one sees, whichever process makes it. With `preprocessing` photos are read and augmented too, without it each photo goes
    through its `views` from epoch to epoch. `share` is which of how many equal parts of each batch there is. Where photos
    are kept elsewhere, `missing` are the numbers of those that are not, and what is to be changed is told instead of read.
    With `regions` these are read in the place of photos.
    """

    examples: Sequence[Example]
    vocabulary: Vocabulary
    seed: int
    number: int
    batch_size: int
    captions: int
    preprocessing: Preprocessing | None
    augmentation: Augmentation
    views: int = 1
    share: tuple[int, int] = (0, 1)
    missing: frozenset[int] | None = None
    regions: RegionPhotos | None = None

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[Batch, list[str]]:
        """The batch of this number, and what is wrong with those photos that could not be read and are left out of it."""
        order = np.random.default_rng((self.seed, self.number)).permutation(len(self.examples))
        indices = order[number * self.batch_size : (number + 1) * self.batch_size][self.share[0] :: self.share[1]]
        words: list[list[Sequence[str]]] = []
        pixels: list[NDArray[Any]] = []
        changes: list[tuple[float, ...]] = []
        read_ones: list[tuple[int, bool, int]] = []
        faults: list[str] = []
        for index in indices.tolist():
            generator = np.random.default_rng((self.seed, self.number, index))
            example = self.examples[index]
            # A photo with fewer captions than asked for gives some of them twice.
            chosen = generator.permutation(
                np.resize(np.arange(len(example.captions)), max(self.captions, len(example.captions)))
            )
            texts: list[Sequence[str]] = [example.captions[i] for i in chosen[: self.captions]]
            view = (self.number + index) % self.views
            if self.regions is not None:
                try:
                    pixels.append(self.regions.of(example.photo))
                except PhotoError as error:
                    faults.append(f"skipped {error.message}")
                    continue
                mirrored = False
            elif self.preprocessing is None:
                mirrored = view > 0 and change(self.augmentation, self.seed, index, view).mirrored
            elif self.missing is not None:
                if index in self.missing:
                    continue
                drawn = self.augmentation.draw(generator)
                mirrored = drawn.mirrored
                changes.append((*drawn.box, *(drawn.factors or (1, 1, 1)), mirrored))
            else:
                try:
                    photo = open_photo(example.photo.path, smallest_side=self.preprocessing.smallest_side)
                except PhotoError as error:
                    faults.append(f"skipped {example.photo.id}: {error.message}")
                    continue
                drawn = self.augmentation.draw(generator)
                mirrored = drawn.mirrored
                pixels.append(drawn.apply(prepare(photo, self.preprocessing)))
            words.append([mirror_words(text) for text in texts] if mirrored else texts)
            read_ones.append((index, mirrored, view))
        read, predict = _numbers(words, self.captions, self.vocabulary)
        rows = np.array(read_ones, np.int64).reshape(-1, 3)
        seen = np.stack(pixels) if pixels else None
        told = np.array(changes, np.float32) if changes else None
        return Batch(rows[:, 0], read, predict, rows[:, 1].astype(bool), rows[:, 2], seen, told), faults


def batches(epoch: Epoch, *, first: int = 0, workers: int = 0, say: Callable[[str], None]) -> Iterator[Batch]:
    """The batches of an epoch from batch `first` on, made by so many `workers`, processes of their own, or by this one.

    A photo that cannot be read is told to `say` and left out of its batch, which may end up empty.
    """
    numbers = range(first, len(epoch))
    if workers:
        made: Iterable[tuple[Batch, list[str]] | PictellError] = DataLoader(
            _Shared(epoch),
            batch_size=None,
            sampler=numbers,
            num_workers=workers,
            collate_fn=_as_it_is,
            prefetch_factor=4,
        )
    else:
        made = map(epoch.__getitem__, numbers)
    for found in made:
        if isinstance(found, PictellError):
            raise found
        batch, faults = found
        for fault in faults:
            say(fault)
        yield batch if not isinstance(batch.pixels, Tensor) else replace(batch, pixels=batch.pixels.numpy())


class _Shared(Dataset[tuple[Batch, list[str]] | PictellError]):
    """An epoch whose pixels are tensors, which go from a worker to the reader in shared memory instead of through a pipe.

    An error that stops the run is handed over as it is: raised in a worker, it would come as a traceback in a message.
    """

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch

    def __getitem__(self, number: int) -> tuple[Batch, list[str]] | PictellError:
        try:
            batch, faults = self.epoch[number]
        except PictellError as error:
            return error
        pixels: Any = None if batch.pixels is None else torch.from_numpy(batch.pixels)
        return replace(batch, pixels=pixels), faults


def _as_it_is(item: T) -> T:
    return item


def change(augmentation: Augmentation, seed: int, index: int, view: int) -> Change:
    """How view `view` (1 or more; view 0 is the photo itself) of example `index` differs from the photo."""
    return augmentation.draw(np.random.default_rng((seed, index, view)))


def _numbers(
    words: Sequence[Sequence[Sequence[str]]], captions: int, vocabulary: Vocabulary
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbered = [[vocabulary.to_numbers(text) for text in texts] for texts in words]
    length = 1 + max((len(numbers) for texts in numbered for numbers in texts), default=0)
    read = np.full((len(words), captions, length), vocabulary.pad, np.int64)  # (B, K, T)
    predict = read.copy()
    for row, texts in enumerate(numbered):
        for column, numbers in enumerate(texts):
            read[row, column, : len(numbers) + 1] = [vocabulary.start, *numbers]
            predict[row, column, : len(numbers) + 1] = [*numbers, vocabulary.end]
    return read, predict


def ahead(items: Iterator[T], depth: int = 4) -> Iterator[T]:
    """Gives the items of an iterator that a thread of its own runs up to `depth` items ahead."""
    waiting: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(kind: str, item: T | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put((kind, item), timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if stopped.is_set():
                    return
            put("end", None)
        except BaseException as error:  # handed to the reader's thread, which raises it
            put("error", error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            kind, item = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(item, BaseException)
                raise item
            yield item  # type: ignore[misc]  # only items reach this line
    finally:
        stopped.set()
