"""A run's numbers and sample captions for TensorBoard."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pictell.errors import MissingExtraError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Events:
    """Writes into `folder`; steps are counted from the start of the run, and what was written from `step` on is withdrawn.

    Raises `MissingExtraError` where TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise MissingExtraError("tensorboard: true", "tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        self._writer: SummaryWriter = SummaryWriter(str(folder), purge_step=step)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def captions(self, step: int, captions: Sequence[tuple[str, str]]) -> None:
        """Photos' ids and what the model says of them."""
        self._writer.add_text("captions", "\n".join(f"- {photo}: {text}" for photo, text in captions), step)
        self._writer.flush()
