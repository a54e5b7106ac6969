"""Captioners that others trained, made bundles: their weights, put where pictell's own decoders have them."""

from pictell.importing.into_bundle import Imported, import_checkpoint

__all__ = ["Imported", "import_checkpoint"]
