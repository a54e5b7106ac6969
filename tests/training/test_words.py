"""Words drawn from predictions: which may be said, and how likely each is then."""

from __future__ import annotations

import torch

from pictell.language.vocabulary import PAD, START, UNKNOWN
from pictell.training.words import sayable, sayable_ones


def test_what_is_never_said_has_no_share() -> None:
    log_probs = torch.log_softmax(torch.randn(4, 5, 9) * 3, dim=-1)
    found = sayable(log_probs).exp()
    assert found[..., [PAD, START, UNKNOWN]].abs().max() == 0
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(4, 5))
    torch.testing.assert_close(found[..., 5] / found[..., 6], (log_probs[..., 5] - log_probs[..., 6]).exp())


def test_one_word_a_row_is_as_likely_and_teaches_the_same() -> None:
    scores = torch.randn(40, 9).requires_grad_(True)
    words = torch.randint(4, 9, (40,))
    ones = sayable_ones(torch.log_softmax(scores, dim=-1), words)
    all_of_them = sayable(torch.log_softmax(scores, dim=-1)).gather(1, words[:, None])[:, 0]
    torch.testing.assert_close(ones, all_of_them)
    weights = torch.randn(40)
    one, other = (torch.autograd.grad((weights * found).sum(), scores)[0] for found in (ones, all_of_them))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_word_that_can_hardly_be_said_is_no_infinity() -> None:
    scores = torch.full((1, 6), -200.0)
    scores[0, UNKNOWN] = 200.0
    assert bool(sayable_ones(torch.log_softmax(scores, dim=-1), torch.tensor([4])).isfinite().all())
