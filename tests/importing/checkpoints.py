"""Small random checkpoints with the true names, and what they compute, written out in numpy from the published equations.

Nothing here uses pictell: each function takes the tensors by their own names, a photo's grid `(R, D)` and the rows of the words
read, and gives the log-probabilities after the last of them, in the checkpoint's own rows.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
Arrays = dict[str, Array]

CHANNELS, E, H, A, HEADS = 1280, 6, 8, 5, 2
WORDS = ("man", "dog", "rides", "a", "horse", "UNK", "on", "grass", "the", "red", "runs")
ROWS = len(WORDS) + 1


@dataclass(frozen=True)
class Kind:
    tensors: Callable[[np.random.Generator], Arrays]
    log_probs: Callable[[Arrays, Array, Sequence[int]], Array]


def linear(t: Arrays, name: str, x: Array) -> Array:
    found: Array = x @ t[f"{name}.weight"].T + t[f"{name}.bias"]
    return found


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    found: Array = e / e.sum(axis=-1, keepdims=True)
    return found


def log_softmax(x: Array) -> Array:
    found: Array = x - x.max() - np.log(np.exp(x - x.max()).sum())
    return found


def layer(random: np.random.Generator, name: str, inputs: int, outputs: int, scale: float = 1.0) -> Arrays:
    return {
        f"{name}.weight": random.normal(size=(outputs, inputs)) * scale / inputs**0.5,
        f"{name}.bias": random.normal(size=outputs) * 0.3,
    }


def maxout_lstm(t: Arrays, core: str, x: Array, h: Array, c: Array, seen: Array | None = None) -> tuple[Array, Array]:
    sums = linear(t, f"{core}.i2h", x) + linear(t, f"{core}.h2h", h)
    i, f, o = (sigmoid(sums[n * H : (n + 1) * H]) for n in range(3))
    z = sums[3 * H :] if seen is None else sums[3 * H :] + seen
    c = f * c + i * np.maximum(z[:H], z[H:])
    return o * np.tanh(c), c


def make_fc(see: str, core: str) -> Callable[[np.random.Generator], Arrays]:
    def make(random: np.random.Generator) -> Arrays:
        return {
            **layer(random, see, CHANNELS, E, 20),
            **layer(random, f"{core}.i2h", E, 5 * H),
            **layer(random, f"{core}.h2h", H, 5 * H),
            "embed.weight": random.normal(size=(ROWS, E)),
            **layer(random, "logit", H, ROWS, 4),
        }

    return make


def run_fc(see: str, core: str) -> Callable[[Arrays, Array, Sequence[int]], Array]:
    def run(t: Arrays, grid: Array, read: Sequence[int]) -> Array:
        h, c = maxout_lstm(t, core, linear(t, see, grid.mean(axis=0)), np.zeros(H), np.zeros(H))
        for row in read:
            h, c = maxout_lstm(t, core, t["embed.weight"][row], h, c)
        return log_softmax(linear(t, "logit", h))

    return run


def batch_norm_tensors(random: np.random.Generator, name: str, size: int) -> Arrays:
    return {
        f"{name}.weight": random.uniform(0.5, 1.5, size),
        f"{name}.bias": random.normal(size=size) * 0.2,
        f"{name}.running_mean": random.normal(size=size) * 0.1,
        f"{name}.running_var": random.uniform(0.5, 2, size),
        f"{name}.num_batches_tracked": np.array(7),
    }


def batch_norm(t: Arrays, name: str, x: Array) -> Array:
    centred = (x - t[f"{name}.running_mean"]) / np.sqrt(t[f"{name}.running_var"] + 1e-5)
    found: Array = centred * t[f"{name}.weight"] + t[f"{name}.bias"]
    return found


def region_tensors(random: np.random.Generator, hidden: int, use_bn: int) -> Arrays:
    found: Arrays = {}
    if use_bn:
        found |= batch_norm_tensors(random, "att_embed.0", CHANNELS)
    found |= layer(random, f"att_embed.{int(use_bn > 0)}", CHANNELS, hidden, 20)
    if use_bn == 2:
        found |= batch_norm_tensors(random, "att_embed.4", hidden)
    return found


def regions(t: Arrays, grid: Array) -> Array:
    place = int("att_embed.0.running_mean" in t)
    x = np.maximum(linear(t, f"att_embed.{place}", batch_norm(t, "att_embed.0", grid) if place else grid), 0)
    return batch_norm(t, "att_embed.4", x) if "att_embed.4.weight" in t else x


def attentive_tensors(random: np.random.Generator, use_bn: int) -> Arrays:
    return {
        "embed.0.weight": random.normal(size=(ROWS, E)),
        **region_tensors(random, H, use_bn),
        **layer(random, "logit", H, ROWS, 4),
        **layer(random, "ctx2att", H, A),
        **layer(random, "core.attention.h2att", H, A),
        **layer(random, "core.attention.alpha_net", A, 1, 3),
    }


def attend(t: Arrays, h: Array, v: Array) -> Array:
    scores = linear(
        t, "core.attention.alpha_net", np.tanh(linear(t, "ctx2att", v) + linear(t, "core.attention.h2att", h))
    )
    found: Array = softmax(scores[:, 0]) @ v
    return found


def make_att2in2(use_bn: int) -> Callable[[np.random.Generator], Arrays]:
    def make(random: np.random.Generator) -> Arrays:
        found = {
            **attentive_tensors(random, use_bn),
            **layer(random, "core.a2c", H, 2 * H),
            **layer(random, "core.i2h", E, 5 * H),
            **layer(random, "core.h2h", H, 5 * H),
        }
        if use_bn == 2:
            found["att_embed.4.weight"] *= np.where(np.arange(H) % 3, 1, -1)
        return found

    return make


def run_att2in2(t: Arrays, grid: Array, read: Sequence[int]) -> Array:
    v, h, c = regions(t, grid), np.zeros(H), np.zeros(H)
    for row in read:
        seen = linear(t, "core.a2c", attend(t, h, v))
        h, c = maxout_lstm(t, "core", np.maximum(t["embed.0.weight"][row], 0), h, c, seen)
    return log_softmax(linear(t, "logit", h))


def make_up_down(use_bn: int) -> Callable[[np.random.Generator], Arrays]:
    def make(random: np.random.Generator) -> Arrays:
        found = {**attentive_tensors(random, use_bn), **layer(random, "fc_embed.0", CHANNELS, H, 20)}
        for cell, inputs in (("core.att_lstm", E + 2 * H), ("core.lang_lstm", 2 * H)):
            for part, width in (("ih", inputs), ("hh", H)):
                both = layer(random, "", width, 4 * H)
                found |= {f"{cell}.weight_{part}": both[".weight"], f"{cell}.bias_{part}": both[".bias"]}
        return found

    return make


def torch_lstm(t: Arrays, name: str, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    sums = t[f"{name}.weight_ih"] @ x + t[f"{name}.bias_ih"] + t[f"{name}.weight_hh"] @ h + t[f"{name}.bias_hh"]
    i, f, g, o = np.split(sums, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def run_up_down(t: Arrays, grid: Array, read: Sequence[int]) -> Array:
    v, photo = regions(t, grid), np.maximum(linear(t, "fc_embed.0", grid.mean(axis=0)), 0)
    h1, c1, h2, c2 = (np.zeros(H) for _ in range(4))
    for row in read:
        word = np.maximum(t["embed.0.weight"][row], 0)
        h1, c1 = torch_lstm(t, "core.att_lstm", np.concatenate([h2, photo, word]), h1, c1)
        h2, c2 = torch_lstm(t, "core.lang_lstm", np.concatenate([attend(t, h1, v), h1]), h2, c2)
    return log_softmax(linear(t, "logit", h2))


def make_transformer(use_bn: int) -> Callable[[np.random.Generator], Arrays]:
    inner = 10

    def norm(random: np.random.Generator, name: str) -> Arrays:
        return {f"{name}.a_2": random.uniform(0.5, 1.5, H), f"{name}.b_2": random.normal(size=H) * 0.3}

    def make(random: np.random.Generator) -> Arrays:
        found = {
            **region_tensors(random, H, use_bn),
            "model.tgt_embed.0.lut.weight": random.normal(size=(ROWS, H)),
            "model.tgt_embed.1.pe": positions(50)[None],
            **layer(random, "model.generator.proj", H, ROWS, 4),
        }
        for side, depth, attentions in (("encoder", 2, ["self_attn"]), ("decoder", 3, ["self_attn", "src_attn"])):
            for number in range(depth):
                at = f"model.{side}.layers.{number}"
                for attention in attentions:
                    for k in range(4):
                        found |= layer(random, f"{at}.{attention}.linears.{k}", H, H, 1.5)
                found |= layer(random, f"{at}.feed_forward.w_1", H, inner)
                found |= layer(random, f"{at}.feed_forward.w_2", inner, H)
                for k in range(len(attentions) + 1):
                    found |= norm(random, f"{at}.sublayer.{k}.norm")
            found |= norm(random, f"model.{side}.norm")
        return found

    return make


def positions(length: int) -> Array:
    """Vaswani et al. 2017, section 3.5: sine and cosine in turn."""
    found = np.zeros((length, H))
    for place in range(length):
        for k in range(0, H, 2):
            angle = place / 10000 ** (k / H)
            found[place, k], found[place, k + 1] = np.sin(angle), np.cos(angle)
    return found


def run_transformer(t: Arrays, grid: Array, read: Sequence[int]) -> Array:
    """All words at once, each looking at those before it: the last one's prediction."""

    def norm(name: str, x: Array) -> Array:
        deviation = x.std(axis=-1, ddof=1, keepdims=True)
        found: Array = t[f"{name}.a_2"] * (x - x.mean(axis=-1, keepdims=True)) / (deviation + 1e-6) + t[f"{name}.b_2"]
        return found

    def attention(name: str, x: Array, over: Array, hide: Array | None = None) -> Array:
        query, key, value = (linear(t, f"{name}.linears.{k}", source) for k, source in enumerate((x, over, over)))
        width, found = H // HEADS, []
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = query[:, part] @ key[:, part].T / width**0.5
            found.append(softmax(scores if hide is None else np.where(hide, -1e9, scores)) @ value[:, part])
        return linear(t, f"{name}.linears.3", np.concatenate(found, axis=1))

    def think(at: str, x: Array) -> Array:
        return linear(t, f"{at}.feed_forward.w_2", np.maximum(linear(t, f"{at}.feed_forward.w_1", x), 0))

    x = regions(t, grid)
    for number in range(2):
        at = f"model.encoder.layers.{number}"
        y = norm(f"{at}.sublayer.0.norm", x)
        x = x + attention(f"{at}.self_attn", y, y)
        x = x + think(at, norm(f"{at}.sublayer.1.norm", x))
    photo = norm("model.encoder.norm", x)
    x = t["model.tgt_embed.0.lut.weight"][list(read)] * H**0.5 + positions(len(read))
    later = np.triu(np.ones((len(read), len(read)), bool), 1)
    for number in range(3):
        at = f"model.decoder.layers.{number}"
        y = norm(f"{at}.sublayer.0.norm", x)
        x = x + attention(f"{at}.self_attn", y, y, later)
        x = x + attention(f"{at}.src_attn", norm(f"{at}.sublayer.1.norm", x), photo)
        x = x + think(at, norm(f"{at}.sublayer.2.norm", x))
    return log_softmax(linear(t, "model.generator.proj", norm("model.decoder.norm", x)[-1]))


def make_im2txt(random: np.random.Generator) -> Arrays:
    rows = len(COUNTS) + 1
    return {
        "image_embedding/weights": random.normal(size=(CHANNELS, E)) * 20 / CHANNELS**0.5,
        "seq_embedding/map": random.normal(size=(rows, E)),
        "lstm/basic_lstm_cell/kernel": random.normal(size=(E + H, 4 * H)) / H**0.5,
        "lstm/basic_lstm_cell/bias": random.normal(size=4 * H) * 0.3,
        "logits/weights": random.normal(size=(H, rows)),
        "logits/biases": random.normal(size=rows) * 0.3,
    }


COUNTS = ("a", "<S>", "</S>", ".", "dog", "man", "horse", "on", "grass", "runs")
"""The lines of word_counts.txt; the row after them is that of unknown words."""


def run_im2txt(t: Arrays, grid: Array, read: Sequence[int]) -> Array:
    def step(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        sums = np.concatenate([x, h]) @ t["lstm/basic_lstm_cell/kernel"] + t["lstm/basic_lstm_cell/bias"]
        i, j, f, o = np.split(sums, 4)
        c = c * sigmoid(f + 1.0) + sigmoid(i) * np.tanh(j)
        return np.tanh(c) * sigmoid(o), c

    h, c = step(grid.mean(axis=0) @ t["image_embedding/weights"], np.zeros(H), np.zeros(H))
    for row in read:
        h, c = step(t["seq_embedding/map"][row], h, c)
    return log_softmax(h @ t["logits/weights"] + t["logits/biases"])


KINDS: dict[str, Kind] = {
    "fc": Kind(make_fc("img_embed", "core"), run_fc("img_embed", "core")),
    "newfc": Kind(make_fc("fc_embed", "_core"), run_fc("fc_embed", "_core")),
    **{f"att2in2-bn{bn}": Kind(make_att2in2(bn), run_att2in2) for bn in (0, 1, 2)},
    **{f"updown-bn{bn}": Kind(make_up_down(bn), run_up_down) for bn in (0, 1, 2)},
    **{f"transformer-bn{bn}": Kind(make_transformer(bn), run_transformer) for bn in (0, 1, 2)},
    "im2txt": Kind(make_im2txt, run_im2txt),
}


def tensors_of(kind: str, seed: int = 0) -> Arrays:
    """A checkpoint whose captions end: the end's row is likelier than chance has it."""
    found = KINDS[kind].tensors(np.random.default_rng(seed))
    for name, end in (("logit.bias", 0), ("model.generator.proj.bias", 0), ("logits/biases", 2)):
        if name in found:
            found[name][end] += 1.0
    return found


def as_state_dict(arrays: Arrays) -> dict[str, Any]:
    return OrderedDict(
        (name, torch.tensor(array, dtype=torch.int64 if array.ndim == 0 else torch.float32))
        for name, array in arrays.items()
    )


Write = Callable[..., tuple[Path, Path]]


def write_checkpoint(folder: Path, kind: str, changed: Arrays | None = None) -> tuple[Path, Path]:
    arrays = tensors_of(kind) if changed is None else changed
    if kind == "im2txt":
        path, words = folder / "variables.npz", folder / "word_counts.txt"
        np.savez(path, **{name: array.astype(np.float32) for name, array in arrays.items()})
        words.write_text("".join(f"{word} {100 - n}\n" for n, word in enumerate(COUNTS)), encoding="utf-8")
    else:
        path, words = folder / "model.pth", folder / "cocotalk.json"
        torch.save(as_state_dict(arrays), path)
        numbers = {str(number): word for number, word in enumerate(WORDS, start=1)}
        words.write_text(json.dumps({"ix_to_word": numbers, "images": []}), encoding="utf-8")
    return path, words
