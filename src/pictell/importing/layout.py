"""What a family of checkpoints looks like, and which family a checkpoint is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from pictell.errors import CheckpointError
from pictell.importing.reading import Tensors
from pictell.importing.words import Words

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Imitation:
    """A decoder of pictell's that computes what the checkpoint did: its name and settings, and its weights by name."""

    settings: dict[str, Any]
    weights: Tensors


class Family(ABC):
    """A kind of checkpoint, found by the names and shapes of its tensors."""

    name: str
    """What people call it, and whose it is."""

    ignored: tuple[str, ...] = ()
    """Names of tensors that say nothing."""

    @abstractmethod
    def shapes(self, tensors: Tensors) -> Shapes:
        """The names and shapes that a checkpoint with the sizes of `tensors` has; a size that is not to be seen is 0."""

    @abstractmethod
    def channels(self, tensors: Tensors) -> int:
        """How many channels the encoder must have."""

    @abstractmethod
    def rows(self, tensors: Tensors) -> int:
        """How many words its tables have."""

    @abstractmethod
    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        """The decoder, of a checkpoint that `misfits` finds nothing wrong with. `settings` are what weights do not show."""

    def misfits(self, tensors: Tensors) -> list[str]:
        """What keeps a checkpoint from being of this family, name by name."""
        expected = self.shapes(tensors)
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items() if name not in self.ignored}
        return [
            *(f"{name} is missing" for name in expected if name not in found),
            *(f"{name} does not belong to it" for name in found if name not in expected),
            *(
                f"{name} is {_shown(found[name])}, not {_shown(shape)}"
                for name, shape in expected.items()
                if name in found and found[name] != shape
            ),
        ]


def choose_family(path: Path, tensors: Tensors, families: Sequence[Family]) -> Family:
    """The family of the checkpoint from `path`; raises `CheckpointError` where it is of none, naming what does not fit."""
    nearest = max(families, key=lambda family: len(family.shapes(tensors).keys() & tensors.keys()))
    misfits = nearest.misfits(tensors)
    if not misfits:
        return nearest
    if nearest.shapes(tensors).keys() & tensors.keys():
        what = "; ".join(misfits[:3]) + (f"; and {len(misfits) - 3} more" if len(misfits) > 3 else "")
        raise CheckpointError("architecture", f"{path} is nearest to {nearest.name}, but {what}")
    has = f"it has {', '.join(list(tensors)[:3])}" if tensors else "it has no tensors"
    known = ", ".join(family.name for family in families)
    raise CheckpointError("architecture", f"{path} is of no kind that pictell imports ({known}): {has}")


def size(tensors: Tensors, name: str, axis: int) -> int:
    """A side of a tensor; 0 where there is no such tensor or side."""
    tensor: Tensor | None = tensors.get(name)
    return tensor.shape[axis] if tensor is not None and tensor.ndim > axis else 0


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
