"""Photos and words for `PictellForImageCaptioning`: pictell's own preprocessing and tokeniser, as transformers wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from transformers import BatchFeature, PreTrainedTokenizer, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor
from transformers.image_utils import make_flat_list_of_images

from pictell.language import Vocabulary, detokenise, tokenise
from pictell.language.vocabulary import SPECIAL
from pictell.photos import Preprocessing, prepare
from pictell.photos.colour import to_rgb
from pictell.types import Photo

_VOCABULARY = "vocabulary.json"


class PictellImageProcessor(BaseImageProcessor):
    """Photos to `pixel_values` (B, S, S, 3) uint8, as pictell prepares them; the model scales them itself.

    Takes Pillow images, or arrays and tensors (H, W, 3) or (3, H, W) of 0 to 255; one or many. `preprocessing` is the content
    of a bundle's `preprocessing.json`.
    """

    model_input_names = ["pixel_values"]  # noqa: RUF012

    def __init__(self, preprocessing: Mapping[str, Any] | None = None, **named: Any) -> None:
        super().__init__(**named)
        self.preprocessing = Preprocessing.from_json(preprocessing or {}).to_json()

    def preprocess(self, images: Any, return_tensors: str | None = None, **_named: Any) -> BatchFeature:
        """See the class; `return_tensors` is "np", "pt" or `None`."""
        wanted = Preprocessing.from_json(self.preprocessing)
        flat: Any = make_flat_list_of_images(self.fetch_images(images))
        pixels = [prepare(_photo(image), wanted) for image in flat]
        return BatchFeature({"pixel_values": pixels if return_tensors is None else np.stack(pixels)}, return_tensors)


def _photo(image: Any) -> Photo:
    if isinstance(image, Image.Image):
        pixels = np.asarray(to_rgb(ImageOps.exif_transpose(image)))
    else:
        pixels = np.asarray(image)
        if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
            pixels = pixels.transpose(1, 2, 0)
        if pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"an array of shape {pixels.shape} is no photo: (H, W, 3) or (3, H, W) is one")
        pixels = np.ascontiguousarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    return Photo(pixels, width=pixels.shape[1], height=pixels.shape[0], format="array")


class PictellTokenizer(PreTrainedTokenizer):
    """A bundle's vocabulary: words, or pieces of them; texts begin with the start token, so that a text may be how a caption
    begins."""

    vocab_files_names = {"vocab_file": _VOCABULARY}  # noqa: RUF012
    model_input_names = ["input_ids"]  # noqa: RUF012

    def __init__(self, vocab_file: str, **named: Any) -> None:
        self.vocabulary = Vocabulary.load(Path(vocab_file))
        named = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIAL, strict=True)) | named
        super().__init__(**named)

    @property
    def vocab_size(self) -> int:
        """The words with the four special ones."""
        return len(self.vocabulary)

    def get_vocab(self) -> dict[str, int]:
        """Every token's number."""
        return {token: number for number, token in enumerate(self.vocabulary.tokens)}

    def _tokenize(self, text: str, **_named: Any) -> list[str]:
        return [self.vocabulary.tokens[number] for number in self.vocabulary.to_numbers(tokenise(text))]

    def _convert_token_to_id(self, token: str) -> int:
        return self.get_vocab().get(token, self.vocabulary.unk)

    def _convert_id_to_token(self, index: int) -> str:
        return self.vocabulary.tokens[index] if 0 <= index < len(self.vocabulary) else SPECIAL[self.vocabulary.unk]

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The start, and then the text."""
        return [self.vocabulary.start, *token_ids_0, *(token_ids_1 or [])]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The caption that tokens spell."""
        numbers = self.get_vocab()
        return detokenise(self.vocabulary.to_words([numbers.get(token, self.vocabulary.unk) for token in tokens]))

    def _decode(  # type: ignore[override]  # special tokens have no text, and there is nothing to clean up
        self, token_ids: Any, skip_special_tokens: bool = False, **_named: Any
    ) -> str:
        return self.convert_tokens_to_string(
            [self._convert_id_to_token(int(number)) for number in np.atleast_1d(token_ids)]
        )

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Writes `vocabulary.json` as a bundle has it."""
        path = Path(save_directory) / f"{filename_prefix + '-' if filename_prefix else ''}{_VOCABULARY}"
        path.write_text(self.vocabulary.to_json(), encoding="utf-8")
        return (str(path),)


class PictellProcessor(ProcessorMixin):
    """Photos and, where captions are to begin with a text, texts: `pixel_values` and `input_ids`."""

    def __init__(self, image_processor: PictellImageProcessor, tokenizer: PictellTokenizer, **named: Any) -> None:
        super().__init__(image_processor, tokenizer, **named)

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        return_tensors: str | None = None,
        **_named: Any,
    ) -> BatchFeature:
        """See the class; texts are padded to the longest."""
        found: dict[str, NDArray[Any] | list[Any]] = {}
        if images is not None:
            found |= self.image_processor(images, return_tensors="np")
        if text is not None:
            texts = [text] if isinstance(text, str) else list(text)
            rows = [self.tokenizer(each)["input_ids"] for each in texts]
            ids = np.full((len(rows), max(map(len, rows), default=0)), self.tokenizer.vocabulary.pad, np.int64)
            for number, row in enumerate(rows):
                ids[number, : len(row)] = row
            found["input_ids"] = ids
        return BatchFeature(found, return_tensors)
