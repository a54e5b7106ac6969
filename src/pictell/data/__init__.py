"""Data sets in their official layouts."""

from pictell.data.load import DATASETS, load_dataset
from pictell.data.photos_with_captions import CaptionedPhoto

__all__ = ["DATASETS", "CaptionedPhoto", "load_dataset"]
