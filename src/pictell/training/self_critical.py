"""Self-critical sequence training (SCST; Rennie et al. 2017, arXiv 1612.00563).

Captions are drawn from the model and made more or less likely by how much more or less CIDEr-D (or BLEU-4) they earn than a
baseline:
the model's own greedy caption, or the mean of the photo's other samples (Luo 2020, arXiv 2003.09971). The end of a caption
is a word like others in the reward (see `CiderReward`). Sampling keeps no gradients: the drawn captions are read again by
teacher forcing, so that a step needs hardly more memory than cross-entropy on as many captions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pictell.data.augmentation import mirror_words
from pictell.language import Subwords, Vocabulary
from pictell.language.vocabulary import END, PAD, START, UNKNOWN
from pictell.metrics import BleuReward, CiderReward
from pictell.models.decoders.base import Decoder
from pictell.training.examples import Example
from pictell.training.recipe import SelfCritical
from pictell.training.subwords import SpeltWords
from pictell.training.words import draw, sayable, sayable_ones


class SelfCriticalLoss:
    """The policy gradient's loss for the photos of `examples`, whose captions are the references and give the idf."""

    def __init__(
        self, settings: SelfCritical, examples: Sequence[Example], vocabulary: Vocabulary, max_words: int
    ) -> None:
        self.settings = settings
        self.max_tokens = vocabulary.most_tokens(max_words)
        captions = [example.captions for example in examples]
        # A mirrored photo has references of its own where they say left or right; those of most photos are the same.
        self._mirrored = np.arange(len(captions))
        for index, texts in enumerate(captions[:]):
            turned = tuple(tuple(mirror_words(text)) for text in texts)
            if turned != texts:
                self._mirrored[index] = len(captions)
                captions.append(turned)
        self._spelt = SpeltWords(vocabulary, captions) if isinstance(vocabulary, Subwords) else None
        references = self._spelt.references if self._spelt else _references(captions, vocabulary)
        self._cider = CiderReward(references, end=END)
        self._bleu = BleuReward(references, end=END)

    def __call__(
        self, decoder: Decoder, grid: Tensor, indices: NDArray[np.int64], mirrored: NDArray[np.bool_]
    ) -> tuple[Tensor, float]:
        """The loss of one step on the grid `(B, R, D)` of the examples `indices (B,)`, `mirrored (B,)` or not, and the
        samples' mean reward."""
        indices = np.where(mirrored, self._mirrored[indices], indices)
        samples = self.settings.samples
        drawn = sample(decoder, grid, samples, self.max_tokens)  # (B, K, T)
        photos, _, length = drawn.shape
        rewards = self._reward(np.repeat(indices, samples), drawn.flatten(0, 1).cpu().numpy()).reshape(photos, samples)
        if self.settings.baseline == "greedy":
            greedy = sample(decoder, grid, 1, self.max_tokens, greedy=True)[:, 0]  # (B, T')
            baseline = self._reward(indices, greedy.cpu().numpy())[:, None]
        else:
            baseline = (rewards.sum(axis=1, keepdims=True) - rewards) / (samples - 1)
        advantage = torch.from_numpy((rewards - baseline).astype(np.float32)).to(grid.device)  # (B, K)
        read = torch.cat([drawn.new_full((photos, samples, 1), START), drawn[:, :, : length - 1]], dim=2)
        real = drawn != PAD
        log_probs = decoder.predict(decoder.outputs(grid, read * real)[real])  # (words, V)
        chosen = sayable_ones(log_probs, drawn[real])
        weights = advantage[:, :, None].expand(drawn.shape)[real]
        return -(weights * chosen).mean(), float(rewards.mean())

    def _reward(self, images: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of captions `(N, T)` of the photos `images (N,)`: a reward of whole words, also where they are spelt in pieces."""
        captions = self._spelt.read(drawn) if self._spelt else drawn
        total = np.zeros(len(images))
        for weight, metric in ((self.settings.cider_d, self._cider), (self.settings.bleu_4, self._bleu)):
            if weight:
                total += weight * metric(images, captions)
        return total


@torch.no_grad()
def sample(decoder: Decoder, grid: Tensor, samples: int, max_tokens: int, *, greedy: bool = False) -> Tensor:
    """Draws `samples` captions a photo from the decoder, or follows its likeliest words: `(P, K, T)`.

    Each ends with its `END`, padding follows; a caption that is not over after `max_tokens` tokens has no `END`. Drawn
    without dropout; padding, start and the unknown word are never drawn. The random numbers are PyTorch's own.
    """
    training = decoder.training
    decoder.eval()
    memory, state = decoder.start(grid)
    state = {name: tensor.repeat_interleave(samples, dim=0) for name, tensor in state.items()}  # (N, ...)
    rows = len(grid) * samples
    tokens = torch.full((rows,), START, device=grid.device)
    over = torch.zeros(rows, dtype=torch.bool, device=grid.device)
    drawn: list[Tensor] = []
    for _ in range(max_tokens + 1):
        log_probs, state, _ = decoder.step(tokens, memory, state)
        log_probs = sayable(log_probs)
        tokens = log_probs.argmax(dim=1) if greedy else draw(log_probs)
        if len(drawn) == max_tokens:
            tokens = torch.where(tokens == END, tokens, PAD)  # one more than allowed: an end or nothing
        drawn.append(tokens.masked_fill(over, PAD))
        over |= tokens == END
        if bool(over.all()):
            break
    decoder.train(training)
    return torch.stack(drawn, dim=1).view(len(grid), samples, -1)


def _references(photos: Sequence[Sequence[Sequence[str]]], vocabulary: Vocabulary) -> list[list[list[int]]]:
    """The captions as numbers; words outside the vocabulary get numbers of their own, which no sample can match."""
    others: dict[str, int] = {}
    return [
        [
            [
                number if number != UNKNOWN else others.setdefault(word, len(vocabulary) + len(others))
                for word, number in zip(caption, vocabulary.to_numbers(caption), strict=True)
            ]
            for caption in captions
        ]
        for captions in photos
    ]
