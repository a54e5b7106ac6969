"""Published GPT-2 weights for `GPT2Prefix`, from a folder in the layout of `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pictell.errors import DataError
from pictell.language.subwords import WORD_END
from pictell.language.vocabulary import SPECIAL
from pictell.models.decoders.gpt2_prefix import Block, GPT2Prefix


def load_gpt2(decoder: GPT2Prefix, folder: Path, tokens: Sequence[str]) -> None:
    """Begins the blocks, the positions and the words from `model.safetensors` and `tokenizer.json` in `folder`.

    A word of pictell's vocabulary begins as the mean of what GPT-2 would read for it, so that it knows what words mean
    before it has seen a caption; `<start>` and `<end>` begin as GPT-2's end of text.

    Raises:
        DataError: the folder is not such a checkpoint, or of another size; the first names that do not fit are named.

    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    try:
        source = {
            name.removeprefix("transformer."): tensor.float()
            for name, tensor in load_file(folder / "model.safetensors").items()
        }
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError("weights", f"{folder}: no GPT-2 here: {' '.join(str(error).split())}") from error
    except Exception as error:  # what `tokenizers` raises is no more precise
        raise DataError("weights", f"{folder}/tokenizer.json: {' '.join(str(error).split())}") from error
    blocks = [block for block in decoder.blocks if isinstance(block, Block)]
    wanted: dict[str, Tensor] = {"ln_f.weight": decoder.norm.weight, "ln_f.bias": decoder.norm.bias}
    turned = set()  # its linear layers hold their weights the other way round
    for number, block in enumerate(blocks):
        for name, module in {
            "ln_1": block.norm_words, "attn.c_attn": block.qkv, "attn.c_proj": block.out,
            "ln_2": block.think[0], "mlp.c_fc": block.think[1], "mlp.c_proj": block.think[3],
        }.items():  # fmt: skip
            wanted |= {f"h.{number}.{name}.{part}": getattr(module, part) for part in ("weight", "bias")}
            if isinstance(module, nn.Linear):
                turned.add(f"h.{number}.{name}.weight")
    for name in turned & set(source):
        source[name] = source[name].T
    table, places = source.get("wte.weight"), source.get("wpe.weight")
    missing = [name for name in wanted if name not in source or source[name].shape != wanted[name].shape]
    hidden, positions = decoder.embed.embedding_dim, decoder.position.num_embeddings
    if table is None or table.shape[1] != hidden:
        missing.insert(0, "wte.weight")
    if places is None or places.shape[1] != hidden or len(places) < positions:
        missing.insert(0, "wpe.weight")
    if missing or table is None or places is None:
        named = ", ".join(missing[:3])
        raise DataError(
            "weights",
            f"{folder}: not a GPT-2 of {len(blocks)} layers of {hidden}: {named} {'...' * (len(missing) > 3)}".strip(),
        )
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(source[name])
        decoder.position.weight.copy_(places[:positions])
        end = tokenizer.token_to_id("<|endoftext|>")
        for number, token in enumerate(tokens):
            if number < len(SPECIAL):
                pieces = [] if end is None or end >= len(table) else [end]
            else:
                # A piece that ends a word is spelt with a mark that GPT-2 does not know.
                pieces = [
                    piece for piece in tokenizer.encode(f" {token.removesuffix(WORD_END)}").ids if piece < len(table)
                ]
            if pieces:
                decoder.embed.weight[number] = decoder.classify.weight[number] = table[pieces].mean(dim=0)
