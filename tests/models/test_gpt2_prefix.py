"""GPT-2's blocks against those of `transformers`, and beginning with its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pictell.errors import DataError
from pictell.models.decoders.gpt2_prefix import GPT2Prefix
from pictell.models.decoders.gpt2_weights import load_gpt2

WORDS = ["<pad>", "<start>", "<end>", "<unk>", "dog", "runs", "zzz"]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small GPT-2 with random weights and a tokenizer, saved by the libraries that publish them."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_positions=40, n_embd=24, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["a dog runs", "the dog runs"] * 5, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def decoder(**sizes: int) -> GPT2Prefix:
    torch.manual_seed(1)
    return GPT2Prefix(
        len(WORDS), 5, 4, **{"hidden": 24, "layers": 2, "heads": 3, "prefix": 3, "positions": 16, **sizes}
    ).eval()


@torch.no_grad()
def test_it_reads_as_gpt2_reads(gpt2: Path) -> None:
    from transformers import GPT2Model

    ours, theirs = decoder(), GPT2Model.from_pretrained(gpt2).eval()
    load_gpt2(ours, gpt2, WORDS)
    grid, tokens = torch.randn(2, 4, 5), torch.tensor([[[1, 4, 5, 6], [1, 6, 5, 0]], [[1, 5, 5, 4], [1, 4, 0, 0]]])
    outputs = ours.outputs(grid, tokens)  # (2, 2, 4, 24)
    prefix = ours.map(grid.mean(dim=1)).view(2, 3, 24)
    for photo in range(2):
        for caption in range(2):
            words = ours.embed(tokens[photo, caption])
            read = theirs(inputs_embeds=torch.cat([prefix[photo], words])[None]).last_hidden_state[0, 3:]
            real = tokens[photo, caption] != 0
            torch.testing.assert_close(outputs[photo, caption][real], read[real], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_words_begin_as_what_gpt2_reads_for_them(gpt2: Path) -> None:
    from tokenizers import Tokenizer
    from transformers import GPT2Model

    ours = decoder()
    fresh = ours.embed.weight.clone()
    load_gpt2(ours, gpt2, WORDS)
    table = GPT2Model.from_pretrained(gpt2).wte.weight
    tokenizer = Tokenizer.from_file(str(gpt2 / "tokenizer.json"))
    assert len(tokenizer.encode(" dog").ids) == 1
    assert len(tokenizer.encode(" zzz").ids) > 1
    for number, word in enumerate(WORDS[4:], 4):
        torch.testing.assert_close(ours.embed.weight[number], table[tokenizer.encode(f" {word}").ids].mean(dim=0))
        torch.testing.assert_close(ours.classify.weight[number], ours.embed.weight[number])
    torch.testing.assert_close(ours.embed.weight[2], table[tokenizer.token_to_id("<|endoftext|>")])
    assert not torch.equal(ours.embed.weight, fresh)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [({"hidden": 12}, "wpe.weight, wte.weight, ln_f.weight"), ({"layers": 3}, "h.2.ln_1.weight, h.2.ln_1.bias"),
     ({"positions": 50}, "wpe.weight")],
)  # fmt: skip
def test_another_size_is_named(gpt2: Path, sizes: dict[str, int], named: str) -> None:
    ours = decoder(**sizes)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(DataError, match=named) as caught:
        load_gpt2(ours, gpt2, WORDS)
    assert "\n" not in caught.value.message
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items()), "nothing is half loaded"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x80\x04K\x01."])
def test_what_is_no_gpt2_is_refused(gpt2: Path, tmp_path: Path, name: str, content: bytes | None) -> None:
    for file in gpt2.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_gpt2(decoder(), tmp_path, WORDS)
    assert "\n" not in caught.value.message
