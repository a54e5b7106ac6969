"""Decoders against the equations of their papers, written out as they stand there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pictell.models.decoders.aoanet import AoANet
from pictell.models.decoders.att2in import Att2in
from pictell.models.decoders.base import Decoder
from pictell.models.decoders.full_transformer import FullTransformer
from pictell.models.decoders.meshed_memory import MeshedMemory

P, R, D, H = 2, 3, 4, 6
TOKENS = (torch.tensor([1, 1]), torch.tensor([4, 8]))


def randomised(decoder: Decoder) -> Decoder:
    torch.manual_seed(0)
    for parameter in decoder.parameters():
        nn.init.normal_(parameter, std=0.5)
    return decoder.eval()


def second_step(decoder: Decoder, grid: Tensor) -> tuple[Tensor, Tensor | None]:
    memory, state = decoder.start(grid)
    _, state, _ = decoder.step(TOKENS[0], memory, state)
    found = decoder.step(TOKENS[1], memory, state)
    return found.log_probs, found.attention


@torch.no_grad()
def test_att2in() -> None:
    """Rennie et al. 2017, equations 4 to 6, and the attention of 3."""
    decoder = randomised(Att2in(9, D, R, embedding=5, hidden=H, attention=7))
    grid = torch.randn(P, R, D)
    images = decoder.project(grid)  # I_i
    h, c, alpha = torch.zeros(P, H), torch.zeros(P, H), torch.zeros(P, R)
    w, u = decoder.cell.from_input, decoder.cell.from_hidden
    for tokens in TOKENS:
        x = decoder.embed(tokens)
        a = decoder.attend.weigh(torch.tanh(decoder.attend.key(images) + decoder.attend.query(h)[:, None]))[..., 0]
        alpha = torch.softmax(a, dim=1)
        seen = (alpha[..., None] * images).sum(dim=1)
        i, f, o = (
            torch.sigmoid(
                x @ w.weight[k * H : (k + 1) * H].T + w.bias[k * H : (k + 1) * H] + h @ u.weight[k * H : (k + 1) * H].T
            )
            for k in range(3)
        )
        halves = [
            x @ w.weight[k * H : (k + 1) * H].T
            + w.bias[k * H : (k + 1) * H]
            + h @ u.weight[k * H : (k + 1) * H].T
            + seen @ decoder.from_context.weight[(k - 3) * H : (k - 2) * H].T
            for k in (3, 4)
        ]
        c = i * torch.stack(halves).amax(dim=0) + f * c
        h = o * torch.tanh(c)
    log_probs, attention = second_step(decoder, grid)
    torch.testing.assert_close(attention, alpha)
    torch.testing.assert_close(log_probs, torch.log_softmax(decoder.classify(h), dim=1))


def one_head_at_a_time(query: Tensor, key: Tensor, value: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Vaswani et al. 2017, section 3.2.2: queries `(Q, H)` over `(R, H)`; also the mean of the heads' weights."""
    size = query.shape[1] // heads
    found, weights = [], []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        weights.append(torch.softmax(query[:, part] @ key[:, part].T / size**0.5, dim=1))
        found.append(weights[-1] @ value[:, part])
    return torch.cat(found, dim=1), torch.stack(weights).mean(dim=0)


@torch.no_grad()
def test_aoanet() -> None:
    """Huang et al. 2019, equations 2 to 5 for the regions, 7 to 10 for the words; photo by photo, head by head."""
    decoder = randomised(AoANet(9, D, R, embedding=5, hidden=H, layers=2, heads=3))
    grid = torch.randn(P, R, D)

    def aoa(mix: nn.Linear, v: Tensor, q: Tensor) -> Tensor:
        wiv, wiq = mix.weight[:H, :H], mix.weight[:H, H:]
        wgv, wgq = mix.weight[H:, :H], mix.weight[H:, H:]
        information = q @ wiq.T + v @ wiv.T + mix.bias[:H]
        gate = torch.sigmoid(q @ wgq.T + v @ wgv.T + mix.bias[H:])
        return gate * information

    expected, looked = [], []
    for photo in range(P):
        a = decoder.project(grid[photo]) + decoder.position
        for layer in decoder.refine:
            x = layer.norm(a)
            q, k, v = (x @ layer.qkv.weight[n * H : (n + 1) * H].T for n in range(3))
            a = a + aoa(layer.aoa.mix, one_head_at_a_time(q, k, v, 3)[0], q)
        a = decoder.norm(a)
        h, m, c, weights = (torch.zeros(1, H) for _ in range(4))
        for tokens in TOKENS:
            gates = decoder.cell.from_input(decoder.embed(tokens[photo : photo + 1]))
            h, m = decoder.cell(gates + decoder.from_context(a.mean(dim=0) + c), h, m)
            v, weights = one_head_at_a_time(decoder.query(h), decoder.key(a), decoder.value(a), 3)
            c = aoa(decoder.aoa.mix, v, h)
        expected.append(torch.log_softmax(decoder.classify(c), dim=1))
        looked.append(weights)
    log_probs, attention = second_step(decoder, grid)
    torch.testing.assert_close(log_probs, torch.cat(expected))
    torch.testing.assert_close(attention, torch.cat(looked))


@torch.no_grad()
def test_meshed_memory() -> None:
    """Cornia et al. 2020, equations 2 to 5 for the encoder, 7 to 9 for what a layer finds in the photo."""
    decoder = randomised(MeshedMemory(9, D, R, hidden=H, layers=2, heads=3, inner=7, slots=4))
    grid = torch.randn(P, R, D)
    memory, _ = decoder.start(grid)
    layer = decoder.layers[1]
    y = torch.randn(P, H)
    words = _OneWordEach()
    found, weights = layer.attend_photo(y, words, memory["keys1"], memory["values1"])
    for photo in range(P):
        x, levels = decoder.project(grid[photo]) + decoder.position, []
        for encoder in decoder.encode:
            q, k, v = (encoder.norm(x) @ encoder.qkv.weight[n * H : (n + 1) * H].T for n in range(3))
            k = torch.cat([k, encoder.slot_keys.transpose(0, 1).flatten(1)])  # [W_k X, M_k]
            v = torch.cat([v, encoder.slot_values.transpose(0, 1).flatten(1)])
            x = x + encoder.out(one_head_at_a_time(q, k, v, 3)[0])
            x = x + encoder.think(x)
            levels.append(x)
        mesh, looked = torch.zeros(1, H), []
        for level, gate in zip(levels, layer.gates, strict=True):
            here = y[photo : photo + 1]
            context, where = one_head_at_a_time(layer.query(here), layer.key(level), layer.value(level), 3)
            context = layer.out_photo(context)  # C(X^i, Y)
            mesh = mesh + torch.sigmoid(gate(torch.cat([here, context], dim=1))) * context
            looked.append(where)
        torch.testing.assert_close(found[photo : photo + 1], mesh / 2**0.5)
        torch.testing.assert_close(weights[photo : photo + 1], torch.stack(looked).mean(dim=0))


@torch.no_grad()
def test_the_encoder_of_a_full_transformer() -> None:
    """Vaswani et al. 2017, section 3.1, normalised before each part; the decoder looks at what comes out."""
    decoder = randomised(FullTransformer(9, D, R, hidden=H, encoder_layers=2, layers=1, heads=3, inner=7))
    grid = torch.randn(P, R, D)
    memory, _ = decoder.start(grid)
    layer = decoder.layers[0]
    for photo in range(P):
        x = decoder.project(grid[photo]) + decoder.position
        for encoder in decoder.encode:
            q, k, v = (encoder.norm(x) @ encoder.qkv.weight[n * H : (n + 1) * H].T for n in range(3))
            x = x + encoder.out(one_head_at_a_time(q + encoder.qkv.query_bias, k, v, 3)[0])
            x = x + encoder.think(x)
        x = decoder.norm_regions(x)
        for name, expected in (("values0", layer.value(x)), ("keys0", layer.key(x))):
            found = memory[name][photo].transpose(0, 1) if name == "values0" else memory[name][photo].permute(2, 0, 1)
            torch.testing.assert_close(found.flatten(1), expected)


class _OneWordEach:
    """A word a photo, as the decoder's own packing has it."""

    causal = False

    def unpack(self, packed: Tensor) -> Tensor:
        return packed[:, None, None]

    def pack(self, unpacked: Tensor) -> Tensor:
        return unpacked.reshape(-1, unpacked.shape[-1])
