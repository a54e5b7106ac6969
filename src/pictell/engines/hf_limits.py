"""How many words a sentence of a Hugging Face model may have, where the model counts pieces of words."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_JOINED = (".", ",", "!", "?")  # what WordPiece writes without a space before it
_MARKS = ("Ġ", "▁")  # of byte-level and of SentencePiece tokenisers, before pieces that begin a word


def begins_word(tokenizer: Any, size: int) -> NDArray[np.bool_]:
    """Which of the `size` tokens begin a word, (V,): WordPiece marks those that do not (`##`), others those that do."""
    tokens = [str(token) for token in tokenizer.convert_ids_to_tokens(range(min(size, len(tokenizer))))]
    if any(token.startswith("##") for token in tokens):
        begins = [not token.startswith("##") and token not in _JOINED for token in tokens]
    else:
        begins = [token.startswith(_MARKS) for token in tokens]
    found = np.zeros(size, np.bool_)
    found[: len(begins)] = begins
    found[[number for number in tokenizer.all_special_ids if number < size]] = False  # which are not written
    return found


class WordLimits:
    """A logits processor of transformers: no end before `least` words, no word after `most` of them, no piece after
    `most_tokens`, and no piece that goes on with the last word of a beginning of `words_before` words.

    It never changes the scores of what it lets pass. `begins` (V,) is of `begins_word`, `ends` are the tokens that end a
    sentence.
    """

    def __init__(
        self,
        begins: Tensor,
        ends: tuple[int, ...],
        *,
        least: int,
        most: int | None,
        most_tokens: int,
        words_before: int,
    ) -> None:
        self.begins = begins
        self.ends = list(ends)
        self.least = least
        self.most = most
        self.most_tokens = most_tokens
        self.words_before = words_before
        self.prompt: int | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`input_ids` (rows, T) read so far with the prompt, `scores` (rows, V) of the next token."""
        if self.prompt is None:
            self.prompt = input_ids.shape[1]
        said = input_ids[:, self.prompt :]  # (rows, t)
        begun = self.begins[said]
        if said.shape[1] and not self.words_before:
            begun = begun.clone()
            begun[:, 0] = True  # whatever comes first begins a word
        words = self.words_before + begun.sum(dim=1, keepdim=True)  # (rows, 1)
        ends = torch.zeros(scores.shape[1], dtype=torch.bool)
        ends[self.ends] = True
        begins = self.begins[: scores.shape[1]] if said.shape[1] or self.words_before else torch.ones_like(ends)
        barred = torch.zeros_like(scores, dtype=torch.bool)
        if self.most is not None:
            barred |= (words >= self.most) & (begins & ~ends)
        barred |= (words < self.least) & ends
        if self.words_before and not said.shape[1]:
            barred |= ~begins & ~ends
        if said.shape[1] >= self.most_tokens:
            barred = (~ends).expand_as(scores)
        return scores.masked_fill(barred, -torch.inf)
