"""Learning from an ensemble: the target is the mean of its predictions, whatever networks it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pictell.errors import RecipeError
from pictell.language import Vocabulary
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint, save_checkpoint
from pictell.training.losses import caption_loss
from pictell.training.teachers import Teachers

PHASE = "phases=[{name: one, epochs: 1, lr: 1e-2}]"
WIDE = "model.decoder={name: show_and_tell, embedding: 6, hidden: 9}"
WORDS = 15
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teachers(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two runs of different decoders and encoders. Do not change them."""
    folder = tmp_path_factory.mktemp("teachers")
    for name, settings in (("one", ["seed=8"]), ("other", ["seed=9", WIDE, "phases.0.round_weights=true"])):
        best = Trainer(load_recipe(recipe_file, [PHASE, *settings]), folder / name).run()
        tensors, about = load_checkpoint(best)
        generator = torch.Generator().manual_seed(len(name))
        for key, value in tensors.items():
            if key.startswith("decoder.") and value.shape == (WORDS,):  # of the words' scores
                tensors[key] = value + 2 * torch.randn(WORDS, generator=generator)  # so that it has opinions
        save_checkpoint(best, tensors, about)
    return [str(folder / "one"), str(folder / "other")]


def vocabulary(run: str) -> Vocabulary:
    return Vocabulary.load(Path(run) / "vocabulary.json")


def test_they_predict_the_mean_of_their_probabilities(teachers: list[str]) -> None:
    words = vocabulary(teachers[0])
    pixels = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    read = torch.from_numpy(np.random.default_rng(0).integers(4, len(words), (3, 2, 5)))
    read[:, :, 0] = words.start
    read[1, :, 3:] = words.pad
    real = read != words.pad
    singles = []
    for run in teachers:
        alone = Teachers([run], words, CPU)
        singles.append(alone.predict(alone.look(pixels), read, real))
    both = Teachers(teachers, words, CPU)
    predicted = both.predict(both.look(pixels), read, real)
    assert predicted.shape == (int(real.sum()), len(words))
    torch.testing.assert_close(predicted, sum(singles) / 2)
    torch.testing.assert_close(predicted.sum(dim=1), torch.ones(len(predicted)))
    assert not torch.allclose(singles[0], singles[1], atol=1e-3)


def test_a_students_loss_is_least_where_it_agrees_with_them(teachers: list[str]) -> None:
    """Against its own predictions a model's gradient is nothing; against its teacher's it is what is to be learnt."""
    words = vocabulary(teachers[0])
    own = Teachers(teachers[:1], words, CPU)
    model = own.models[0].requires_grad_(True)
    grid = torch.randn(2, model.encoder.regions, model.encoder.channels)
    read = torch.tensor([[[words.start, 4, 5]], [[words.start, 6, 7]]])
    predict = torch.tensor([[[4, 5, words.end]], [[6, 7, words.end]]])
    other = Teachers(teachers[1:], words, CPU)
    gradients = []
    for target in (own, other):
        model.zero_grad()
        taught = target.predict([grid], read, predict != words.pad)
        caption_loss(model.decoder, grid, read, predict, 0.0, 0.0, taught, 1.0).backward()  # type: ignore[no-untyped-call]
        gradients.append(max(float(p.grad.abs().max()) for p in model.decoder.parameters() if p.grad is not None))
    assert gradients[0] < 1e-6 < 1e-3 < gradients[1]


@pytest.mark.parametrize("encoder", ["", "encoder_lr: 1e-5, ", "views: 2, "])
def test_a_student_comes_nearer_to_its_teachers(
    teachers: list[str], recipe_file: Path, tmp_path: Path, encoder: str
) -> None:
    """With cached features and with augmented photos; nobody else's captions are read for it."""
    phase = f"phases=[{{name: one, epochs: 6, lr: 5e-3, warmup: 1, {encoder}distillation: " \
            f"{{teachers: {teachers}, share: 1.0}}}}]"  # fmt: skip
    run = Trainer(load_recipe(recipe_file, [phase, "ema=0", "patience=9", "model.decoder.dropout=0"]), tmp_path / "out")
    run.run()
    losses = [row["loss"] for row in load_checkpoint(tmp_path / "out/last.safetensors")[1]["history"]]
    assert losses[-1] < losses[0] - 0.02
    features = list((tmp_path / "out/features").iterdir()) if (tmp_path / "out/features").exists() else []
    # Training photos for the student and each teacher, with both views; dev photos for the student alone.
    assert len(features) == {"": 4, "views: 2, ": 7}.get(encoder, 0)


def test_teachers_with_other_words_are_refused(teachers: list[str], recipe_file: Path, tmp_path: Path) -> None:
    phase = f"phases=[{{name: one, epochs: 1, lr: 1e-3, distillation: {{teachers: {teachers}}}}}]"
    with pytest.raises(RecipeError, match="other words") as caught:
        Trainer(load_recipe(recipe_file, [phase, "data.min_count=6"]), tmp_path / "out").run()
    assert caught.value.kind == "other-vocabulary"
    phase = "phases=[{name: one, epochs: 1, lr: 1e-3, distillation: {teachers: [nowhere]}}]"
    with pytest.raises(RecipeError, match="nowhere"):
        Trainer(load_recipe(recipe_file, [phase]), tmp_path / "out").run()
