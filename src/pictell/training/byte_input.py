"""A quantised encoder that reads the photo's bytes as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.training.graphs import drop_unread

_SCALING = ("Cast", "Transpose", "Add", "Sub", "Mul", "Div")


def read_bytes(path: Path) -> bool:
    """Lets the first convolution of the quantised graph at `path` take the photo's bytes for its 8-bit input.

    The graph scales bytes to floats (`byte / 127.5 - 1`, say) only to round them to 8 bits again. Both together are the
    byte itself under another scale and zero point; what the zero point's rounding leaves over goes into the
    convolution's bias (at padded borders it cannot, and stays as half a step of the scale). Returns whether the graph
    was of that form; any other stays as it is.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    values = {initializer.name: initializer for initializer in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    if len(graph.input) != 1:
        return False
    chain, quantise = _scaling_of(graph, graph.input[0].name)
    if quantise is None:
        return False
    [dequantise] = _readers(graph, quantise.output[0])
    convolutions = _readers(graph, dequantise.output[0])
    affine = _as_affine(model, chain, quantise.input[0])
    if affine is None or len(convolutions) != 1 or convolutions[0].op_type != "Conv":
        return False
    factor, shift = affine
    zero = int(np.clip(round(-shift / factor), 0, 255))
    left_over = shift + factor * zero

    weight_from, bias_from = (makers[name] for name in convolutions[0].input[1:3])
    weight, weight_scale = (numpy_helper.to_array(values[name]) for name in weight_from.input[:2])
    bias, bias_scale = (numpy_helper.to_array(values[name]) for name in bias_from.input[:2])
    sums = weight.reshape(len(weight), -1).sum(axis=1) * weight_scale.astype(np.float64)  # (C,)
    scales = factor * weight_scale.astype(np.float64)  # (C,), as the integer sums of this convolution are scaled
    shifted = np.rint((bias * bias_scale.astype(np.float64) + left_over * sums) / scales)

    def replace(name: str, value: NDArray[Any]) -> None:
        values[name].CopyFrom(numpy_helper.from_array(value, name))

    replace(bias_from.input[0], shifted.astype(np.int32))
    replace(bias_from.input[1], scales.astype(np.float32))
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(factor, np.float32), "pixels.scale"),
            numpy_helper.from_array(np.array(zero, np.uint8), "pixels.zero"),
        ]
    )
    source = graph.input[0].name
    kept = []
    for node in chain:
        if node.op_type == "Transpose":
            kept.append(helper.make_node("Transpose", [source], [f"{node.output[0]}.bytes"]))
            kept[-1].attribute.extend(node.attribute)
            source = kept[-1].output[0]
    dequantise.input[:] = [source, "pixels.scale", "pixels.zero"]
    for node in [*chain, quantise]:
        graph.node.remove(node)
    for node in reversed(kept):
        graph.node.insert(0, node)
    drop_unread(graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return True


def _scaling_of(graph: Any, name: str) -> tuple[list[Any], Any | None]:
    """The nodes that scale the input called `name`, and the node that rounds it then, or `None` if another comes."""
    chain: list[Any] = []
    while len(readers := _readers(graph, name)) == 1:
        [node] = readers
        if node.op_type == "QuantizeLinear":
            return chain, node if len(_readers(graph, node.output[0])) == 1 else None
        if node.op_type not in _SCALING:
            break
        chain.append(node)
        name = node.output[0]
    return chain, None


def _readers(graph: Any, name: str) -> list[Any]:
    return [node for node in graph.node if name in node.input]


def _as_affine(model: Any, chain: list[Any], output: str) -> tuple[float, float] | None:
    """`a` and `b` where the chain turns every byte into `a * byte + b`, else `None`."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    made = {name for node in chain for name in node.output}
    [source] = model.graph.input
    outside = {name for node in chain for name in node.input} - made - {source.name}
    constants = [node for node in model.graph.node if node.op_type == "Constant" and node.output[0] in outside]
    part = helper.make_graph(
        [*constants, *chain],
        "scaling",
        [source],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [initializer for initializer in model.graph.initializer if initializer.name in outside],
    )
    evaluator: Any = ReferenceEvaluator(helper.make_model(part, opset_imports=model.opset_import))
    shape = [d.dim_value or 1 for d in source.type.tensor_type.shape.dim]
    pixels = np.zeros(shape, np.uint8)
    levels = []
    for byte in (0, 1, 255):
        pixels[:] = byte
        found = np.asarray(evaluator.run(None, {source.name: pixels})[0], dtype=np.float64)
        if np.ptp(found) > 0:
            return None
        levels.append(float(found.flat[0]))
    low, one, high = levels
    factor = (high - low) / 255
    if factor <= 0 or abs(one - low - factor) > 1e-6:
        return None
    return factor, low
