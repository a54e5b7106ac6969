"""Hugging Face captioners of the real classes, of some ten thousand random weights, saved to disk as people save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WORDS = ["a", "dog", "cat", "man", "runs", "on", "grass", "red", "ball", "with", "the", "is", "jump", "two"]
PIECES = ["##s", "##ing", "##ed", "."]


def wordpiece() -> Any:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *PIECES]
    return hf.BertTokenizer(vocab={token: number for number, token in enumerate(tokens)})


def byte_level() -> Any:
    """As GPT-2's: a space is part of the piece that follows it."""
    tokens = [*"abcdefghijklmnopqrstuvwxyzĠ.", *(f"Ġ{word}" for word in WORDS), "<|endoftext|>"]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        built = "Ġ"
        for letter in word:
            for token in (letter, built + letter):
                vocab.setdefault(token, len(vocab))
            merges.append((built, letter))
            built += letter
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=list(dict.fromkeys(merges))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def _save(folder: Path, model: Any, tokenizer: Any, processor: Any, *, last_norm: str, end: int) -> Path:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or name.endswith(("position_embedding", "class_embedding", "query_tokens")):
                torch.nn.init.normal_(parameter, std=0.5)  # as they come, all photos and words would look alike
        # What the words are told from leans to the end, so that sentences end.
        if not last_norm:
            model.language_model.lm_head.weight[end] *= 2.0
        head = model.get_output_embeddings() or model.text_decoder.get_output_embeddings()
        if last_norm:
            model.get_submodule(last_norm).bias.copy_(head.weight[end] * 2.5 / head.weight[end].norm() ** 2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def blip(folder: Path) -> Path:
    torch.manual_seed(1)
    tokenizer = wordpiece()
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "encoder_hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
        "pad_token_id": 0, "max_position_embeddings": 64, "projection_dim": 16,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8, "projection_dim": 16,
    }  # fmt: skip
    model = hf.BlipForConditionalGeneration(hf.BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    return _save(
        folder,
        model,
        tokenizer,
        hf.BlipImageProcessorPil(size={"height": 32, "width": 32}),
        last_norm="text_decoder.cls.predictions.transform.LayerNorm",
        end=3,
    )


def git(folder: Path) -> Path:
    torch.manual_seed(2)
    tokenizer = wordpiece()
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    config = hf.GitConfig(
        vision_config=vision, vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, bos_token_id=2, eos_token_id=3, pad_token_id=0, max_position_embeddings=64,
    )  # fmt: skip
    processor = hf.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _save(
        folder, hf.GitForCausalLM(config), tokenizer, processor, last_norm="git.encoder.layer.1.output.LayerNorm", end=3
    )


def vit_gpt2(folder: Path) -> Path:
    torch.manual_seed(3)
    tokenizer = byte_level()
    vision = hf.ViTConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    )
    text = hf.GPT2Config(
        vocab_size=len(tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=64, add_cross_attention=True,
        is_decoder=True, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    model = hf.VisionEncoderDecoderModel(encoder=hf.ViTModel(vision), decoder=hf.GPT2LMHeadModel(text))
    for config in (model.config, model.generation_config):
        config.decoder_start_token_id = tokenizer.bos_token_id
        config.pad_token_id = tokenizer.eos_token_id
        config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.max_length = 16
    model.generation_config.num_beams = 4
    return _save(
        folder,
        model,
        tokenizer,
        hf.ViTImageProcessorPil(size={"height": 32, "width": 32}),
        last_norm="decoder.transformer.ln_f",
        end=tokenizer.eos_token_id,
    )


def blip2_t5(folder: Path) -> Path:
    return blip2(folder, t5=True)


def blip2(folder: Path, t5: bool = False) -> Path:
    torch.manual_seed(4)
    tokenizer = byte_level()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<pad>"})
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    qformer = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "encoder_hidden_size": 16, "vocab_size": 30,
    }  # fmt: skip
    text = {
        "model_type": "opt", "vocab_size": len(tokenizer), "hidden_size": 16, "ffn_dim": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 64, "word_embed_proj_dim": 16,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    if t5:
        text = {
            "model_type": "t5", "vocab_size": len(tokenizer), "d_model": 16, "d_ff": 32, "num_layers": 2, "num_heads": 2,
            "d_kv": 8, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id, "decoder_start_token_id": tokenizer.pad_token_id,
        }  # fmt: skip
    config = hf.Blip2Config(
        vision_config=vision, qformer_config=qformer, text_config=text, num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    model = hf.Blip2ForConditionalGeneration(config)
    return _save(
        folder,
        model,
        tokenizer,
        hf.BlipImageProcessorPil(size={"height": 32, "width": 32}),
        last_norm="" if t5 else "language_model.model.decoder.final_layer_norm",
        end=tokenizer.eos_token_id,
    )


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "blip": blip,
    "git": git,
    "vit-gpt2": vit_gpt2,
    "blip-2": blip2,
    "blip-2-t5": blip2_t5,
}
