"""The tensors of someone else's checkpoint, read without running anything that is in it."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pictell.errors import CheckpointError

Tensors = dict[str, Tensor]


def read_tensors(path: Path) -> Tensors:
    """The tensors of a PyTorch checkpoint (a `state_dict`) or of an `.npz`, by name, as float64.

    Names lose the `module.` that `DataParallel` puts before all of them; whole numbers, which count batches, are left out.

    Raises `CheckpointError` for a file that is missing, cut short or damaged, that needs more than tensors to be read, or
    that has numbers which are none.
    """
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise CheckpointError("missing", f"cannot read {path}: {error.strerror}") from error
    if not first:
        raise CheckpointError("truncated", f"{path} is empty")
    found = _read_npz(path) if _is_npz(path) else _read_torch(path)
    if found and all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): tensor for name, tensor in found.items()}
    tensors = {name: tensor.double() for name, tensor in found.items() if tensor.is_floating_point()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError("not-finite", f"{path}: {name} has values that are no finite numbers")
    return tensors


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix == ".npz"
    return any(name.endswith(".npy") for name in names)


def _read_torch(path: Path) -> Tensors:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if named := re.search(r"GLOBAL (\S+)", str(error)):
            raise CheckpointError(
                "code",
                f"{path} needs more than tensors to be read ({named[1]}), which pictell does not run: keep its state_dict() "
                "alone, as in torch.save(model.state_dict(), ...)",
            ) from error
        raise _damaged(path, "not tensors as PyTorch saves them") from error
    except MemoryError as error:
        raise CheckpointError("too-large", f"{path} does not fit into memory") from error
    except Exception as error:  # a damaged pickle or archive makes PyTorch raise anything
        raise _damaged(path, str(error) or type(error).__name__) from error
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise CheckpointError(
            "checkpoint",
            f"{path} is no state_dict, which has names and tensors alone (model.pth, not infos or optimizer)",
        )
    tensors = {str(name): tensor.detach() for name, tensor in content.items()}
    # A tensor may claim any shape over a few stored numbers.
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > 2 * path.stat().st_size or any(
        tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu"
        for tensor in tensors.values()
    ):
        raise CheckpointError("checkpoint", f"{path} has tensors that are not stored whole")
    return tensors


def _read_npz(path: Path) -> Tensors:
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
            return {name: torch.from_numpy(array.astype(np.float64)) for name, array in arrays.items() if array.ndim}
    except MemoryError as error:
        raise CheckpointError("too-large", f"{path} does not fit into memory") from error
    # The header of an array is parsed as Python's literals are; what that raises is no ValueError.
    except (
        OSError, ValueError, KeyError, TypeError, EOFError, SyntaxError, TokenError, zipfile.BadZipFile, zlib.error, RuntimeError,
    ) as error:  # fmt: skip
        raise _damaged(path, str(error) or type(error).__name__) from error


def _damaged(path: Path, why: str) -> CheckpointError:
    why = " ".join(why.split())
    return CheckpointError(
        "damaged", f"{path} is no checkpoint, or cut short or damaged ({why[:100]}{'...' if len(why) > 100 else ''})"
    )
