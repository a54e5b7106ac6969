"""A step that a GPU repeats without being told its parts again: small networks wait for the CPU otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pictell.models.decoders.packing import fixed_shapes

Inputs = dict[str, Tensor]


def can_record(device: torch.device) -> bool:
    """Whether a step on this device can be recorded."""
    return device.type == "cuda"


class RecordedStep:
    """The forward and the backward pass of `loss`, recorded as a CUDA graph with the shapes of these inputs.

    `loss` must not look at a tensor's values or shapes that depend on them: it is called within `fixed_shapes`. What it draws
    at random is drawn anew in each repetition, from PyTorch's own generator.
    """

    def __init__(self, loss: Callable[[Inputs], Tensor], inputs: Inputs, parameters: Sequence[Tensor]) -> None:
        self._inputs = {name: tensor.clone() for name, tensor in inputs.items()}
        self._parameters = parameters
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside), fixed_shapes():
            for _ in range(3):  # libraries choose their algorithms and take their memory in the first calls
                self._forget()
                loss(self._inputs).backward()  # type: ignore[no-untyped-call]
        torch.cuda.current_stream().wait_stream(aside)
        self._forget()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"), fixed_shapes():
            self._loss = loss(self._inputs)
            self._loss.backward()  # type: ignore[no-untyped-call]
        self._gradients = [parameter.grad for parameter in parameters]

    def __call__(self, inputs: Inputs) -> float:
        """Leaves the gradients in the parameters, and gives the loss."""
        for name, tensor in inputs.items():
            self._inputs[name].copy_(tensor)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._loss.item()

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
