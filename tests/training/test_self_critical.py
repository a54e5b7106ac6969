"""Self-critical training: what is drawn, that its gradient is the reward's, and that it raises the reward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pictell.data import CaptionedPhoto
from pictell.errors import RecipeError
from pictell.language import Vocabulary
from pictell.language.vocabulary import END, PAD, START, UNKNOWN
from pictell.models import DECODERS
from pictell.models.decoders.base import Decoder, Step, Tensors
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint
from pictell.training.examples import Example
from pictell.training.recipe import SelfCritical
from pictell.training.self_critical import SelfCriticalLoss, sample

WORDS = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", "a", "dog", "cat", "runs", "sits"])


def decoder(dropout: float = 0.0) -> Decoder:
    torch.manual_seed(1)
    return DECODERS["spatial_attention"](len(WORDS), 6, 4, embedding=8, hidden=12, output=10, heads=2, dropout=dropout)


def examples(*captions: str) -> list[Example]:
    """One example for each argument, its captions separated by `|`."""
    return [
        Example(CaptionedPhoto(str(n), Path(), ()), tuple(tuple(text.split()) for text in texts.split("|")))
        for n, texts in enumerate(captions)
    ]


TWO = examples("a dog runs|a dog|dog runs", "a cat sits|a cat|cat sits")


@pytest.mark.parametrize("greedy", [False, True])
def test_samples_are_captions(greedy: bool) -> None:
    """They end once or not at all, padding follows the end, nothing unsayable is drawn."""
    torch.manual_seed(0)
    drawn = sample(decoder(), torch.randn(3, 4, 6), 40, 5, greedy=greedy)  # (3, 40, T)
    assert drawn.shape[:2] == (3, 40)
    assert drawn.shape[2] <= 6
    assert not bool(((drawn == START) | (drawn == UNKNOWN)).any())
    lengths = []
    for row in drawn.flatten(0, 1).tolist():
        caption = row[: row.index(END)] if END in row else [word for word in row if word != PAD]
        assert PAD not in caption
        assert set(row[len(caption) + 1 :]) <= {PAD}
        lengths.append(len(caption))
    assert max(lengths) <= 5
    assert greedy or min(lengths) < max(lengths)


def test_samples_follow_the_model() -> None:
    """The first word's frequencies are the model's probabilities, the unsayable words left out."""
    torch.manual_seed(2)
    model, grid = decoder().eval(), torch.randn(1, 4, 6)
    drawn = sample(model, grid, 20_000, 1)[0, :, 0]
    found = torch.bincount(drawn, minlength=len(WORDS)) / len(drawn)
    expected = model(grid, torch.tensor([[[START]]]))[0, 0, 0].exp()
    expected[[PAD, START, UNKNOWN]] = 0
    torch.testing.assert_close(found, expected / expected.sum(), atol=0.015, rtol=0)


def test_what_the_model_never_says_is_never_drawn() -> None:
    """Over fifty million chances: a single such word would earn a gradient without bound."""

    class Certain(Decoder):
        def start(self, grid: Tensor) -> tuple[Tensors, Tensors]:
            return {}, {"rows": grid[:, 0, :1]}

        def step(self, tokens: Tensor, memory: Tensors, state: Tensors) -> Step:
            log_probs = torch.full((len(tokens), 5000), -90.0)
            log_probs[:, 7] = 0
            return Step(log_probs, state, None)

        def unroll(self, grid: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
            raise NotImplementedError

        def predict(self, outputs: Tensor) -> Tensor:
            raise NotImplementedError

    drawn = sample(Certain(), torch.zeros(2, 1, 1), 1000, 5)
    assert bool((drawn[:, :, :5] == 7).all())


def test_greedy_takes_the_likeliest_word_at_each_step() -> None:
    model, grid = decoder().eval(), torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(3))
    for photo, caption in zip(grid, sample(model, grid, 1, 6, greedy=True)[:, 0], strict=True):
        words = [word for word in caption.tolist() if word != PAD]
        read = torch.tensor([[[START, *words[:-1]]]])
        log_probs = model(photo[None], read)[0, 0]
        log_probs[:, [PAD, START, UNKNOWN]] = -torch.inf
        assert log_probs.argmax(dim=1).tolist() == words


def test_the_model_draws_as_it_decodes_and_is_left_as_it_was() -> None:
    """Without dropout, whatever the mode, and without a gradient."""
    model, grid = decoder(dropout=0.5).train(), torch.randn(4, 4, 6)
    first, second = (sample(model, grid, 1, 6, greedy=True) for _ in range(2))
    assert torch.equal(first, second)
    assert model.training
    assert not first.requires_grad


@pytest.mark.parametrize("baseline", ["leave_one_out", "greedy"])
def test_the_gradient_is_that_of_the_definition(baseline: str) -> None:
    """Word by word: minus the advantage times the log-probability, averaged over all words drawn."""
    grid = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(5))
    loss_of = SelfCriticalLoss(SelfCritical(samples=3, baseline=baseline), TWO, WORDS, 5)
    model = decoder().eval()
    torch.manual_seed(7)
    loss, reward = loss_of(model, grid, np.array([1, 0]), np.zeros(2, bool))
    torch.manual_seed(7)
    drawn = sample(model, grid, 3, 5)
    rewards = [loss_of._reward(np.array([place] * 3), drawn[row].numpy()) for row, place in enumerate((1, 0))]
    greedy = loss_of._reward([1, 0], sample(model, grid, 1, 5, greedy=True)[:, 0].numpy())
    terms = []
    for row in range(2):
        for k in range(3):
            others = [rewards[row][j] for j in range(3) if j != k]
            base = greedy[row] if baseline == "greedy" else sum(others) / 2
            words = [word for word in drawn[row, k].tolist() if word != PAD]
            log_probs = model(grid[row : row + 1], torch.tensor([[[START, *words[:-1]]]]))[0, 0]
            sayable = [word for word in range(len(WORDS)) if word not in (PAD, START, UNKNOWN)]
            log_probs = log_probs - log_probs[:, sayable].logsumexp(dim=1, keepdim=True)
            terms += [-(rewards[row][k] - base) * log_probs[t, word] for t, word in enumerate(words)]
    expected = torch.stack(terms).mean()
    assert reward == pytest.approx(np.mean(rewards))
    torch.testing.assert_close(loss, expected.to(loss.dtype), atol=1e-6, rtol=1e-5)
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, parameters),
        torch.autograd.grad(expected, parameters),
        atol=1e-6,
        rtol=1e-4,
    )


def test_it_learns_to_say_what_earns_the_reward() -> None:
    model, grid = decoder(), torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(8))
    loss_of = SelfCriticalLoss(SelfCritical(samples=8), TWO, WORDS, 4)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    torch.manual_seed(4)
    rewards = []
    for _ in range(150):
        loss, reward = loss_of(model, grid, np.arange(2), np.zeros(2, bool))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        optimiser.step()
        rewards.append(reward)
    assert np.mean(rewards[-10:]) > 3 * np.mean(rewards[:10])
    said = [WORDS.to_words(row.tolist()) for row in sample(model, grid, 1, 4, greedy=True)[:, 0]]
    assert "dog" in said[0]
    assert "cat" in said[1]


def test_words_outside_the_vocabulary_match_nothing() -> None:
    """A reference's unknown word is no word that a caption could hit by saying another unknown one."""
    strange = examples("a zebra runs", "a cat sits")
    reward = SelfCriticalLoss(SelfCritical(), strange, WORDS, 5)._reward
    unknown, known = reward(np.array([0, 0]), np.array([[4, UNKNOWN, 7, END], [4, 5, 7, END]]))
    assert unknown == pytest.approx(known)


PHASE = "phases=[{name: scst, epochs: 2, lr: 1e-3, warmup: 2, captions: 2, self_critical: {samples: 3}}]"


def test_a_run_of_it_can_be_repeated_and_says_the_reward(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on from another run's weights, as self-critical training does."""
    first = Trainer(load_recipe(recipe_file), tmp_path / "first").run()
    # Every epoch is better than what it began with, so that the weights compared have learnt something.
    monkeypatch.setattr(Trainer, "validate", lambda self, frozen: ({"CIDEr-D": float(self.at.epoch)}, []))
    runs = []
    for name in ("one", "other"):
        recipe = load_recipe(recipe_file, [PHASE, f"model.start_from={first}"])
        runs.append(load_checkpoint(Trainer(recipe, tmp_path / name).run())[0])
    assert all(torch.equal(value, runs[1][key]) for key, value in runs[0].items())
    lines = (tmp_path / "one/epochs.csv").read_text().splitlines()
    rewards = [float(line.split(",")[lines[0].split(",").index("reward")]) for line in lines[2:]]
    assert len(rewards) == 2, "beside the row of what it began with"
    assert all(0 <= reward <= 10 for reward in rewards)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("{samples: 1}", "samples is 1"),
        ("{samples: 0, baseline: greedy}", "samples is 0"),
        ("{cross_entropy: 1.5}", "cross_entropy is 1.5"),
        ("{baseline: mean}", "no 'mean'; known: leave_one_out, greedy"),
        ("{sample: 3}", "has no 'sample'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(recipe_file: Path, setting: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe_file, [f"phases.0.self_critical={setting}"])


def test_a_mirrored_photo_is_rewarded_for_mirrored_words() -> None:
    words = Vocabulary([*WORDS.tokens, "left", "right"])
    loss_of = SelfCriticalLoss(SelfCritical(), examples("a dog left", "a cat sits"), words, 5)
    left, right = words.to_numbers(["left", "right"])
    drawn = np.array([[4, 5, left, END], [4, 5, right, END]])
    straight, mirrored = (loss_of._reward(np.array([place] * 2), drawn) for place in (0, int(loss_of._mirrored[0])))
    assert straight[0] > straight[1]
    np.testing.assert_allclose(mirrored, straight[::-1])
    assert loss_of._mirrored[1] == 1, "no left and no right: the same captions"


def test_rewards_are_weighed() -> None:
    drawn = np.array([[4, 5, 7, END], [4, 6, END, END]])
    images = np.array([0, 0])
    parts = {}
    for name, settings in (
        ("cider", SelfCritical()),
        ("bleu", SelfCritical(cider_d=0, bleu_4=1)),
        ("both", SelfCritical(cider_d=0.5, bleu_4=2)),
    ):
        parts[name] = SelfCriticalLoss(settings, TWO, WORDS, 5)._reward(images, drawn)
    assert parts["bleu"][0] == pytest.approx(1)
    np.testing.assert_allclose(parts["both"], 0.5 * parts["cider"] + 2 * parts["bleu"])
