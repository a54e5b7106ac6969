"""An ensemble of trained captioners whose predictions a student learns (Hinton et al. 2015, arXiv 1503.02531)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pictell.errors import RecipeError
from pictell.language import Vocabulary
from pictell.models import CaptioningModel, build_model
from pictell.models.decoders.packing import of_words
from pictell.training.checkpoint import load_checkpoint


class Teachers:
    """The best weights of some runs with the student's words; their networks may differ from each other and from it."""

    def __init__(self, runs: Sequence[str], vocabulary: Vocabulary, device: torch.device) -> None:
        self.models: list[CaptioningModel] = []
        for run in map(Path, runs):
            tensors, about = load_checkpoint(run / "best.safetensors")
            if Vocabulary.load(run / "vocabulary.json").tokens != vocabulary.tokens:
                raise RecipeError("other-vocabulary", f"the teacher {run} has other words than the student")
            try:
                model = build_model(about["architecture"], len(vocabulary))
                model.load_state_dict(tensors)
            except (KeyError, TypeError, RuntimeError) as error:
                raise RecipeError("checkpoint", f"{run}/best.safetensors does not fit its vocabulary.json") from error
            if about.get("round_weights"):
                model.encoder.round_weights(True)
            self.models.append(model.to(device).eval().requires_grad_(False))

    @torch.no_grad()
    def look(self, pixels: Tensor) -> list[Tensor]:
        """Photos `(B, S, S, 3)` as each teacher sees them, `(B, R, D)`."""
        return [model.encoder(pixels) for model in self.models]

    @torch.no_grad()
    def predict(self, grids: Sequence[Tensor], read: Tensor, real: Tensor) -> Tensor:
        """The mean of the teachers' probabilities of the words after those read `(B, K, T)`, at the `real` places: `(N, V)`."""
        log_probs = [
            model.decoder.predict(of_words(model.decoder.outputs(grid, read), real))
            for model, grid in zip(self.models, grids, strict=True)
        ]
        return (torch.stack(log_probs).logsumexp(dim=0) - math.log(len(log_probs))).exp()
