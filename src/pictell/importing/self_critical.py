"""Checkpoints of Ruotian Luo's self-critical.pytorch and ImageCaptioning.pytorch (github.com/ruotianluo, MIT).

What the names mean there, and which of pictell's decoders computes the same. Two biases that are added become one, a
bias that every region's score has goes, and batch norms whose statistics are fixed become part of the layers beside them.
"""

from __future__ import annotations

import math
from itertools import count

import torch
from torch import Tensor

from pictell.errors import CheckpointError
from pictell.importing.layout import Family, Imitation, Shapes, size
from pictell.importing.reading import Tensors
from pictell.importing.words import Words

_BATCH_NORM_EPSILON = 1e-5  # PyTorch's own, which these never change
_LAYER_NORM_EPSILON = 1e-12
_MADE_OF_NUMBERS = ("weight", "bias", "running_mean", "running_var")


class FC(Family):
    """The photo is read like a first word, by a maxout LSTM. `fc` and `newfc` differ in names alone."""

    def __init__(self, name: str, see: str, core: str) -> None:
        self.name = name
        self.see = see
        self.core = core

    def shapes(self, tensors: Tensors) -> Shapes:
        rows, embedding = size(tensors, "embed.weight", 0), size(tensors, "embed.weight", 1)
        hidden = size(tensors, "logit.weight", 1)
        return {
            f"{self.see}.weight": (embedding, size(tensors, f"{self.see}.weight", 1)),
            f"{self.see}.bias": (embedding,),
            f"{self.core}.i2h.weight": (5 * hidden, embedding),
            f"{self.core}.i2h.bias": (5 * hidden,),
            f"{self.core}.h2h.weight": (5 * hidden, hidden),
            f"{self.core}.h2h.bias": (5 * hidden,),
            "embed.weight": (rows, embedding),
            "logit.weight": (rows, hidden),
            "logit.bias": (rows,),
        }

    def channels(self, tensors: Tensors) -> int:
        return size(tensors, f"{self.see}.weight", 1)

    def rows(self, tensors: Tensors) -> int:
        return size(tensors, "embed.weight", 0)

    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        t, core = tensors, self.core
        return Imitation(
            {
                "name": "show_and_tell",
                "image": "input",
                "cell": "maxout_lstm",
                "embedding": size(t, "embed.weight", 1),
                "hidden": size(t, "logit.weight", 1),
            },
            {
                "see.weight": t[f"{self.see}.weight"],
                "see.bias": t[f"{self.see}.bias"],
                "cell.from_input.weight": t[f"{core}.i2h.weight"],
                "cell.from_input.bias": t[f"{core}.i2h.bias"] + t[f"{core}.h2h.bias"],
                "cell.from_hidden.weight": t[f"{core}.h2h.weight"],
                **_tables(words, t["embed.weight"], t["logit.weight"], t["logit.bias"]),
            },
        )


class _Attentive(Family):
    """What Att2in2 and Up-Down share: a layer over the regions, and the network that scores them."""

    def shapes(self, tensors: Tensors) -> Shapes:
        rows, embedding = size(tensors, "embed.0.weight", 0), size(tensors, "embed.0.weight", 1)
        hidden, attention = size(tensors, "logit.weight", 1), size(tensors, "ctx2att.weight", 0)
        return {
            "embed.0.weight": (rows, embedding),
            **_region_shapes(tensors, hidden),
            "logit.weight": (rows, hidden),
            "logit.bias": (rows,),
            "ctx2att.weight": (attention, hidden),
            "ctx2att.bias": (attention,),
            "core.attention.h2att.weight": (attention, hidden),
            "core.attention.h2att.bias": (attention,),
            "core.attention.alpha_net.weight": (1, attention),
            "core.attention.alpha_net.bias": (1,),
        }

    def channels(self, tensors: Tensors) -> int:
        return size(tensors, f"att_embed.{_place(tensors)}.weight", 1)

    def rows(self, tensors: Tensors) -> int:
        return size(tensors, "embed.0.weight", 0)

    def _shared(self, t: Tensors, words: Words) -> tuple[dict[str, int | bool], Tensors, Tensor, Tensor]:
        """Settings and weights that both have; and the scale and shift `(H,)` that regions get after the layer."""
        weight, bias, scale, shift = _regions(t)
        key = t["ctx2att.weight"]
        settings = {
            "embedding": size(t, "embed.0.weight", 1),
            "hidden": size(t, "logit.weight", 1),
            "attention": size(t, "ctx2att.weight", 0),
            "feature_norm": False,
        }
        weights = {
            "project.0.weight": weight,
            "project.0.bias": bias,
            "attend.key.weight": key * scale,
            "attend.key.bias": t["ctx2att.bias"] + t["core.attention.h2att.bias"] + key @ shift,
            "attend.query.weight": t["core.attention.h2att.weight"],
            "attend.weigh.weight": t["core.attention.alpha_net.weight"],
            **_tables(words, t["embed.0.weight"].relu(), t["logit.weight"], t["logit.bias"]),
        }
        return settings, weights, scale, shift


class Att2in2(_Attentive):
    """Rennie et al. 2017, with a layer over the regions and a ReLU after the embedding."""

    name = "Att2in2 (self-critical.pytorch)"

    def shapes(self, tensors: Tensors) -> Shapes:
        shared = super().shapes(tensors)
        hidden, embedding = size(tensors, "logit.weight", 1), size(tensors, "embed.0.weight", 1)
        return shared | {
            "core.a2c.weight": (2 * hidden, hidden),
            "core.a2c.bias": (2 * hidden,),
            "core.i2h.weight": (5 * hidden, embedding),
            "core.i2h.bias": (5 * hidden,),
            "core.h2h.weight": (5 * hidden, hidden),
            "core.h2h.bias": (5 * hidden,),
        }

    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        t = tensors
        shared, weights, scale, shift = self._shared(t, words)
        seen = t["core.a2c.weight"]  # (2H, H), of a mean of regions: weights that sum to 1 leave a shift as it is
        gates = t["core.i2h.bias"] + t["core.h2h.bias"]
        halves = len(seen)
        return Imitation(
            {"name": "att2in", **shared},
            weights
            | {
                "cell.from_input.weight": t["core.i2h.weight"],
                "cell.from_input.bias": torch.cat(
                    [gates[:-halves], gates[-halves:] + t["core.a2c.bias"] + seen @ shift]
                ),
                "cell.from_hidden.weight": t["core.h2h.weight"],
                "from_context.weight": seen * scale,
            },
        )


class UpDown(_Attentive):
    """Anderson et al. 2018, with the photo as a whole through a layer of its own."""

    name = "Up-Down (self-critical.pytorch)"

    def shapes(self, tensors: Tensors) -> Shapes:
        shared = super().shapes(tensors)
        hidden, embedding = size(tensors, "logit.weight", 1), size(tensors, "embed.0.weight", 1)
        inputs = {"att_lstm": embedding + 2 * hidden, "lang_lstm": 2 * hidden}
        return shared | {
            "fc_embed.0.weight": (hidden, self.channels(tensors)),
            "fc_embed.0.bias": (hidden,),
            **{f"core.{cell}.weight_ih": (4 * hidden, width) for cell, width in inputs.items()},
            **{f"core.{cell}.weight_hh": (4 * hidden, hidden) for cell in inputs},
            **{f"core.{cell}.bias_{part}": (4 * hidden,) for cell in inputs for part in ("ih", "hh")},
        }

    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        t = tensors
        shared, weights, scale, shift = self._shared(t, words)
        hidden = len(shift)
        widths = [hidden, hidden, size(t, "embed.0.weight", 1)]
        said, photo, word = torch.split(t["core.att_lstm.weight_ih"], widths, dim=1)
        context, looked = t["core.lang_lstm.weight_ih"].chunk(2, dim=1)
        return Imitation(
            {"name": "up_down", **shared, "photo": "layer"},
            weights
            | {
                "whole.0.weight": t["fc_embed.0.weight"],
                "whole.0.bias": t["fc_embed.0.bias"],
                "look.from_input.weight": word,
                "look.from_input.bias": t["core.att_lstm.bias_ih"] + t["core.att_lstm.bias_hh"],
                "look.from_hidden.weight": t["core.att_lstm.weight_hh"],
                "look_from_mean.weight": photo,
                "look_from_said.weight": said,
                "say.from_input.weight": torch.cat([context * scale, looked], dim=1),
                "say.from_input.bias": t["core.lang_lstm.bias_ih"] + t["core.lang_lstm.bias_hh"] + context @ shift,
                "say.from_hidden.weight": t["core.lang_lstm.weight_hh"],
            },
        )


class LuoTransformer(Family):
    """Encoder and decoder of "The Annotated Transformer", over regions without positions.

    It normalises by the standard deviation of a sample (of n - 1), adds its epsilon to that, and takes sines and cosines of
    positions in turn, where pictell has all sines first: the decoder's numbers stand in another order.
    """

    name = "Transformer (self-critical.pytorch)"
    ignored = ("model.tgt_embed.1.pe",)

    def shapes(self, tensors: Tensors) -> Shapes:
        rows, hidden = (size(tensors, "model.tgt_embed.0.lut.weight", axis) for axis in (0, 1))
        found = _region_shapes(tensors, hidden) | {
            "model.tgt_embed.0.lut.weight": (rows, hidden),
            "model.generator.proj.weight": (rows, hidden),
            "model.generator.proj.bias": (rows,),
        }
        for side, attentions in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "src_attn"))):
            for layer in range(max(1, _layers(tensors, side))):
                at = f"model.{side}.layers.{layer}"
                inner = size(tensors, f"{at}.feed_forward.w_1.weight", 0)
                for attention in attentions:
                    for number in range(4):
                        found[f"{at}.{attention}.linears.{number}.weight"] = (hidden, hidden)
                        found[f"{at}.{attention}.linears.{number}.bias"] = (hidden,)
                found[f"{at}.feed_forward.w_1.weight"] = (inner, hidden)
                found[f"{at}.feed_forward.w_1.bias"] = (inner,)
                found[f"{at}.feed_forward.w_2.weight"] = (hidden, inner)
                found[f"{at}.feed_forward.w_2.bias"] = (hidden,)
                for number in range(len(attentions) + 1):
                    found |= {f"{at}.sublayer.{number}.norm.{part}": (hidden,) for part in ("a_2", "b_2")}
            found |= {f"model.{side}.norm.{part}": (hidden,) for part in ("a_2", "b_2")}
        return found

    def channels(self, tensors: Tensors) -> int:
        return size(tensors, f"att_embed.{_place(tensors)}.weight", 1)

    def rows(self, tensors: Tensors) -> int:
        return size(tensors, "model.tgt_embed.0.lut.weight", 0)

    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        t = tensors
        weight, bias, scale, shift = _regions(t)
        if (scale <= 0).any():
            raise CheckpointError(
                "batch-norm", "the batch norm after att_embed turns regions' signs round, which pictell cannot imitate"
            )
        hidden = len(bias)
        order = torch.cat([torch.arange(0, hidden, 2), torch.arange(1, hidden, 2)])
        table, last = t["model.tgt_embed.0.lut.weight"], t["model.generator.proj.weight"]
        weights = {
            "project.0.weight": weight * scale[:, None],  # a positive scale passes through a ReLU
            "project.0.bias": bias * scale,
            "position": shift,  # `(H,)`, for all regions alike
            **_norm(t, "model.encoder.norm", "norm_regions"),
            **_norm(t, "model.decoder.norm", "norm", order),
            **_tables(words, table[:, order], last[:, order], t["model.generator.proj.bias"]),
        }
        for layer in range(_layers(t, "encoder")):
            theirs, ours = f"model.encoder.layers.{layer}", f"encode.{layer}"
            weights |= _norm(t, f"{theirs}.sublayer.0.norm", f"{ours}.norm")
            weights |= _self_attention(t, f"{theirs}.self_attn", f"{ours}.qkv", f"{ours}.out")
            weights |= _think(t, theirs, 1, ours)
        for layer in range(_layers(t, "decoder")):
            theirs, ours = f"model.decoder.layers.{layer}", f"layers.{layer}"
            weights |= _norm(t, f"{theirs}.sublayer.0.norm", f"{ours}.norm_words", order)
            weights |= _self_attention(t, f"{theirs}.self_attn", f"{ours}.qkv", f"{ours}.out_words", order)
            weights |= _norm(t, f"{theirs}.sublayer.1.norm", f"{ours}.norm_photo", order)
            query, key, value, out = (t[f"{theirs}.src_attn.linears.{number}.weight"] for number in range(4))
            weights |= {
                f"{ours}.query.weight": query[:, order],
                f"{ours}.query.bias": t[f"{theirs}.src_attn.linears.0.bias"],
                f"{ours}.key.weight": key,
                f"{ours}.value.weight": value,
                f"{ours}.out_photo.weight": out[order],
                f"{ours}.out_photo.bias": _out_bias(t, f"{theirs}.src_attn")[order],
            }
            weights |= _think(t, theirs, 2, ours, order)
        return Imitation(
            {
                "name": "full_transformer",
                "hidden": hidden,
                "encoder_layers": _layers(t, "encoder"),
                "layers": _layers(t, "decoder"),
                "heads": settings["heads"],
                "inner": size(t, "model.encoder.layers.0.feed_forward.w_1.weight", 0),
                "norm_epsilon": _LAYER_NORM_EPSILON,
            },
            weights,
        )


def _place(tensors: Tensors) -> int:
    """Where the linear layer stands in `att_embed`: after a batch norm, with `use_bn`."""
    return int("att_embed.0.running_mean" in tensors)


def _region_shapes(tensors: Tensors, hidden: int) -> Shapes:
    """`att_embed`: a linear layer and a ReLU, with a batch norm before (`use_bn` 1) or before and after (2)."""
    place = _place(tensors)
    channels = size(tensors, f"att_embed.{place}.weight", 1)
    found: Shapes = {f"att_embed.{place}.weight": (hidden, channels), f"att_embed.{place}.bias": (hidden,)}
    if place:
        found |= {f"att_embed.0.{part}": (channels,) for part in _MADE_OF_NUMBERS}
        if "att_embed.4.running_mean" in tensors:
            found |= {f"att_embed.4.{part}": (hidden,) for part in _MADE_OF_NUMBERS}
    return found


def _regions(tensors: Tensors) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`att_embed` without its batch norms: weight and bias of the layer, and the scale and shift `(H,)` after its ReLU."""
    place = _place(tensors)
    weight, bias = tensors[f"att_embed.{place}.weight"], tensors[f"att_embed.{place}.bias"]
    if place:
        scale, shift = _batch_norm(tensors, "att_embed.0")
        weight, bias = weight * scale, bias + weight @ shift
    if "att_embed.4.weight" in tensors:
        return weight, bias, *_batch_norm(tensors, "att_embed.4")
    return weight, bias, torch.ones_like(bias), torch.zeros_like(bias)


def _batch_norm(tensors: Tensors, name: str) -> tuple[Tensor, Tensor]:
    """What a batch norm with fixed statistics does: `x * scale + shift`."""
    weight, bias, mean, variance = (tensors[f"{name}.{part}"] for part in _MADE_OF_NUMBERS)
    scale = weight / torch.sqrt(variance + _BATCH_NORM_EPSILON)
    return scale, bias - mean * scale


def _tables(words: Words, embedding: Tensor, weight: Tensor, bias: Tensor) -> Tensors:
    weight, bias = words.prediction(weight, bias)
    return {"embed.weight": words.embedding(embedding), "classify.weight": weight, "classify.bias": bias}


def _layers(tensors: Tensors, side: str) -> int:
    """How many layers the encoder or decoder has."""
    name = f"model.{side}.layers.{{}}.feed_forward.w_1.weight"
    return next(number for number in count() if name.format(number) not in tensors)


def _norm(tensors: Tensors, theirs: str, ours: str, order: Tensor | None = None) -> Tensors:
    """A norm by the deviation of a sample, which is larger than the one over all numbers by the root of n / (n - 1)."""
    weight, bias = tensors[f"{theirs}.a_2"], tensors[f"{theirs}.b_2"]
    weight = weight * math.sqrt((len(weight) - 1) / len(weight))
    return {f"{ours}.weight": _ordered(weight, order), f"{ours}.bias": _ordered(bias, order)}


def _self_attention(tensors: Tensors, theirs: str, qkv: str, out: str, order: Tensor | None = None) -> Tensors:
    weights = torch.cat([tensors[f"{theirs}.linears.{number}.weight"] for number in range(3)])
    return {
        f"{qkv}.weight": weights if order is None else weights[:, order],
        f"{qkv}.query_bias": tensors[f"{theirs}.linears.0.bias"],
        f"{out}.weight": _ordered(tensors[f"{theirs}.linears.3.weight"], order),
        f"{out}.bias": _ordered(_out_bias(tensors, theirs), order),
    }


def _out_bias(tensors: Tensors, attention: str) -> Tensor:
    """The bias after attention with that of the values in it, which every mean of values has."""
    last = f"{attention}.linears.3"
    return tensors[f"{last}.bias"] + tensors[f"{last}.weight"] @ tensors[f"{attention}.linears.2.bias"]


def _think(tensors: Tensors, theirs: str, sublayer: int, ours: str, order: Tensor | None = None) -> Tensors:
    inward = tensors[f"{theirs}.feed_forward.w_1.weight"]
    return {
        **_norm(tensors, f"{theirs}.sublayer.{sublayer}.norm", f"{ours}.think.0", order),
        f"{ours}.think.1.weight": inward if order is None else inward[:, order],
        f"{ours}.think.1.bias": tensors[f"{theirs}.feed_forward.w_1.bias"],
        f"{ours}.think.4.weight": _ordered(tensors[f"{theirs}.feed_forward.w_2.weight"], order),
        f"{ours}.think.4.bias": _ordered(tensors[f"{theirs}.feed_forward.w_2.bias"], order),
    }


def _ordered(tensor: Tensor, order: Tensor | None) -> Tensor:
    """The first axis in another order."""
    return tensor if order is None else tensor[order]
