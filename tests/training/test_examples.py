"""Which photos and captions train, and in which order."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pictell.data import CaptionedPhoto
from pictell.data.augmentation import Augmentation
from pictell.errors import DataError, RecipeError
from pictell.language import Vocabulary
from pictell.photos import Preprocessing
from pictell.training import load_recipe
from pictell.training.examples import Batch, Epoch, Example, ahead, batches, change, load_examples, load_split
from pictell.training.recipe import Data

VOCABULARY = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", "a", "dog", "left", "right", "of", "it"])


def silent(text: str) -> None:
    """Hears what is left out, and says nothing."""


def made_up(count: int, captions: int = 3) -> list[Example]:
    """Examples whose captions tell them apart: number i has captions of 1 to 4 words, none twice."""
    generator = np.random.default_rng(0)
    found = []
    for number in range(count):
        texts = [
            tuple(generator.choice(["a", "dog", "left", "right", "of", "it", "new"], length).tolist())
            for length in generator.integers(1, 5, captions)
        ]
        found.append(Example(CaptionedPhoto(f"{number}", Path(f"{number}.png"), ()), tuple(texts)))
    return found


def made(examples: list[Example], first: int = 0, seed: int = 1, epoch: int = 0, captions: int = 2) -> list[Batch]:
    numbers = {"seed": seed, "number": epoch, "batch_size": 4, "captions": captions}
    whole = Epoch(examples, VOCABULARY, **numbers, preprocessing=None, augmentation=Augmentation())
    return list(batches(whole, first=first, say=silent))


def same(one: Batch, other: Batch) -> bool:
    return (
        np.array_equal(one.indices, other.indices)
        and np.array_equal(one.read, other.read)
        and np.array_equal(one.predict, other.predict)
        and (one.pixels is None) == (other.pixels is None)
        and (one.pixels is None or other.pixels is None or np.array_equal(one.pixels, other.pixels))
    )


@given(count=st.integers(1, 11), captions=st.integers(1, 5), seed=st.integers(0, 99), epoch=st.integers(0, 9))
def test_an_epoch_has_every_photo_once(count: int, captions: int, seed: int, epoch: int) -> None:
    examples = made_up(count)
    found = made(examples, seed=seed, epoch=epoch, captions=captions)
    assert sorted(np.concatenate([batch.indices for batch in found]).tolist()) == list(range(count))
    for batch in found:
        assert batch.pixels is None
        assert batch.read.shape == batch.predict.shape
        assert batch.read.shape[:2] == (len(batch.indices), captions)


@given(seed=st.integers(0, 99), epoch=st.integers(0, 9), captions=st.integers(1, 5))
def test_what_is_read_is_what_was_to_be_predicted_before(seed: int, epoch: int, captions: int) -> None:
    examples = made_up(9)
    for batch in made(examples, seed=seed, epoch=epoch, captions=captions):
        real = batch.predict != VOCABULARY.pad
        np.testing.assert_array_equal(batch.read != VOCABULARY.pad, real)
        assert real[:, :, -1].any(), "no column is padding alone"
        for row, index in enumerate(batch.indices):
            chosen = []
            for read, predict in zip(batch.read[row], batch.predict[row], strict=True):
                length = int((predict != VOCABULARY.pad).sum())
                assert read[0] == VOCABULARY.start
                assert predict[length - 1] == VOCABULARY.end
                np.testing.assert_array_equal(read[1:length], predict[: length - 1])
                chosen.append(predict[: length - 1].tolist())
            theirs = [VOCABULARY.to_numbers(text) for text in examples[index].captions]
            assert all(text in theirs for text in chosen)
            # Each caption as often as the others, give or take one.
            counts = [chosen.count(text) / theirs.count(text) for text in theirs]
            assert max(counts) - min(counts) <= 1


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    examples = made_up(11)
    found = made(examples)
    np.random.default_rng().random()  # somebody else's numbers matter to none
    assert all(same(one, other) for one, other in zip(found, made(examples), strict=True))
    for other in (made(examples, seed=2), made(examples, epoch=1)):
        assert not all(same(one, two) for one, two in zip(found, other, strict=True))


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_batch_depends_on_its_number_alone(first: int) -> None:
    examples = made_up(11)
    assert all(same(one, other) for one, other in zip(made(examples)[first:], made(examples, first), strict=True))


@pytest.fixture
def data(recipe_file: Path) -> Data:
    return load_recipe(recipe_file).data


def pictured_epoch(examples: list[Example], augmentation: Augmentation, *, batch_size: int, captions: int = 2) -> Epoch:
    """An epoch whose batches have the photos' pixels."""
    return Epoch(
        examples, VOCABULARY, seed=1, number=0, batch_size=batch_size, captions=captions,
        preprocessing=Preprocessing(size=64), augmentation=augmentation,
    )  # fmt: skip


def test_workers_make_the_same_batches_in_the_same_order(data: Data, tmp_path: Path) -> None:
    """And what they could not read is told as if there were none."""
    examples = load_examples(data, silent)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    examples[2] = replace(examples[2], photo=CaptionedPhoto(broken.name, broken, ()))
    heard: dict[int, list[str]] = {}
    for first in (0, 1):
        found = []
        for workers in (0, 2):
            say = heard.setdefault(workers, []).append
            epoch = pictured_epoch(examples, Augmentation(), batch_size=2)
            found.append(list(batches(epoch, first=first, workers=workers, say=say)))
        assert len(found[0]) == len(found[1]) > 1
        assert all(same(one, other) for one, other in zip(*found, strict=True))
        assert all(isinstance(batch.pixels, np.ndarray) for batch in found[1] if len(batch.indices))
    assert heard[0] == heard[2]
    assert heard[0]


def test_photos_are_read_and_augmented_alike_every_time(data: Data) -> None:
    examples = load_examples(data, silent)

    def pictured(first: int, augmentation: Augmentation) -> list[Batch]:
        return list(batches(pictured_epoch(examples, augmentation, batch_size=3), first=first, say=silent))

    found, resumed = pictured(0, Augmentation()), pictured(1, Augmentation())
    assert all(same(one, other) for one, other in zip(found[1:], resumed, strict=True))
    assert [batch.pixels.shape for batch in found if batch.pixels is not None] == [(3, 64, 64, 3)] * 2 + [
        (2, 64, 64, 3)
    ]
    plain = pictured(0, Augmentation(crop=1, colour=0, mirror=0))
    for batch, changed in zip(plain, found, strict=True):
        assert batch.pixels is not None
        assert changed.pixels is not None
        assert not np.array_equal(batch.pixels, changed.pixels)
        for index, pixels in zip(batch.indices, batch.pixels, strict=True):
            with Image.open(examples[index].photo.path) as image:
                np.testing.assert_array_equal(pixels, np.asarray(image))


def test_photos_that_cannot_be_read_are_named_and_skipped(data: Data, tmp_path: Path) -> None:
    """The others of the batch are as they would be without them; a batch of nothing else is empty."""
    examples = load_examples(data, silent)
    broken = list(examples)
    for number in (1, 2):
        path = tmp_path / f"broken {number}.jpg"
        path.write_bytes(b"no photo")
        broken[number] = replace(examples[number], photo=CaptionedPhoto(path.name, path, ()))
    heard: list[str] = []

    def read(examples: list[Example], say: Callable[[str], None]) -> list[Batch]:
        return list(batches(pictured_epoch(examples, Augmentation(), batch_size=1), say=say))

    whole, found = read(examples, silent), read(broken, heard.append)
    assert len(found) == len(whole)
    for one, other in zip(whole, found, strict=True):
        if int(one.indices[0]) in (1, 2):
            assert (len(other.indices), other.read.shape[:2], other.pixels) == (0, (0, 2), None)
        else:
            assert same(one, other)
    assert sorted(message.split(":")[0] for message in heard) == ["skipped broken 1.jpg", "skipped broken 2.jpg"]


def test_views_are_taken_in_turn_and_their_captions_mirrored() -> None:
    examples = [Example(CaptionedPhoto(str(n), Path(), ()), (("a", "dog", "left"),)) for n in range(6)]

    def seen(epoch: int, mirror: float) -> Batch:
        whole = Epoch(
            examples, VOCABULARY, seed=1, number=epoch, batch_size=6, captions=1,
            preprocessing=None, augmentation=Augmentation(mirror=mirror), views=3,
        )  # fmt: skip
        return next(batches(whole, say=silent))

    for mirror in (0.0, 0.5, 1.0):
        views: dict[int, list[int]] = {}
        for epoch in range(3):
            batch = seen(epoch, mirror)
            for row, index in enumerate(batch.indices.tolist()):
                view = int(batch.views[row])
                views.setdefault(index, []).append(view)
                drawn = view > 0 and change(Augmentation(mirror=mirror), 1, index, view).mirrored
                assert bool(batch.mirrored[row]) == drawn
                word = "right" if drawn else "left"
                assert VOCABULARY.to_words(batch.predict[row, 0]) == ["a", "dog", word]
                assert drawn == (mirror == 1 and view > 0) or mirror == 0.5
        assert all(sorted(found) == [0, 1, 2] for found in views.values())


def test_the_captions_of_a_mirrored_photo_are_mirrored(data: Data) -> None:
    photo = load_split(data, "flickr8k/train", silent)[0]
    examples = [Example(photo, (("a", "dog", "left", "of", "it"),))]

    def read(mirror: float) -> Batch:
        augmentation = Augmentation(crop=1, colour=0, mirror=mirror)
        return next(batches(pictured_epoch(examples, augmentation, batch_size=1, captions=1), say=silent))

    straight, mirrored = read(0), read(1)
    assert straight.pixels is not None
    assert mirrored.pixels is not None
    np.testing.assert_array_equal(mirrored.pixels, straight.pixels[:, :, ::-1])
    assert VOCABULARY.to_words(straight.predict[0, 0]) == ["a", "dog", "left", "of", "it"]
    assert VOCABULARY.to_words(mirrored.predict[0, 0]) == ["a", "dog", "right", "of", "it"]


@pytest.fixture
def own_data(data: Data, flickr8k: Path, tmp_path: Path) -> Data:
    """A copy of the data set, to be changed."""
    copy = Path(shutil.copytree(flickr8k, tmp_path / "copy"))
    return replace(data, folders={"flickr8k": str(copy)})


def add(data: Data, name: str, pixels: NDArray[np.uint8], captions: list[str]) -> None:
    """One more photo to train on."""
    folder = Path(data.folders["flickr8k"])
    Image.fromarray(pixels).save(folder / "Flicker8k_Dataset" / name, quality=60)
    with (folder / "Flickr8k_text/Flickr8k.token.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}#{k}\t{text}\n" for k, text in enumerate(captions))
    with (folder / "Flickr8k_text/Flickr_8k.trainImages.txt").open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


def test_a_photo_that_is_held_out_under_another_name_does_not_train(own_data: Data) -> None:
    held_out = load_split(own_data, "flickr8k/dev", silent)[1]
    with Image.open(held_out.path) as image:
        planted = np.asarray(image.resize((100, 80), Image.Resampling.BICUBIC))
    before = load_examples(own_data, silent)
    add(own_data, "planted.jpg", planted, ["A disc ."])
    said: list[str] = []
    assert load_examples(own_data, said.append) == before
    assert said[0] == f"left out planted.jpg: looks like {held_out.id}"
    assert said[1].endswith("held-out ones: 1 alike")
    unguarded = load_examples(replace(own_data, held_out=[]), silent)
    assert [example.photo.id for example in unguarded][-1] == "planted.jpg"


def test_a_photo_that_is_held_out_under_its_own_name_does_not_train(own_data: Data) -> None:
    everything = replace(own_data, train=["flickr8k/train", "flickr8k/dev"])
    assert load_examples(everything, silent) == load_examples(own_data, silent)


def coco_like(folder: Path, split: str, names: Sequence[str]) -> None:
    """A split of COCO with pictures of noise, all different, that look like no other."""
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number, name in enumerate(names):
        seed = sum(map(ord, split + name))
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((64, 64), Image.Resampling.NEAREST).save(folder / split / name)
        images.append({"id": number, "file_name": name})
        annotations.append({"id": number, "image_id": number, "caption": "A dog ."})
    content = json.dumps({"images": images, "annotations": annotations})
    (folder / f"annotations/captions_{split}.json").write_text(content, encoding="utf-8")


def test_equal_names_in_different_sets_do_not_clash(own_data: Data, tmp_path: Path) -> None:
    held_out = load_split(own_data, "flickr8k/dev", silent)[0]
    coco_like(tmp_path / "coco", "train2014", [held_out.id])
    mixed = replace(
        own_data,
        folders={**own_data.folders, "coco": str(tmp_path / "coco")},
        train=["flickr8k/train", "coco/train2014"],
    )
    found = load_examples(mixed, silent)
    assert found[:-1] == load_examples(own_data, silent)
    assert found[-1].photo.id == held_out.id


def test_a_held_out_photo_is_known_in_another_set_whatever_it_looks_like(own_data: Data, tmp_path: Path) -> None:
    coco_like(tmp_path / "coco", "val2014", ["COCO_val2014_000000000042.jpg"])
    coco_like(tmp_path / "coco", "train2017", ["000000000042.jpg", "000000000043.jpg"])
    mixed = replace(own_data, folders={"coco": str(tmp_path / "coco")}, train=["coco/train2017"])
    for held_out, kept in (([], ["42", "43"]), (["coco/val2014"], ["43"])):
        found = load_examples(replace(mixed, held_out=held_out), silent)
        assert [example.photo.id[10:12] for example in found] == kept


def test_missing_photos_stop_the_run_or_are_left_out_and_counted(own_data: Data) -> None:
    before = load_examples(own_data, silent)
    before[2].photo.path.unlink()
    with pytest.raises(DataError, match="not on disk"):
        load_examples(own_data, silent)
    said: list[str] = []
    assert load_examples(replace(own_data, skip_missing=True), said.append) == before[:2] + before[3:]
    assert "1 photos of the train split are not on disk" in said[0]


def test_blocked_long_and_empty_captions_do_not_train(own_data: Data, flickr8k: Path) -> None:
    pixels = np.random.default_rng(9).integers(0, 256, (64, 64, 3), np.uint8)
    before = load_examples(own_data, silent)
    add(own_data, "one.jpg", pixels, ["A whore .", "A dog .", "a a a a a a a a a a", "...", "A dog-whore runs ."])
    add(own_data, "two.jpg", pixels[::-1], ["Sluts ."])
    said: list[str] = []
    found = load_examples(own_data, said.append)
    assert found[:-1] == before
    assert found[-1].captions == (("a", "dog"),)
    assert said == [
        "10 training photos compared with 4 held-out ones: none alike",
        "9 training photos, 17 captions; left out 4 captions with blocked words or none, 1 of more than 9 words",
    ]


def test_a_data_set_without_a_folder_is_named(data: Data) -> None:
    with pytest.raises(RecipeError, match="'coco'") as caught:
        load_split(data, "coco/train2014", silent)
    assert caught.value.kind == "unknown-data"


def test_ahead_gives_the_same_items() -> None:
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter([]))) == []


def test_ahead_hands_on_what_went_wrong() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("in the other thread")

    source = ahead(items())
    assert next(source) == 1
    with pytest.raises(ValueError, match="in the other thread"):
        next(source)


def test_ahead_runs_so_far_ahead_and_ends_with_its_reader() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    before = threading.active_count()
    source = ahead(items(), depth=3)
    assert list(islice(source, 2)) == [0, 1]
    wait_for(lambda: len(taken) >= 6)
    assert len(taken) <= 7, "2 given, 3 waiting, 1 in hand"
    source.close()  # type: ignore[attr-defined]  # a generator, as the iterator that it is has none
    wait_for(lambda: threading.active_count() == before)
    assert len(taken) <= 8


def wait_for(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_limit_keeps_the_first_photos_by_name(flickr8k: Path) -> None:
    data = Data(folders={"flickr8k": str(flickr8k)}, train=["flickr8k/train"], dev="flickr8k/dev")
    every = sorted(photo.id for photo in load_split(data, "flickr8k/train", silent))
    limited = load_split(replace(data, limit={"flickr8k/train": 3}), "flickr8k/train", silent)
    assert [photo.id for photo in limited] == every[:3]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_that_stops_the_run_is_itself_whoever_meets_it(workers: int) -> None:
    class Broken(Epoch):
        def __getitem__(self, number: int) -> tuple[Batch, list[str]]:
            raise RecipeError("other-regions", f"batch {number} has other regions")

    examples = made_up(4)
    epoch = Broken(examples, VOCABULARY, 1, 0, 4, 2, None, Augmentation())
    with pytest.raises(RecipeError, match=r"^batch 0 has other regions$") as error:
        list(batches(epoch, workers=workers, say=silent))
    assert error.value.kind == "other-regions"
