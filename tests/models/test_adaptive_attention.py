"""The sentinel against the paper's equations, written out as they stand there."""

from __future__ import annotations

import torch

from pictell.models.decoders.adaptive_attention import AdaptiveAttention


@torch.no_grad()
def test_the_sentinel_is_one_more_region() -> None:
    torch.manual_seed(0)
    decoder = AdaptiveAttention(9, 4, 3, embedding=5, hidden=6, attention=7).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    grid, tokens = torch.randn(2, 3, 4), torch.tensor([4, 8])
    memory, state = decoder.start(grid)
    _, state, _ = decoder.step(torch.tensor([1, 1]), memory, state)
    found = decoder.step(tokens, memory, state)

    v = decoder.project(grid)  # (2, 3, 6)
    x = torch.cat([decoder.embed(tokens), decoder.whole(grid.mean(dim=1))], dim=1)  # x_t = [w_t; v^g]
    weight = torch.cat([decoder.cell.from_input.weight, decoder.sentinel.weight])
    bias = torch.cat([decoder.cell.from_input.bias, decoder.sentinel.bias])
    gates = x @ torch.cat([weight, decoder.from_whole.weight], dim=1).T + bias
    h, m = decoder.cell(gates[:, :24], state["hidden"], state["cell"])
    g = torch.sigmoid(gates[:, 24:] + decoder.sentinel_hidden(state["hidden"]))  # (9)
    s = g * torch.tanh(m)  # (10)
    w_g_h = decoder.attend.query(h)
    z = decoder.attend.weigh(torch.tanh(decoder.attend.key(v) + w_g_h[:, None]))[..., 0]  # (6)
    alpha = torch.softmax(z, dim=1)  # (7)
    sentinel = decoder.attend.weigh(torch.tanh(decoder.sentinel_key(s) + w_g_h))
    beta = torch.softmax(torch.cat([z, sentinel], dim=1), dim=1)[:, -1:]  # (12)
    c = (alpha[..., None] * v).sum(dim=1)
    said = beta * s + (1 - beta) * c + h  # (11) and (13)
    torch.testing.assert_close(found.attention, alpha)
    torch.testing.assert_close(found.log_probs, torch.log_softmax(decoder.classify(said), dim=1))
    assert ((beta > 0.02) & (beta < 0.98)).all(), "neither side hides the other"
