"""The captioner: photos of every kind in, captions or errors out, in order; many at once as one by one."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import pictell
from pictell import Caption, Captioner, Photo, PictellError
from pictell.bundle import seal
from pictell.captioner import PhotoSource, load
from pictell.decoding import beam_search
from pictell.errors import BundleError, OptionError, PhotoError
from pictell.insight import explain
from pictell.steering import CaptionOptions


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return load(tiny_bundle, threads=1)


def picture(seed: int, size: tuple[int, int] = (40, 48)) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
    return np.array(small.resize((size[1], size[0]), Image.Resampling.NEAREST))


def encoded(pixels: NDArray[np.uint8], suffix: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, suffix)
    return buffer.getvalue()


def texts(results: list[Caption | PictellError]) -> list[str | None]:
    return [result.text if isinstance(result, Caption) else result.kind for result in results]


def test_a_caption_is_what_it_says(captioner: Captioner) -> None:
    caption = captioner.caption(picture(0))
    assert captioner.model == caption.model == "tiny@7"
    assert caption.text == " ".join(word.text for word in caption.words)
    assert 2 <= len(caption.words) <= 12
    assert all(0 < word.prob <= 1 for word in caption.words)
    assert caption.log_prob < 0
    assert np.exp(caption.log_prob) < np.prod([word.prob for word in caption.words])  # the end has its share
    assert caption.alternatives == ()
    assert caption.reason is None


def test_features_come_where_they_are_asked_for_and_change_nothing(captioner: Captioner) -> None:
    photos = [picture(seed) for seed in range(5)]
    plain, seen = captioner.caption_many(photos), captioner.caption_many(photos, features=True)
    assert plain == seen
    for photo, without, caption in zip(photos, plain, seen, strict=True):
        assert isinstance(without, Caption)
        assert isinstance(caption, Caption)
        assert without.features is None
        assert caption.features is not None
        alone = captioner.caption(photo, features=True).features
        np.testing.assert_allclose(caption.features, alone, rtol=1e-4, atol=1e-6)  # type: ignore[arg-type]


def test_attention_comes_where_it_is_asked_for_and_changes_nothing(captioner: Captioner) -> None:
    photos = [picture(seed) for seed in range(5)]
    plain, seen = captioner.caption_many(photos, num=3), captioner.caption_many(photos, num=3, attention=True)
    assert plain == seen
    for photo, without, caption in zip(photos, plain, seen, strict=True):
        assert isinstance(without, Caption)
        assert isinstance(caption, Caption)
        assert without.attention is None
        assert caption.attention is not None
        assert caption.attention.shape == (len(caption.words), 4, 4)
        np.testing.assert_allclose(caption.attention.sum(axis=(1, 2)), 1, rtol=1e-4)
        explained = explain(captioner, photo)
        if explained.text == caption.text:
            np.testing.assert_allclose(caption.attention, explained.maps, rtol=1e-3, atol=1e-5)
    assert not np.allclose(seen[0].attention[0], seen[1].attention[0])  # type: ignore[union-attr, index]


def test_every_kind_of_source_gives_the_same_caption(captioner: Captioner, tmp_path: Path) -> None:
    pixels = picture(1)
    path = tmp_path / "a photo\n名.png"
    path.write_bytes(encoded(pixels))
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, dtype=np.uint8)])
    sources: list[PhotoSource] = [
        pixels,
        path,
        str(path),
        path.read_bytes(),
        io.BytesIO(path.read_bytes()),
        Image.open(path),
        Image.fromarray(rgba),
        Photo(pixels, 48, 40, "PNG"),
        lambda: path,
        lambda: io.BytesIO(path.read_bytes()),
    ]
    captions = [captioner.caption(source) for source in sources]
    assert captions == [captions[0]] * len(sources)


def test_what_a_function_raises_is_the_error_in_its_place(captioner: Captioner) -> None:
    def fails() -> bytes:
        raise PhotoError("needs-exiftool", "x.nef: a raw file")

    error, caption = captioner.caption_many([fails, picture(1)])
    assert isinstance(error, PhotoError)
    assert error.message == "x.nef: a raw file"
    assert caption == captioner.caption(picture(1))


def test_a_pillow_image_is_turned_upright(captioner: Captioner) -> None:
    pixels = picture(2)
    lying = Image.fromarray(np.rot90(pixels).copy())
    lying.getexif()[0x0112] = 6  # to be turned a quarter clockwise
    assert captioner.caption(lying).text == captioner.caption(pixels).text


def test_alternatives_are_other_captions_best_first(captioner: Captioner) -> None:
    one = captioner.caption(picture(3), beam=5)
    caption = captioner.caption(picture(3), num=5)
    assert caption.text == one.text
    assert len(caption.alternatives) == 4
    assert len({caption.text, *(alternative.text for alternative in caption.alternatives)}) == 5
    log_probs = [caption.log_prob, *(alternative.log_prob for alternative in caption.alternatives)]
    assert log_probs == sorted(log_probs, reverse=True)


def test_captions_that_read_the_same_are_given_once(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captioner = load(tiny_bundle, threads=1)
    monkeypatch.setattr(captioner.bundle.vocabulary, "tokens", ["same"] * 34)
    caption = captioner.caption(picture(3), num=8)
    read = [caption.text, *(alternative.text for alternative in caption.alternatives)]
    assert len(set(read)) == len(read)


def spelling(tiny_bundle: Path, directory: Path, pieces: dict[int, str]) -> Captioner:
    """With a bundle that spells: its tokens are `pieces`, and words of one piece where there is none."""
    shutil.copytree(tiny_bundle, directory)
    tokens = json.loads((directory / "vocabulary.json").read_text(encoding="utf-8"))["tokens"]
    tokens[4:] = [pieces.get(number, f"{tokens[number]}</w>") for number in range(4, 34)]
    vocabulary = {"kind": "bpe", "language": "en", "pieces": tokens, "merges": []}
    (directory / "vocabulary.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    seal(directory, name="spelling", version=1, architecture={}, terms="")
    return load(directory, threads=1)


def test_words_spelt_in_pieces_have_one_probability_each(tiny_bundle: Path, tmp_path: Path) -> None:
    """Their pieces' product; the caption's own is what the search found, as it is for words of one piece."""
    words = load(tiny_bundle, threads=1)
    several = spelling(tiny_bundle, tmp_path / "several", {number: f"p{number}" for number in range(4, 34, 2)})
    spelt = 0
    for seed in range(8):
        caption = several.caption(picture(seed), num=3)
        memory = several.engine.encode(several.read(picture(seed))[None])
        [found] = beam_search(several.engine, memory, replace(several.bundle.generation, num=3))
        pieces = [several.bundle.vocabulary.tokens[token] for token in found[0].tokens]
        assert caption.text == "".join(pieces).replace("</w>", " ").strip()
        assert caption.text == " ".join(word.text for word in caption.words)
        assert caption.log_prob == pytest.approx(sum(found[0].word_log_probs))
        log_probs = iter(found[0].word_log_probs)
        for word in caption.words:
            total, text = 0.0, ""
            while not text.endswith("</w>"):
                text, total = text + pieces.pop(0), total + next(log_probs)
            assert word.text + "</w>" == text
            assert word.prob == pytest.approx(np.exp(total))
            spelt += text.startswith("p")
    assert spelt > 4
    whole = spelling(tiny_bundle, tmp_path / "whole", {})
    for seed in range(4):
        one, other = words.caption(picture(seed), num=3), whole.caption(picture(seed), num=3)
        assert (one.text, one.words, one.log_prob) == (other.text, other.words, other.log_prob)
        assert one.alternatives == other.alternatives


def test_the_most_words_are_words_where_they_are_spelt(tiny_bundle: Path, tmp_path: Path) -> None:
    captioner = spelling(tiny_bundle, tmp_path / "bundle", {number: f"p{number}" for number in range(4, 16)})
    lengths = set()
    for most in (1, 2, 3):
        captions = [captioner.caption(picture(seed), max_words=most, num=4) for seed in range(8)]
        texts = [text for c in captions for text in (c.text, *(a.text for a in c.alternatives)) if text]
        assert max(len(text.split()) for text in texts) == most
        assert all(text.split()[-1].rpartition("p")[2].rpartition("word")[1] == "word" for text in texts), "whole words"
        lengths |= {text.count("p") for text in texts}
    assert len(lengths) > 1


def test_no_blocked_word_is_spelt(tiny_bundle: Path, tmp_path: Path) -> None:
    """The model would say it of every photo, in two pieces."""
    words = load(tiny_bundle, threads=1)
    photos = [picture(seed) for seed in range(12)]
    tokens = words.bundle.vocabulary.to_numbers
    for photo in photos:
        first, second = tokens([word.text for word in words.caption(photo).words][:2])
        if first == second:
            continue
        captioner = spelling(tiny_bundle, tmp_path / f"{first} {second}", {first: "fa", second: "gs</w>"})
        for beam in (1, 3):
            caption = captioner.caption(photo, beam=beam, num=5)
            said = " ".join([str(caption.text), *(str(other.text) for other in caption.alternatives)])
            assert "fags" not in said.split()
            assert "fa" in said, "the piece is no blocked word"
        return
    pytest.fail("every caption begins with a word twice")


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (1, 3), (1, 16), (4, 1), (4, 3)])
def test_many_are_captioned_as_one_by_one_in_order(captioner: Captioner, threads: int, batch_size: int) -> None:
    photos = [picture(seed) for seed in range(11)]
    several = Captioner(captioner.bundle, captioner.engine, threads=threads)
    many = several.caption_many(photos, num=2, batch_size=batch_size)
    alone = [captioner.caption(photo, num=2) for photo in photos]
    assert texts(many) == texts(list(alone))
    assert len(set(texts(many))) > 5
    for one, other in zip(many, alone, strict=True):
        assert isinstance(one, Caption)
        assert [a.text for a in one.alternatives] == [a.text for a in other.alternatives]
        assert one.log_prob == pytest.approx(other.log_prob, rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_bad_photo_gives_its_error_in_its_place(captioner: Captioner, tmp_path: Path, batch_size: int) -> None:
    good = picture(5)
    truncated = encoded(picture(6), "JPEG")[:200]
    wrong: list[object] = [b"", b"some text", truncated, tmp_path / "none.jpg", tmp_path, 17, None]
    wrong += [good[..., :2], good.astype(np.float32), np.zeros((0, 4, 3), dtype=np.uint8), io.StringIO("text")]
    photos = [photo for bad in wrong for photo in (good, bad)]
    results = captioner.caption_many(photos, batch_size=batch_size)  # type: ignore[arg-type]  # wrong on purpose
    expected = captioner.caption(good).text
    assert texts(results[::2]) == [expected] * len(wrong)
    assert texts(results[1::2])[:5] == ["empty", "not-a-photo", "truncated", "missing", "is-a-directory"]
    assert texts(results[1::2])[5:] == ["not-a-photo"] * 6
    for error in results[1::2]:
        assert isinstance(error, PictellError)
        assert "\n" not in error.message
    with pytest.raises(PictellError, match="cut short"):
        captioner.caption(truncated)
    assert captioner.caption_many([b""]) != []
    assert captioner.caption_many([]) == []


def test_a_broken_pillow_image_is_an_error(captioner: Captioner) -> None:
    image = Image.open(io.BytesIO(encoded(picture(6, (300, 300)), "JPEG")[:900]))
    with pytest.raises(PictellError, match="given image"):
        captioner.caption(image)


def test_pictures_beyond_the_limit_are_refused(tiny_bundle: Path) -> None:
    captioner = load(tiny_bundle, threads=1)
    captioner.max_pixels = 100
    [result] = captioner.caption_many([encoded(picture(7))])
    assert isinstance(result, PictellError)
    assert result.kind == "too-large"


def test_options_reach_the_search(captioner: Captioner) -> None:
    assert len(captioner.caption(picture(8), max_words=1).words) == 1
    photos = [picture(seed) for seed in range(12)]
    greedy, wide = captioner.caption_many(photos, beam=1), captioner.caption_many(photos, beam=12)
    totals = [sum(r.log_prob for r in results if isinstance(r, Caption)) for results in (greedy, wide)]
    assert totals[1] > totals[0]
    with pytest.raises(PictellError, match="threads"):
        load(captioner.bundle.directory, threads=0)
    for wrong in ({"beam": 0}, {"num": 0}, {"max_words": 0}, {"max_words": -1}):
        with pytest.raises(PictellError, match="must be 1 to 100"):
            captioner.caption(picture(8), **wrong)
        with pytest.raises(PictellError, match="must be 1 to 100"):
            captioner.stream([], **wrong)
    with pytest.raises(PictellError, match="batch_size"):
        captioner.stream([], batch_size=0)


@pytest.mark.parametrize(
    "asked",
    [
        {"must": "word1|word2, word3", "must_not": "word4", "num": 2},
        {"start": "word5 word6", "no_repeat": 1, "min_words": 5, "target_words": 7},
        {"diversity": 0.5, "num": 3, "beam": 6},
        {"sample": True, "seed": 4, "temperature": 1.5, "top_k": 9, "top_p": 0.9, "num": 2},
        {"style": "hedged", "num": 2},
    ],
)
def test_what_is_asked_for_is_the_same_batched_or_alone(captioner: Captioner, asked: dict[str, Any]) -> None:
    photos = [picture(seed) for seed in range(9)]
    several = Captioner(captioner.bundle, captioner.engine, threads=2)
    many = several.caption_many(photos, CaptionOptions(**asked), batch_size=4)
    alone = [captioner.caption(photo, **asked) for photo in photos]
    assert texts(many) == texts(list(alone))
    for one, other in zip(many, alone, strict=True):
        assert isinstance(one, Caption)
        assert [a.text for a in one.alternatives] == [a.text for a in other.alternatives]
    # Neither place nor company bears on a photo.
    assert texts(several.caption_many(photos[::-1], **asked)) == texts(many)[::-1]


def test_samples_without_a_seed_are_others_each_time(captioner: Captioner) -> None:
    photos = [picture(seed) for seed in range(9)]
    drawn = [texts(captioner.caption_many(photos, sample=True, temperature=3.0)) for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_what_cannot_be_asked_of_a_model_is_told_without_a_photo(captioner: Captioner) -> None:
    captioner.check(CaptionOptions(must="word1"))
    with pytest.raises(OptionError, match="does not know"):
        captioner.check(CaptionOptions(must="dog"))
    with pytest.raises(OptionError, match="does not know"):
        captioner.stream(iter([]), must="dog")


def test_no_caption_as_asked_is_an_error_of_its_photo(captioner: Captioner) -> None:
    asked = CaptionOptions(must="word1 word1", no_repeat=1)
    [result] = captioner.caption_many([picture(0)], asked)
    assert isinstance(result, PictellError)
    assert result.kind == "no-caption"
    with pytest.raises(PictellError, match="no caption is as asked"):
        captioner.caption(picture(0), asked)


def test_an_ensemble_is_named_after_all_and_needs_the_same_words_and_eyes(
    tiny_bundle: Path, other_tiny_bundle: Path, tmp_path: Path
) -> None:
    both = load([tiny_bundle, other_tiny_bundle], threads=1)
    assert both.caption(picture(1)).model == both.model == "tiny@7+other@7"
    photos = [picture(seed) for seed in range(8)]
    for path in (tiny_bundle, other_tiny_bundle):
        assert texts(both.caption_many(photos)) != texts(load(path).caption_many(photos))
    with pytest.raises(OptionError, match="no models"):
        load([])
    changes = {"vocabulary.json": ('"word3"', '"other"'), "preprocessing.json": ("bilinear", "bicubic")}
    for name, (old, new) in changes.items():
        copy = Path(shutil.copytree(other_tiny_bundle, tmp_path / name))
        (copy / name).write_text((copy / name).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        seal(copy, name="changed", version=1, architecture={}, terms="For tests.")
        with pytest.raises(BundleError, match="make no ensemble") as caught:
            load([tiny_bundle, copy])
        assert caught.value.kind == "ensemble"


def test_a_stream_takes_no_more_than_it_needs(captioner: Captioner) -> None:
    taken = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        for seed in count():
            taken = seed + 1
            yield picture(seed % 5)

    results = captioner.stream(endless(), batch_size=4)
    assert taken == 0
    assert isinstance(next(results), Caption)
    assert taken <= 12
    list(islice(results, 9))
    assert taken <= 20
    before = threading.active_count()
    results.close()  # type: ignore[attr-defined]  # it is a generator
    deadline = time.monotonic() + 5
    while threading.active_count() >= before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() < before, "the readers go when the stream is closed"


def test_few_photos_are_shared_out_among_all_cores(tiny_bundle: Path) -> None:
    captioner = pictell.load(tiny_bundle, threads=3)
    assert list(islice(captioner._batch_sizes(8), 8)) == [2, 2, 2, 4, 4, 4, 8, 8]
    assert list(islice(captioner._batch_sizes(1), 3)) == [1, 1, 1]


def test_photos_are_read_while_the_network_runs(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    seen: list[int] = []
    reading, encode = captioner.read, captioner.engine.encode

    def slow_encode(pixels: NDArray[np.uint8]) -> object:
        deadline = time.monotonic() + 5
        while len(read) < min(8, 2 * (len(seen) + 2)) and time.monotonic() < deadline:
            time.sleep(0.005)
        # With two in a batch, the two after them are there before the network is done.
        seen.append(len(read))
        return encode(pixels)

    def counted(source: PhotoSource) -> NDArray[np.uint8]:
        pixels = reading(source)
        read.append(1)
        return pixels

    monkeypatch.setattr(captioner, "read", counted)
    monkeypatch.setattr(captioner.engine, "encode", slow_encode)
    captioner.caption_many([picture(seed) for seed in range(8)], batch_size=2)
    assert len(seen) == 4
    assert all(there >= min(8, 2 * (batch + 2)) for batch, there in enumerate(seen))


def test_an_error_that_is_nobodys_fault_is_not_swallowed(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: PhotoSource) -> NDArray[np.uint8]:
        raise ZeroDivisionError

    monkeypatch.setattr(captioner, "read", broken)
    with pytest.raises(ZeroDivisionError):
        captioner.caption_many([picture(0)])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_an_interrupt_does_not_wait_for_a_reader(tiny_bundle: Path, tmp_path: Path) -> None:
    """A pipe that nobody writes to blocks a reader for ever; the program still ends when it is interrupted."""
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    program = (
        "import signal, sys, pictell\n"
        "captioner = pictell.load(sys.argv[1], threads=1)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))\n"
        "try:\n"
        "    captioner.caption_many([sys.argv[2]])\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_bundle), str(pipe)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_importing_pictell_imports_nothing_heavy() -> None:
    program = (
        "import sys, pictell\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'PIL', 'typer', 'rich', 'yaml', 'safetensors'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert pictell.metrics.score and pictell.load and pictell.Captioner\n"
        "assert not {'torch', 'onnx', 'typer'} & set(sys.modules)\n"
        "assert set(pictell.__all__) <= set(dir(pictell))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = pictell.nothing_like_it


def test_captioning_opens_no_socket(tiny_bundle: Path) -> None:
    program = (
        "import sys, pictell\n"
        "def refuse(event, arguments):\n"
        "    assert not event.startswith('socket.'), event\n"
        "sys.addaudithook(refuse)\n"
        "captioner = pictell.load(sys.argv[1])\n"
        "print(*(caption.text for caption in captioner.caption_many(sys.argv[2:])), sep='\\n')\n"
    )
    photos = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.jpg"))
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_bundle), *map(str, photos)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(photos) > 1
