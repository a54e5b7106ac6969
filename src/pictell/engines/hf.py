"""Captioners of Hugging Face `transformers` that give whole sentences: BLIP, BLIP-2, GIT, and a vision encoder with a decoder.

They search by themselves, so that they cannot be steered word by word; what may be asked of them is in `SentenceEngine.check`.
Nothing here runs code that a model brings, or reads weights other than safetensors; see `pictell.hub`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pictell.engines.hf_limits import WordLimits, begins_word
from pictell.errors import BundleError, MissingExtraError, OptionError
from pictell.hub import CAPTIONERS, HubModel, find_hub_captioner
from pictell.steering import WORD_BY_WORD, CaptionOptions
from pictell.types import Alternative, Caption, Word

# The log-probabilities of every word are kept for each step and beam until the captions are done.
_AT_ONCE = 4
_MOST_TOKENS = 20  # where a model says nothing itself: what transformers has for that
_TOKENS_A_WORD = 4  # the most pieces that room is made for, on average


@dataclass(frozen=True)
class _Family:
    """The class in transformers, and where in it the photo is looked at (a module's name)."""

    name: str
    eyes: str


_FAMILIES = {
    "blip": _Family("BlipForConditionalGeneration", "vision_model"),
    "blip-2": _Family("Blip2ForConditionalGeneration", "vision_model"),
    "git": _Family("GitForCausalLM", "git.image_encoder"),
    "vision-encoder-decoder": _Family("VisionEncoderDecoderModel", "encoder"),
}
assert set(_FAMILIES) == set(CAPTIONERS)


class HfEngine:
    """Captions by a model of transformers; see `pictell.engines.SentenceEngine`.

    `name` is a folder or a name on the hub, without `hf:`. Weights are held in 32 bits, whatever they are stored in. Calls of
    several threads wait for each other: PyTorch itself uses all cores.

    Raises:
        BundleError: what `find_hub_captioner` raises; `broken-model`, transformers cannot open it.
        MissingExtraError: transformers is not installed.

    """

    language = "en"

    def __init__(self, name: str, threads: int | None = None) -> None:
        """`threads` is how many cores PyTorch may use in this process, all if `None`."""
        try:
            import transformers
        except ImportError as error:
            raise MissingExtraError(f"hf:{name}", "hf") from error
        found = find_hub_captioner(name)
        kind = str(found.config["model_type"])
        if threads is not None:
            torch.set_num_threads(threads)
        self.label = f"hf:{found.label}"
        self._kind = kind
        self._model, self._tokenizer, self._processor = _opened(transformers, found, name, _FAMILIES[kind].name)
        self._eyes = self._model.get_submodule(_FAMILIES[kind].eyes)
        self._usual = self._model.generation_config
        self._ends = _ends(self._model, kind)
        size = int(self._model.config.get_text_config(decoder=True).vocab_size)
        self._begins = torch.from_numpy(begins_word(self._tokenizer, size))
        self._lock = threading.Lock()

    @property
    def beam(self) -> int:
        """The width of the search where nothing else is asked for: the model's own choice."""
        return int(self._usual.num_beams or 1)

    @property
    def length_penalty(self) -> float:
        """The model's own."""
        return float(1.0 if self._usual.length_penalty is None else self._usual.length_penalty)

    @property
    def smallest_side(self) -> int:
        """The pixels that a photo's shorter side needs at least, so that nothing is enlarged."""
        return max(int(side) for side in dict(self._processor.size).values() if side)

    @property
    def encoder(self) -> str:
        """Tells whose features captions bring."""
        digest = hashlib.sha256()
        for weight in self._eyes.state_dict().values():
            digest.update(weight.numpy().tobytes())
        return digest.hexdigest()

    def check(self, options: CaptionOptions) -> None:
        """Raises `OptionError` for what cannot be asked of this model."""
        for name in WORD_BY_WORD:
            if getattr(options, name):
                raise OptionError(
                    f"{name} cannot be asked of {self.label}: it gives whole sentences, and does not go word by word"
                )
        if options.start:
            if self._kind == "blip-2" and self._model.language_model.config.is_encoder_decoder:
                raise OptionError(
                    f"start cannot be asked of {self.label}: what it is given is a question, not a beginning"
                )
            if (
                self._tokenizer.unk_token_id in self._beginning(options.start)
                and self._tokenizer.unk_token_id is not None
            ):
                raise OptionError(f"{self.label} cannot spell {options.start!r}")
        least, most = options.min_words, options.max_words
        if least is not None and most is not None and least > most:
            raise OptionError(f"min_words ({least}) is more than max_words ({most})")
        if most is not None and len(options.start.split()) > most:
            raise OptionError(f"max_words is {most}, and start has more words")

    def steps(self, options: CaptionOptions) -> int:
        """The unfinished sentences of a photo at a time, times the tokens that one may have."""
        rows = options.num if options.sample else self._width(options)
        return rows * self._most_tokens(options)

    def _width(self, options: CaptionOptions) -> int:
        return max(self.beam if options.beam is None else options.beam, options.num)

    def look(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A photo (H, W, 3) as the model sees it, by its own preprocessing: (3, S, S)."""
        found = self._processor(images=pixels, return_tensors="np", input_data_format="channels_last")["pixel_values"][
            0
        ]
        return np.asarray(found, np.float32)

    def generate(self, pictures: Sequence[NDArray[np.float32]], options: CaptionOptions) -> list[Caption]:
        """A caption for each of the `pictures`, as `look` gives them.

        Probabilities are the model's own, of the beginning that is asked for too; `log_prob` is the sum of those of all pieces
        and the end. A caption that is cut off is made to end there, as pictell's are.
        """
        captions: list[Caption] = []
        # Drawn one by one: so that a photo's samples do not depend on its company.
        size = 1 if options.sample else _AT_ONCE
        with self._lock, torch.inference_mode():
            for first in range(0, len(pictures), size):
                captions += self._captions(np.stack(pictures[first : first + size]), options)
        return captions

    def _captions(self, pictures: NDArray[np.float32], options: CaptionOptions) -> list[Caption]:
        pixels = torch.from_numpy(pictures)
        beginning = self._beginning(options.start)
        prompt = self._prompt(len(pixels), beginning)
        most = self._most_tokens(options)
        limits = WordLimits(
            self._begins,
            self._ends,
            least=options.min_words or 0,
            most=options.max_words,
            most_tokens=most,
            words_before=len(options.start.split()),
        )
        asked: dict[str, Any] = {
            "num_return_sequences": options.num,
            "max_new_tokens": most + 1,
            "logits_processor": [limits],
        }
        if options.sample:
            asked |= {
                "do_sample": True,
                "num_beams": 1,
                "temperature": 1.0 if options.temperature is None else float(options.temperature),
                "top_k": options.top_k or 0,
                "top_p": 1.0 if options.top_p is None else float(options.top_p),
            }
        else:
            asked |= {
                "do_sample": False,
                "num_beams": self._width(options),
            }
        seen: list[torch.Tensor] = []
        hook = self._eyes.register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
        try:
            with torch.random.fork_rng(devices=[], enabled=options.sample):
                if options.sample and options.seed is not None:
                    number = hashlib.sha256(pictures.tobytes() + str(options.seed).encode()).digest()[:8]
                    torch.manual_seed(int.from_bytes(number, "little") >> 1)
                elif options.sample:
                    torch.seed()
                tokens, log_probs = self._run(pixels, prompt, asked)
        finally:
            hook.remove()
        before = np.zeros((len(pixels), 0))
        if beginning:
            before = self._forced(pixels, beginning)
        features = self._features(seen[0], len(pixels)) if options.features else None
        captions = []
        for photo in range(len(pixels)):
            rows = range(photo * options.num, (photo + 1) * options.num)
            sentences = [self._sentence([*beginning, *tokens[row]], [*before[photo], *log_probs[row]]) for row in rows]
            captions.append(self._caption(sentences, None if features is None else features[photo]))
        return captions

    def _run(
        self, pixels: torch.Tensor, prompt: dict[str, torch.Tensor], asked: dict[str, Any]
    ) -> tuple[list[list[int]], list[list[float]]]:
        """The tokens of each sequence with its end, and the natural logarithm of the probability of each."""
        found = self._model.generate(
            pixel_values=pixels,
            **prompt,
            **asked,
            return_dict_in_generate=True,
            output_logits=True,
            output_scores=False,
        )
        logits = torch.stack(found.logits)  # (T, rows, V)
        beams = getattr(found, "beam_indices", None)  # (sequences, T'), which row each token was chosen in
        length = logits.shape[0] if beams is None else beams.shape[1]
        sequences = found.sequences[:, found.sequences.shape[1] - length :]
        tokens: list[list[int]] = []
        log_probs: list[list[float]] = []
        for number, sequence in enumerate(sequences.tolist()):
            ended = next((place for place, token in enumerate(sequence) if token in self._ends), length - 1)
            tokens.append(sequence[: ended + 1])
            rows = [number] * (ended + 1) if beams is None else beams[number, : ended + 1].tolist()
            chosen = logits[torch.arange(ended + 1), rows]  # (T, V)
            given = torch.log_softmax(chosen.float(), -1)[torch.arange(ended + 1), tokens[-1]]
            log_probs.append(given.tolist())
        return tokens, log_probs

    def _forced(self, pixels: torch.Tensor, beginning: list[int]) -> NDArray[np.float64]:
        """The log-probabilities of the beginning's tokens, (P, T): what the model would have given them, had it chosen."""

        def only(_batch: int, sequence: torch.Tensor) -> list[int]:
            return [beginning[len(sequence) - before]]

        prompt = self._prompt(len(pixels), [])
        before = self._prompt_length(prompt)
        asked = {
            "num_beams": 1, "do_sample": False, "max_new_tokens": len(beginning), "prefix_allowed_tokens_fn": only
        }  # fmt: skip
        _, log_probs = self._run(pixels, prompt, asked)
        return np.array(log_probs)

    def _prompt_length(self, prompt: dict[str, torch.Tensor]) -> int:
        if self._kind == "blip":
            return 1  # its end is taken away
        return int(next(iter(prompt.values())).shape[1])

    def _prompt(self, photos: int, beginning: list[int]) -> dict[str, torch.Tensor]:
        """What is read before the first word that is chosen, for each family in its way."""
        config, usual = self._model.config, self._usual
        if self._kind == "blip":
            text = config.text_config
            return {"input_ids": torch.tensor([[text.bos_token_id, *beginning, text.sep_token_id]]).repeat(photos, 1)}
        if self._kind == "git":
            bos = usual.bos_token_id if usual.bos_token_id is not None else config.bos_token_id
            return {"input_ids": torch.tensor([[bos, *beginning]]).repeat(photos, 1)}
        if self._kind == "vision-encoder-decoder":
            first = usual.decoder_start_token_id
            first = config.decoder_start_token_id if first is None else first
            first = usual.bos_token_id if first is None else first
            return {"decoder_input_ids": torch.tensor([[first, *beginning]]).repeat(photos, 1)}
        image = [config.image_token_id] * config.num_query_tokens
        bos = config.text_config.bos_token_id
        return {"input_ids": torch.tensor([[*image, *([] if bos is None else [bos]), *beginning]]).repeat(photos, 1)}

    def _beginning(self, start: str) -> list[int]:
        return list(self._tokenizer(start, add_special_tokens=False).input_ids) if start else []

    def _most_tokens(self, options: CaptionOptions) -> int:
        """The most pieces of a caption beside the beginning, the end not counted."""
        if options.max_words is not None:
            most = options.max_words * _TOKENS_A_WORD
        else:
            most = self._usual.max_new_tokens or self._usual.max_length or _MOST_TOKENS
            most = max(most, (options.min_words or 0) * _TOKENS_A_WORD)
        text = self._model.config.get_text_config(decoder=True)
        places = getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None)
        if places:
            most = min(most, places - 1 - self._prompt_length(self._prompt(1, self._beginning(options.start))))
        return max(int(most), 1)

    def _features(self, seen: torch.Tensor, photos: int) -> NDArray[np.float32]:
        """The mean over the places of what the encoder gave, (P, D); GIT looks once for each beam."""
        means: NDArray[np.float32] = seen[:: len(seen) // photos].flatten(1, -2).mean(dim=1).float().numpy()
        return means

    def _sentence(self, tokens: list[int], log_probs: list[float]) -> tuple[str, float, tuple[Word, ...]]:
        """The text, its log-probability and its words, each with the product of its pieces' probabilities."""
        text = self._text(tokens)
        words = text.split()
        sums = [0.0] * len(words)
        for place, (token, log_prob) in enumerate(zip(tokens, log_probs, strict=True)):
            if words and token not in self._ends:
                # Told from the text so far, whatever way the tokeniser marks where words begin.
                number = len(self._text(tokens[: place + 1]).split()) - 1
                sums[min(max(number, 0), len(words) - 1)] += log_prob
        probs = np.exp(np.minimum(sums, 0.0)).tolist()
        return text, float(sum(log_probs)), tuple(Word(word, prob) for word, prob in zip(words, probs, strict=True))

    def _text(self, tokens: list[int]) -> str:
        return " ".join(self._tokenizer.decode(tokens, skip_special_tokens=True).split())

    def _caption(
        self, sentences: list[tuple[str, float, tuple[Word, ...]]], features: NDArray[np.float32] | None
    ) -> Caption:
        text, log_prob, words = sentences[0]
        others: dict[str, Alternative] = {}
        for other, its_log_prob, _ in sentences[1:]:
            if other != text:
                others.setdefault(other, Alternative(other, its_log_prob))
        return Caption(text, log_prob, self.label, words, tuple(others.values()), features=features)


def _opened(transformers: Any, found: HubModel, name: str, wanted: str) -> tuple[Any, Any, Any]:
    """The model, its tokeniser and its image processor."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # in part untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)  # what else there is to say is not for a captioner's reader
    logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        model, about = getattr(transformers, wanted).from_pretrained(
            found.folder, **local, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(found.folder, **local)
        processor = transformers.AutoImageProcessor.from_pretrained(found.folder, **local, backend="pil")
    except Exception as error:  # transformers has no one family for what fails
        lines = str(error).strip().splitlines()
        needs = "; its preprocessing needs torchvision" if "torchvision" in str(error).lower() else ""
        raise BundleError(
            "broken-model",
            f"transformers {transformers.__version__} cannot open hf:{name}: {lines[0] if lines else error!r}{needs}",
        ) from error
    finally:
        if bars:
            logging.enable_progress_bar()
    # Generation warns of settings that are given on purpose; errors are raised.
    logging.set_verbosity(max(level, logging.ERROR))
    if missing := sorted(about["missing_keys"]):
        raise BundleError(
            "broken-model",
            f"hf:{name} lacks {len(missing)} of the weights of a {wanted}, such as {missing[0]}: it is no captioner",
        )
    return model.eval(), tokenizer, processor


def _ends(model: Any, kind: str) -> tuple[int, ...]:
    """The tokens that end a sentence."""
    if kind == "blip":
        return (int(model.config.text_config.sep_token_id),)
    ends = model.generation_config.eos_token_id
    if ends is None:
        ends = getattr(model.config.get_text_config(decoder=True), "eos_token_id", None)
    if ends is None:
        raise BundleError("broken-model", "the model does not say which token ends a sentence (eos_token_id)")
    return tuple(int(end) for end in (ends if isinstance(ends, list) else [ends]))
