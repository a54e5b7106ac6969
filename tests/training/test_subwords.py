"""Training with words spelt in pieces: learning the pieces, rewards of words, and a run from its recipe to its bundle."""

from __future__ import annotations

import random
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.bundle import Bundle
from pictell.captioner import Captioner
from pictell.data import CaptionedPhoto
from pictell.data.augmentation import Augmentation
from pictell.decoding import beam_search
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import MissingExtraError, RecipeError
from pictell.language import Subwords, Vocabulary
from pictell.language.subwords import PIECES_A_WORD, WORD_END
from pictell.language.vocabulary import END, PAD, UNKNOWN
from pictell.models import build_model
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint
from pictell.training.examples import Epoch, Example
from pictell.training.from_run import bundle_from_run
from pictell.training.recipe import SelfCritical
from pictell.training.self_critical import SelfCriticalLoss
from pictell.training.subwords import SpeltWords, learn_subwords

words = st.text(alphabet="abcd-é", min_size=1, max_size=5).map(lambda word: f"{word.strip('-')}a")
captions = st.lists(st.lists(words, max_size=6), min_size=1, max_size=12)


@given(captions, st.integers(5, 60), st.integers(1, 3))
def test_each_merge_is_of_a_pair_that_is_most_frequent(texts: list[list[str]], size: int, min_count: int) -> None:
    """By the definition, step by step, until there are pieces enough or no pair is frequent enough."""
    vocabulary = learn_subwords(texts, size=size, min_count=min_count)
    spelt = [
        [*word[:-1], word[-1] + WORD_END]
        for text in texts
        for word in text
        if {*word, word[-1] + WORD_END} <= set(vocabulary.tokens)
    ]
    alphabet = set(vocabulary.tokens) - {left + right for left, right in vocabulary.merges}

    def frequencies() -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        for pieces in spelt:
            for pair in pairwise(pieces):
                counts[pair] = counts.get(pair, 0) + 1
        return counts

    for left, right in vocabulary.merges:
        counts = frequencies()
        assert counts[left, right] == max(counts.values()) >= min_count
        for pieces in spelt:
            place = 0
            while place < len(pieces) - 1:  # from the left: three of a kind are two and one
                if pieces[place : place + 2] == [left, right]:
                    pieces[place : place + 2] = [left + right]
                place += 1
    assert len(vocabulary) <= max(size, len(alphabet))
    assert len(vocabulary) >= size or max(frequencies().values(), default=0) < max(min_count, 1)
    characters = [character for text in texts for word in text for character in word]
    for character in "abcd-é":
        assert (character in vocabulary.tokens) == (characters.count(character) >= min_count)


def test_the_same_captions_give_the_same_pieces_in_any_order() -> None:
    """Where many pairs are equally frequent, too."""
    choose = random.Random(0)
    texts = [["".join(choose.choices("abcdefgh", k=choose.randint(1, 6)))] for _ in range(300)]
    first = learn_subwords(texts, size=90, min_count=2)
    for _ in range(5):
        choose.shuffle(texts)
        again = learn_subwords(iter(texts), size=90, min_count=2)
        assert (again.tokens, again.merges) == (first.tokens, first.merges)


def test_blocked_words_teach_nothing() -> None:
    texts = [["dog", "tits", "big-tits"]] * 9
    assert (
        learn_subwords(texts, size=99, min_count=1).tokens == learn_subwords([["dog"]] * 9, size=99, min_count=1).tokens
    )


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"pictell\[train\]"):
        learn_subwords([["dog"]], size=99, min_count=1)


# -- rewards ------------------------------------------------------------------------------------------------------

REFERENCES = [["a dog runs", "the dogs run"], ["a cat sits", "one cat-like thing 's there"], ["a bird flies", "birds"]]
SAID = sorted({word for texts in REFERENCES for text in texts for word in text.split()} | {"zebra", "bat"})


def examples() -> list[Example]:
    return [
        Example(CaptionedPhoto(str(n), Path(), ()), tuple(tuple(text.split()) for text in texts))
        for n, texts in enumerate(REFERENCES)
    ]


def pieces(size: int) -> Subwords:
    return learn_subwords([SAID] * 3, size=size, min_count=1)


def padded(rows: list[list[int]]) -> np.ndarray:
    length = max(map(len, rows))
    return np.array([[*row, *[PAD] * (length - len(row))] for row in rows], np.int64)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from(SAID), max_size=6), min_size=3, max_size=3),
    st.sampled_from([40, 60, 90]),
    st.sampled_from([SelfCritical(), SelfCritical(cider_d=0, bleu_4=1)]),
)
def test_a_caption_earns_what_it_earns_in_words(said: list[list[str]], size: int, reward: SelfCritical) -> None:
    spelling, whole = pieces(size), Vocabulary.build([SAID], min_count=1)
    rewards = [
        SelfCriticalLoss(reward, examples(), vocabulary, 9)._reward(
            np.arange(3), padded([[*vocabulary.to_numbers(text), END] for text in said])
        )
        for vocabulary in (spelling, whole)
    ]
    np.testing.assert_allclose(*rewards, atol=1e-12)


def test_a_word_broken_off_is_no_word_and_the_end_counts() -> None:
    vocabulary = pieces(40)
    loss_of = SelfCriticalLoss(SelfCritical(), examples(), vocabulary, 9)
    assert loss_of.max_tokens == 9 * PIECES_A_WORD
    caption = vocabulary.to_numbers(["a", "dog", "runs"])
    last = vocabulary.tokens[caption[-1]]
    assert last == "s" + WORD_END, "so that there is the same piece that ends no word"
    broken = [*caption[:-1], vocabulary.tokens.index("s")]
    rows = padded([[*caption, END], [*broken, END], caption, broken])
    whole, broken_off, without_end, neither = loss_of._reward(np.zeros(4, np.int64), rows)
    assert whole > broken_off
    assert whole > without_end > neither
    words = SpeltWords(vocabulary, [[text.split() for text in texts] for texts in REFERENCES])
    assert [len(row) for row in words.read(rows)] == [4, 4, 3, 3]
    assert words.read(rows)[0][:3] == words.references[0][0]


def test_the_captions_of_a_mirrored_photo_are_mirrored_before_they_are_spelt() -> None:
    vocabulary = learn_subwords([["dog", "left", "right"]] * 3, size=5, min_count=1)
    assert len(vocabulary.to_numbers(["left"])) == 4
    own = [Example(CaptionedPhoto("0", Path(), ()), (("dog", "left"),))]
    epoch = Epoch(
        own, vocabulary, seed=1, number=1, batch_size=1, captions=1, preprocessing=None,
        augmentation=Augmentation(mirror=1), views=2,
    )  # fmt: skip
    batch, _ = epoch[0]
    assert batch.mirrored.all()
    assert batch.predict[0, 0].tolist() == [*vocabulary.to_numbers(["dog", "right"]), END]
    assert batch.read[0, 0].tolist() == [vocabulary.start, *vocabulary.to_numbers(["dog", "right"])]


# -- a run --------------------------------------------------------------------------------------------------------

SPELLING = [
    "data.bpe_size=56",
    "phases.0.scheduled_sampling=0.5",
    "phases.1={name: scst, epochs: 2, lr: 1e-3, warmup: 2, captions: 2, self_critical: {samples: 3, baseline: greedy}}",
]


@pytest.fixture(scope="module")
def run(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run. Do not change it."""
    out = tmp_path_factory.mktemp("runs") / "spelling"
    Trainer(load_recipe(recipe_file, SPELLING), out).run()
    return out


def test_a_run_that_goes_on_ends_as_an_unbroken_one(
    recipe_file: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, left = Trainer._step, [0]

    def killed(*arguments: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_step", killed)
    for steps in (3, 4):  # into the first phase, and into the second
        left[0] = steps
        with pytest.raises(KeyboardInterrupt):
            Trainer(load_recipe(recipe_file, SPELLING), tmp_path).run()
    Trainer(load_recipe(recipe_file, SPELLING), tmp_path).run()
    for name in ("last.safetensors", "best.safetensors"):
        (one, about), (other, other_about) = (load_checkpoint(folder / name) for folder in (run, tmp_path))
        assert about | {"seconds": 0} == other_about | {"seconds": 0}
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    for name in ("epochs.csv", "vocabulary.json"):
        assert (run / name).read_bytes() == (tmp_path / name).read_bytes()


def test_its_bundle_says_what_the_network_says(run: Path, flickr8k: Path, tmp_path: Path) -> None:
    bundle = bundle_from_run(run, tmp_path / "bundle", name="spelling", version=1)
    vocabulary = bundle.vocabulary
    assert isinstance(vocabulary, Subwords)
    assert len(vocabulary) == 56
    assert bundle.generation.max_words == 9 * PIECES_A_WORD
    tensors, about = load_checkpoint(run / "best.safetensors")
    model = build_model(about["architecture"], len(vocabulary))
    model.load_state_dict(tensors)
    paths = sorted((flickr8k / "Flicker8k_Dataset").iterdir())
    pixels = np.stack([prepare(open_photo(path), Preprocessing(size=64)) for path in paths])
    found = [
        beam_search(engine, engine.encode(pixels), bundle.generation)
        for engine in (TorchEngine(model.eval()), OnnxEngine(Bundle.open(bundle.directory)))
    ]
    assert [[h.tokens for h in hypotheses] for hypotheses in found[0]] == [
        [h.tokens for h in hypotheses] for hypotheses in found[1]
    ]
    results = Captioner(bundle, OnnxEngine(bundle)).caption_many(paths)
    for result, [hypothesis, *_] in zip(results, found[0], strict=True):
        assert not isinstance(result, Exception)
        assert [word.text for word in result.words] == vocabulary.to_words(hypothesis.tokens)
        assert vocabulary.ends_word(hypothesis.tokens[-1])
        assert 1 <= len(result.words) <= 9
        assert result.log_prob == pytest.approx(hypothesis.log_prob, rel=1e-4)


def test_another_run_goes_on_with_its_pieces(recipe_file: Path, run: Path, tmp_path: Path) -> None:
    start = [f"model.start_from={run / 'best.safetensors'}", "data.min_count=2"]
    more = Trainer(load_recipe(recipe_file, start), tmp_path / "more")
    assert more.vocabulary.to_json() == (run / "vocabulary.json").read_text(encoding="utf-8")
    student = Trainer(load_recipe(recipe_file, [f"phases.0.distillation={{teachers: [{run}]}}"]), tmp_path / "words")
    with pytest.raises(RecipeError, match="other words"):
        student.run()


@pytest.mark.parametrize(("size", "message"), [("4", "it must be 5"), ("1e9", "expected"), ("2000000", "it must be 5")])
def test_sizes_that_make_no_sense_are_refused(recipe_file: Path, size: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe_file, [f"data.bpe_size={size}"])


def test_rare_characters_make_unknown_words() -> None:
    vocabulary = learn_subwords([["dog", "naïve"], ["dog", "nave"]] * 4, size=40, min_count=5)
    assert vocabulary.to_numbers(["naïve"]) == [UNKNOWN]
    assert UNKNOWN not in vocabulary.to_numbers(["nave", "vegan", "dog"])
