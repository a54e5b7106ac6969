"""Training in several processes at once, each on its share of every batch: `torchrun --nproc-per-node N -m pictell train ...`.

The gradients are summed, so that N processes take the step that one would take on the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

# Others wait while the first process computes features or captions the dev photos, which may take hours.
_PATIENCE = timedelta(days=1)


class Processes:
    """The processes of a run: `count` of them, of which this is number `rank`. One process alone has nothing to do here."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # without it grouped convolutions may be several times slower
            torch.set_float32_matmul_precision("high")
        if self.count > 1:
            if self.device.type == "cuda":
                self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
                torch.cuda.set_device(self.device)
            if not dist.is_initialized():
                dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo", timeout=_PATIENCE)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Each number summed over the processes."""
        if self.count == 1:
            return list(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return [float(number) for number in tensor]

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Gives every process the sum of all processes' gradients."""
        if self.count == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [p.numel() for p in parameters])
        for parameter, gradient in zip(parameters, parts, strict=True):
            parameter.grad = gradient.view_as(parameter).clone()

    def told_by_first(self, number: float) -> float:
        """The first process's number."""
        if self.count == 1:
            return number
        tensor = torch.tensor(number, dtype=torch.float64, device=self.device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def wait(self) -> None:
        """Returns when every process has come this far."""
        if self.count > 1:
            self.total([0.0])

    def leave(self) -> None:
        """Ends the connection once every process is done: a process that exits with it open may be killed by its threads."""
        if self.count > 1:
            self.wait()
            dist.destroy_process_group()
