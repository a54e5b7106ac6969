"""Telling the Auto classes and pipelines of transformers that there are pictell's captioners."""

from __future__ import annotations

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto import modeling_auto

from pictell.hf.configuration import PictellConfig
from pictell.hf.modeling import PictellForImageCaptioning
from pictell.hf.processing import PictellImageProcessor, PictellProcessor, PictellTokenizer


def register() -> None:
    """Registers the classes; once is enough, and again does no harm."""
    AutoConfig.register("pictell", PictellConfig, exist_ok=True)
    AutoModelForImageTextToText.register(PictellConfig, PictellForImageCaptioning, exist_ok=True)
    AutoImageProcessor.register(PictellConfig, image_processor_classes={"pil": PictellImageProcessor}, exist_ok=True)
    AutoTokenizer.register(PictellConfig, tokenizer_class=PictellTokenizer, exist_ok=True)
    AutoProcessor.register(PictellConfig, PictellProcessor, exist_ok=True)
    # The pipeline "image-text-to-text" looks here, and complains of any class that is not.
    modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES["pictell"] = PictellForImageCaptioning.__name__
