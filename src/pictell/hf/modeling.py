"""A captioner as a model of `transformers`: its loss for a `Trainer`, and `generate`, which is pictell's own search."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin, PreTrainedModel
from transformers.utils.generic import ModelOutput

from pictell.decoding import Hypothesis, Sampling, SearchOptions, search
from pictell.engines.torch import TorchEngine
from pictell.hf.configuration import PictellConfig
from pictell.language import Vocabulary
from pictell.language.vocabulary import END, PAD, START, UNKNOWN
from pictell.models import build_model

_MAX_WORDS = 20  # where nothing says how many
_ASKED = (
    "num_beams", "num_return_sequences", "max_new_tokens", "max_length", "min_new_tokens", "length_penalty", "do_sample",
    "temperature", "top_k", "top_p",
)  # fmt: skip
_FOR_OUTPUT = ("return_dict_in_generate", "output_scores")
_IDLE = ("use_cache", "pad_token_id", "bos_token_id", "eos_token_id", "attention_mask")  # which change nothing here
_IGNORED = -100  # of labels, as in all of transformers


@dataclass
class CaptionLoss(ModelOutput):
    """`loss` where there are labels; `logits` (B, T, V) are log-probabilities."""

    loss: Tensor | None = None
    logits: Tensor | None = None


@dataclass
class Captions(ModelOutput):
    """`sequences` (B * N, L) with start, end and padding; `sequences_scores` (B * N,) are their log-probabilities."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None


class PictellForImageCaptioning(PreTrainedModel, GenerationMixin):
    """A pictell captioner.

    `pixel_values` are (B, S, S, 3), 0 to 255, as `PictellImageProcessor` gives them.
    """

    config_class = PictellConfig
    config: PictellConfig
    main_input_name = "pixel_values"
    base_model_prefix = ""

    def __init__(self, config: PictellConfig) -> None:
        super().__init__(config)
        if config.architecture is None:
            raise ValueError("a PictellConfig without an architecture makes no model")
        self.network = build_model(config.architecture, config.vocab_size)
        self._subwords: Vocabulary | None = None
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """Nothing: the network's parts begin as pictell makes them."""

    def get_input_embeddings(self) -> Any:
        """What reads words, where the decoder has one such part."""
        return getattr(self.network.decoder, "embed", None)

    def forward(
        self,
        pixel_values: Tensor,
        input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = True,
        **_named: Any,
    ) -> CaptionLoss | tuple[Any, ...]:
        """Teacher forcing: `labels` (B, T) are the words and the end, and -100 after it; they are what is read, too.

        `input_ids` (B, T), with the start first, may be read in their place.
        """
        loss = None
        if input_ids is None:
            if labels is None:
                raise ValueError("name the labels, or the input_ids to read")
            before = torch.full_like(labels[:, :1], START)
            input_ids = torch.cat([before, labels[:, :-1].masked_fill(labels[:, :-1] == _IGNORED, PAD)], dim=1)
        log_probs = self.network(_bytes(pixel_values), input_ids[:, None])[:, 0]  # (B, T, V)
        if labels is not None:
            loss = torch.nn.functional.nll_loss(log_probs.flatten(0, 1), labels.flatten(), ignore_index=_IGNORED)
        output = CaptionLoss(loss=loss, logits=log_probs)
        return output if return_dict is not False else output.to_tuple()

    @torch.inference_mode()
    def generate(
        self,
        pixel_values: Tensor,
        input_ids: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        **named: Any,
    ) -> Tensor | Captions:
        """Captions by pictell's own greedy or beam search, or sampled: sequences (B * N, L) with start, end and padding.

        Of generation's many settings it takes those named in `_ASKED`; `max_new_tokens` counts without the end. `input_ids`
        (B, T) is how captions begin, with the start first. Nothing else is passed over in silence.
        """
        if unknown := sorted({*named} - {*_ASKED, *_FOR_OUTPUT, *_IDLE}):
            raise ValueError(
                f"pictell's generate knows no {unknown[0]!r}; it takes {', '.join((*_ASKED, *_FOR_OUTPUT))}"
            )
        usual = generation_config or self.generation_config
        asked = {name: named.get(name, getattr(usual, name, None)) for name in _ASKED}
        if "max_new_tokens" in named:
            asked["max_length"] = None
        options = self._options(asked)
        pixels = _bytes(pixel_values).cpu().numpy()
        beginnings = _beginnings(input_ids, len(pixels))
        mode = self.training
        self.eval()
        try:
            engine = TorchEngine(self.network)
            memory = engine.encode(pixels)
            found: list[list[Hypothesis]] = [[] for _ in pixels]
            for beginning in dict.fromkeys(beginnings):
                rows = [row for row, its in enumerate(beginnings) if its == beginning]
                longest = max(options.max_words, len(beginning))
                wanted = replace(options, beginning=beginning, max_words=longest)
                numbers = rows if options.sampling else None
                for row, its in zip(rows, search(engine, memory[rows], wanted, numbers), strict=True):
                    found[row] = its[: options.num]
        finally:
            self.train(mode)
        return self._output(found, options.num, bool(named.get("return_dict_in_generate")), pixel_values.device)

    def _options(self, asked: dict[str, Any]) -> SearchOptions:
        most = asked["max_new_tokens"]
        if most is None:
            most = _MAX_WORDS if asked["max_length"] is None else asked["max_length"] - 2  # without start and end
        sampling = None
        if asked["do_sample"]:
            sampling = Sampling(
                temperature=1.0 if asked["temperature"] is None else float(asked["temperature"]),
                top_k=asked["top_k"] or None,
                top_p=asked["top_p"],
                seed=int(torch.randint(2**31, (1,))) if torch.initial_seed() else secrets.randbits(31),
            )
        if self.config.subwords is not None and self._subwords is None:
            self._subwords = Vocabulary.from_json(json.dumps(self.config.subwords))
        words = self._subwords
        num = int(asked["num_return_sequences"] or 1)
        return SearchOptions(
            beam=1 if sampling else int(asked["num_beams"] or 1),
            num=num,
            max_words=most if words is None else words.most_tokens(most),
            min_words=min(1 if asked["min_new_tokens"] is None else int(asked["min_new_tokens"]), most),
            length_penalty=0.0 if asked["length_penalty"] is None else float(asked["length_penalty"]),
            not_after=None if words is None else words.rule(most),
            start=START,
            end=END,
            never=(PAD, START, UNKNOWN),
            sampling=sampling,
        )

    def _output(self, found: list[list[Hypothesis]], num: int, whole: bool, device: torch.device) -> Tensor | Captions:
        rows: list[list[int]] = []
        scores: list[float] = []
        for hypotheses in found:
            for hypothesis in [*hypotheses, *hypotheses[-1:] * num][:num]:  # where there are fewer, the last again
                rows.append([START, *hypothesis.tokens, END])
                scores.append(hypothesis.log_prob)
        sequences = np.full((len(rows), max(map(len, rows), default=1)), PAD, np.int64)
        for number, row in enumerate(rows):
            sequences[number, : len(row)] = row
        tokens = torch.from_numpy(sequences).to(device)
        return Captions(tokens, torch.tensor(scores, device=device)) if whole else tokens


def _bytes(pixel_values: Tensor) -> Tensor:
    """Pixels (B, S, S, 3) in any type of number as the bytes that they are."""
    if pixel_values.ndim != 4 or pixel_values.shape[-1] != 3:
        raise ValueError(
            f"pixel_values are (B, S, S, 3), 0 to 255, not {tuple(pixel_values.shape)}: see PictellImageProcessor"
        )
    return pixel_values if pixel_values.dtype == torch.uint8 else pixel_values.round().clamp(0, 255).to(torch.uint8)


def _beginnings(input_ids: Tensor | None, photos: int) -> list[tuple[int, ...]]:
    """How each photo's caption begins, without the special tokens."""
    if input_ids is None:
        return [()] * photos
    if input_ids.shape[0] != photos:
        raise ValueError(f"input_ids are of {input_ids.shape[0]} photos, pixel_values of {photos}")
    return [tuple(token for token in row if token not in (PAD, START, END)) for row in input_ids.tolist()]
