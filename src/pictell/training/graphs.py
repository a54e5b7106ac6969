"""Rewriting ONNX graphs so that they run faster and give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


def fold_padding(path: Path) -> int:
    """Lets the convolutions of the graph at `path` do the zero padding before them; returns how many took it over.

    PyTorch's convolution pads opposite sides alike, so that TensorFlow's 'SAME' padding becomes a node of its own; ONNX's
    has a number for each side (`pads`: top, left, bottom, right). The outputs stay the same to the last bit.
    """
    model = onnx.load(path)
    graph = model.graph
    outputs = {output.name for output in graph.output}
    folded = 0
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        readers = [node for node in graph.node if pad.output[0] in node.input]
        amounts = _zeros_around(model, pad)
        if amounts is None or pad.output[0] in outputs or not all(_may_pad(node, pad.output[0]) for node in readers):
            continue
        for conv in readers:
            own = next((list(a.ints) for a in conv.attribute if a.name == "pads"), [0, 0, 0, 0])
            kept = [a for a in conv.attribute if a.name not in ("pads", "auto_pad")]
            del conv.attribute[:]
            sums = [a + b for a, b in zip(own, amounts, strict=True)]
            conv.attribute.extend([*kept, helper.make_attribute("pads", sums)])
            conv.input[0] = pad.input[0]
        graph.node.remove(pad)
        folded += 1
    drop_unread(graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return folded


def _zeros_around(model: Any, pad: Any) -> list[int] | None:
    """Zeros added above, left, below and right of a picture, or `None` where `pad` does anything else."""
    mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
    inputs = [*pad.input, "", ""][:4]  # data, pads, value, axes
    amounts = _constant(model, inputs[1])
    value = _constant(model, inputs[2]) if inputs[2] else np.zeros(())
    if mode != b"constant" or inputs[3] or amounts is None or value is None or value.any():
        return None
    before, after = amounts.reshape(2, -1).tolist()
    # Nothing may be added to the batch or the channels, and nothing cut off.
    if len(before) != 4 or before[:2] + after[:2] != [0] * 4 or min(*before, *after) < 0:
        return None
    return [*before[2:], *after[2:]]


def _may_pad(node: Any, padded: str) -> bool:
    """Whether `node` is a convolution of the padded picture that says itself how it pads."""
    auto = next((a.s for a in node.attribute if a.name == "auto_pad"), b"NOTSET")
    return node.op_type == "Conv" and auto == b"NOTSET" and node.input[0] == padded and padded not in node.input[1:]


def _constant(model: Any, name: str) -> NDArray[Any] | None:
    """The value called `name` if it does not depend on the graph's inputs, else `None`."""
    from onnx.reference import ReferenceEvaluator

    initializers = {initializer.name: initializer for initializer in model.graph.initializer}
    makers = {output: place for place, node in enumerate(model.graph.node) for output in node.output}
    places: set[int] = set()
    constants: set[str] = set()
    waiting = [name]
    while waiting:
        wanted = waiting.pop()
        if wanted in initializers:
            constants.add(wanted)
        elif wanted not in makers:
            return None
        elif makers[wanted] not in places:
            places.add(makers[wanted])
            waiting += [given for given in model.graph.node[makers[wanted]].input if given]
    if name in initializers:
        value: NDArray[Any] = numpy_helper.to_array(initializers[name])
        return value
    part = helper.make_graph(
        [model.graph.node[place] for place in sorted(places)],
        "constant",
        [],
        [onnx.ValueInfoProto(name=name)],
        [initializers[constant] for constant in sorted(constants)],
    )
    evaluator: Any = ReferenceEvaluator(helper.make_model(part, opset_imports=model.opset_import))
    return np.asarray(evaluator.run(None, {})[0])


def drop_unread(graph: Any) -> None:
    """Removes the nodes and the initializers that nothing reads any more."""
    read = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):  # nodes stand in the order in which they are computed
        if read.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            read.update(node.input)
    for initializer in [initializer for initializer in graph.initializer if initializer.name not in read]:
        graph.initializer.remove(initializer)
