"""A recorded step computes what a step that is told anew computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from pictell.models.decoders.packing import fixed_shapes
from pictell.training import Trainer, load_recipe, trainer
from pictell.training.recorded_step import Inputs, RecordedStep

GPU = torch.cuda.is_available()  # as it is, before the other tests' fixtures hide it

needs_gpu = pytest.mark.skipif(not GPU, reason="needs a GPU")


class Eager:
    """Stands in for what only a GPU has: the same step with the same shapes, not recorded but told anew."""

    widths: ClassVar[list[int]] = []  # how many words each call was given room for

    def __init__(
        self, loss: Callable[[Inputs], torch.Tensor], inputs: Inputs, parameters: Sequence[torch.Tensor]
    ) -> None:
        self.loss, self.parameters = loss, parameters
        self.shapes = {name: tensor.shape for name, tensor in inputs.items()}

    def __call__(self, inputs: Inputs) -> float:
        assert {name: tensor.shape for name, tensor in inputs.items()} == self.shapes
        Eager.widths.append(inputs["read"].shape[2])
        for parameter in self.parameters:
            parameter.grad = None
        with fixed_shapes():
            loss = self.loss(inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()


@pytest.mark.parametrize("photos", ["features", "pixels", "kept"])
def test_whole_batches_are_repeated_with_one_shape_and_the_last_one_is_not(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: str
) -> None:
    monkeypatch.setattr(trainer, "RecordedStep", Eager)
    monkeypatch.setattr(trainer, "can_record", lambda device: True)
    monkeypatch.setattr(Eager, "widths", [])
    found = []
    for recorded in (False, True):
        encoder_lr = "null" if photos == "features" else "1e-4"
        recipe = load_recipe(
            recipe_file,
            [
                "model.decoder={name: spatial_attention, dropout: 0.0}",
                "batch_size=3",
                f"keep_photos={photos == 'kept'}".lower(),
                f"record_steps={recorded}".lower(),
                f"phases=[{{name: first, epochs: 2, lr: 1e-3, encoder_lr: {encoder_lr}, captions: 2}}]",
            ],
        )
        run = Trainer(recipe, tmp_path / str(recorded))
        run.run()
        found.append((run.model.state_dict(), [row["loss"] for row in run.at.history]))
    assert len(run.examples) == 8
    room = run.vocabulary.most_tokens(run.recipe.data.max_words) + 1
    assert room > 1 + max(len(caption) for example in run.examples for caption in example.captions)
    assert Eager.widths == [room] * 4, "two of the three batches, in two epochs"
    (weights, losses), (others, other_losses) = found
    assert losses == pytest.approx(other_losses, abs=2e-4)
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-3, atol=1e-5)


def gradients_of(run: Trainer, monkeypatch: pytest.MonkeyPatch) -> list[list[torch.Tensor]]:
    """Runs it, and gives the gradients of each of its steps."""
    steps: list[list[torch.Tensor]] = []
    backward = run._backward

    def remember(*arguments: Any) -> tuple[float, float]:
        result = backward(*arguments)
        steps.append([parameter.grad.clone() for parameter in run._trained() if parameter.grad is not None])
        return result

    monkeypatch.setattr(run, "_backward", remember)
    run.run()
    return steps


@needs_gpu
@pytest.mark.parametrize("decoder", ["spatial_attention", "adaptive_attention", "up_down", "transformer"])
@pytest.mark.parametrize("keep", [True, False])
def test_gradients_are_those_of_a_step_told_anew(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoder: str, keep: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found = []
    for recorded in (False, True):
        out = tmp_path / str(recorded)
        recipe = load_recipe(
            recipe_file,
            [
                f"model.decoder={{name: {decoder}, dropout: 0.0}}",
                f"keep_photos={keep}".lower(),
                f"record_steps={recorded}".lower(),
                "phases=[{name: whole, epochs: 2, lr: 1e-3, encoder_lr: 1e-4, warmup: 2, captions: 2}]",
            ],
        )
        run = Trainer(recipe, out)
        found.append(gradients_of(run, monkeypatch))
        assert (run.recorded is not None) == recorded
    assert len(found[0]) == len(found[1]) == 4
    for one, other in zip(*found, strict=True):
        size = torch.sqrt(sum(gradient.square().sum() for gradient in one))
        difference = torch.sqrt(sum((a - b).square().sum() for a, b in zip(one, other, strict=True)))
        assert difference < 0.01 * size


@needs_gpu
def test_chance_is_new_in_each_repetition() -> None:
    weight = torch.ones(1000, device="cuda", requires_grad=True)
    step = RecordedStep(
        lambda inputs: (torch.nn.functional.dropout(weight, 0.5) * inputs["x"]).sum(),
        {"x": torch.ones((), device="cuda")},
        [weight],
    )
    found = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        step({"x": torch.full((), 3.0, device="cuda")})
        assert weight.grad is not None
        found.append(weight.grad.clone())
    assert set(found[0].unique().tolist()) == {0.0, 6.0}
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])
