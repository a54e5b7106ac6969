"""What makes a pictell captioner again, as `transformers` keeps it (`config.json`)."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig

from pictell.language.vocabulary import END, PAD, START, UNKNOWN


class PictellConfig(PreTrainedConfig):
    """`architecture` is that of a bundle's `config.json`; `vocab_size` counts the words with the four special ones.

    `subwords` is the content of `vocabulary.json` where words are spelt in pieces: which pieces may follow depends on it.
    """

    model_type = "pictell"

    architecture: dict[str, Any] | None = None
    vocab_size: int = 4
    subwords: dict[str, Any] | None = None
    pad_token_id: int | None = PAD
    bos_token_id: int | None = START
    eos_token_id: int | None = END
    unk_token_id: int | None = UNKNOWN
