"""pictell's captioners as models of Hugging Face `transformers`; importing this lets its Auto classes and pipelines know them.

import pictell.hf
from transformers import pipeline
pipeline("image-text-to-text", model="FOLDER")("dog.jpg", text="")
"""

from __future__ import annotations

from pictell.hf.configuration import PictellConfig
from pictell.hf.exporting import export_to_hf, from_bundle
from pictell.hf.modeling import PictellForImageCaptioning
from pictell.hf.processing import PictellImageProcessor, PictellProcessor, PictellTokenizer
from pictell.hf.registering import register

__all__ = [
    "PictellConfig",
    "PictellForImageCaptioning",
    "PictellImageProcessor",
    "PictellProcessor",
    "PictellTokenizer",
    "export_to_hf",
    "from_bundle",
]

register()
