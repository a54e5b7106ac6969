"""Checkpoints: tensors and progress in one safetensors file, written to a temporary name and moved into place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pictell.errors import RecipeError


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
    """Writes atomically: after a kill at any moment `path` holds the old checkpoint or the new one, whole.

    Raises `RecipeError` where it cannot be written, for example on a full disk; the old checkpoint stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, temporary,
                  metadata={"progress": json.dumps(progress)})  # fmt: skip
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        kept = "; the one that was there is kept" if path.exists() else ""
        raise RecipeError("cannot-save", f"cannot write the checkpoint {path}: {error}{kept}") from error


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Gives what `save_checkpoint` wrote; raises `RecipeError` for a file that is not there or not a checkpoint."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise RecipeError("checkpoint", f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            return {name: file.get_tensor(name) for name in file.keys()}, progress  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RecipeError("checkpoint", f"{path} is not a checkpoint of pictell: {error}") from error
