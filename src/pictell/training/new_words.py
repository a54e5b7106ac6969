"""Words that a model does not know yet, added to its vocabulary and weights before it goes on learning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from pictell.language import Subwords, Vocabulary
from pictell.language.vocabulary import UNKNOWN


def with_new_words(vocabulary: Vocabulary, captions: Iterable[Sequence[str]], *, min_count: int) -> Vocabulary:
    """The vocabulary with the words after its own that the captions use at least `min_count` times.

    Blocked words never enter, see `Vocabulary.build`. A vocabulary of pieces can spell new words, and stays as it is.
    """
    if isinstance(vocabulary, Subwords):
        return vocabulary
    frequent = Vocabulary.build(captions, min_count=min_count).tokens[UNKNOWN + 1 :]
    new = [word for word in frequent if word not in vocabulary]
    return Vocabulary([*vocabulary.tokens, *new], language=vocabulary.language)


def grown(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], known: int) -> dict[str, Tensor]:
    """The weights of a network that knows `known` words, as one with the shapes of `wanted` begins with them.

    A new word is what the unknown word was: it is read as that, and what the unknown word was likely to be said is shared out
    among all of them, so that the words known before are as likely as ever.
    """
    found = {}
    for name, weight in weights.items():
        if name in wanted and weight.shape != wanted[name].shape and len(weight) == known:
            more = len(wanted[name]) - known
            rows = weight[UNKNOWN][None].expand(more, *weight.shape[1:]).clone()
            weight = torch.cat([weight, rows])
            if weight.ndim == 1:  # what is added to the words' scores
                weight[UNKNOWN] -= math.log(1 + more)
                weight[known:] -= math.log(1 + more)
        found[name] = weight
    return found
