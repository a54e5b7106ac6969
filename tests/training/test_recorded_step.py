"""A recorded step computes what a step that is told anew computes; only a GPU can record."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pictell.training import Trainer, load_recipe
from pictell.training.recorded_step import RecordedStep

GPU = torch.cuda.is_available()  # as it is, before the other tests' fixtures hide it

pytestmark = pytest.mark.skipif(not GPU, reason="needs a GPU")


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
        trainer = Trainer(recipe, out)
        steps: list[list[torch.Tensor]] = []
        backward = trainer._backward

        def remember(*arguments: object, _backward=backward, _trainer=trainer, _steps=steps) -> tuple[float, float]:  # type: ignore[no-untyped-def]
            result = _backward(*arguments)
            _steps.append([parameter.grad.clone() for parameter in _trainer._trained()])
            return result  # type: ignore[no-any-return]

        monkeypatch.setattr(trainer, "_backward", remember)
        trainer.run()
        assert (trainer.recorded is not None) == recorded
        found.append(steps)
    assert len(found[0]) == len(found[1]) == 4
    for one, other in zip(*found, strict=True):
        size = torch.sqrt(sum(gradient.square().sum() for gradient in one))
        difference = torch.sqrt(sum((a - b).square().sum() for a, b in zip(one, other, strict=True)))
        assert difference < 0.01 * size


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
