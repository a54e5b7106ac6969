"""A run whose decoder begins with a language model's weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pictell.errors import RecipeError
from pictell.training import Trainer, load_recipe

DECODER = "model.decoder={name: gpt2_prefix, hidden: 24, layers: 1, heads: 2, prefix: 2, positions: 16}"
ONE = "phases=[{name: one, epochs: 1, lr: 1e-4, captions: 2}]"


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path / "gpt2"
    GPT2LMHeadModel(GPT2Config(vocab_size=3, n_positions=16, n_embd=24, n_layer=1, n_head=2)).save_pretrained(folder)
    Tokenizer(WordLevel({"<|endoftext|>": 0, " red": 1, "?": 2}, unk_token="?")).save(str(folder / "tokenizer.json"))
    return folder


def test_a_run_begins_with_gpt2_and_goes_on_from_itself(recipe_file: Path, gpt2: Path, tmp_path: Path) -> None:
    from transformers import GPT2Model

    trainer = Trainer(load_recipe(recipe_file, [DECODER, ONE, f"model.language_model={gpt2}"]), tmp_path / "run")
    table = GPT2Model.from_pretrained(gpt2).wte.weight
    [red] = trainer.vocabulary.to_numbers(["red"])
    torch.testing.assert_close(trainer.model.decoder.get_parameter("embed.weight")[red], table[1])
    best = trainer.run()
    settings = [DECODER, ONE, f"model.start_from={best}", "model.weights=null"]
    again = Trainer(load_recipe(recipe_file, settings), tmp_path / "again")
    assert again.run().is_file()


def test_other_decoders_have_no_language_model(recipe_file: Path, gpt2: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="gpt2_prefix"):
        Trainer(load_recipe(recipe_file, [ONE, f"model.language_model={gpt2}"]), tmp_path / "run")
