"""8-bit graphs that another runtime computes to onnxruntime's last bit.

An 8-bit encoder rounds after every layer. Two runtimes that scale a layer's sums in different ways differ by one level in a
hundred thousand values, and the next layers make a tenth of the features' size of it: other captions. The sums themselves are
integers, the same in any order. So a graph is rewritten here that has them apart: a convolution of integers, its scaling in
the order in which onnxruntime's kernels do it (`QLinearConv`, `QLinearAdd`), and one rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Up to here every integer is a float32.
_EXACT = 2**24
_INT32 = 6  # as ONNX counts types
_ROUNDING = ("QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QLinearAdd")


def integer_sums(content: bytes) -> bytes | None:
    """The ONNX graph `content` rewritten; as it is where it rounds nothing; `None` where it rounds what has no exact sums.

    What it gives is to the last bit what onnxruntime makes of `content`, in any runtime that adds 8-bit products without
    saturation and fuses nothing over `Round`. Rewritten are convolutions and additions of 8-bit tensors with fixed scales, as
    `pictell.training.quantise` leaves them. A decoder rounds what comes from `Tanh` or `Softmax`, whose last bits no two
    runtimes share.
    """
    import onnx

    model = onnx.load_from_string(content)
    graph = _Graph(model.graph)
    if not any(node.op_type in _ROUNDING for node in model.graph.node):
        return content
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear":
            graph.nodes.append(node)
        elif not (graph.convolves(node) or graph.adds(node)):
            return None
    if any(node.op_type in _ROUNDING[1:] for node in model.graph.node):
        return None
    graph.finish()
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written


def sums_of_bytes(first: np.float32, second: np.float32, *zeros: int) -> NDArray[np.uint8]:
    """What onnxruntime's `QLinearAdd` gives for every two bytes, (256, 256), on a processor with fused multiply-add.

    `first` and `second` are the scales of the two divided by that of the sum, `zeros` the zero points of the three. Without that
    instruction (an x86-64 processor older than AVX2) onnxruntime itself may give another byte where a sum is next to a half.
    """

    def fused(numbers: Any, factor: np.float32, added: Any) -> NDArray[np.float32]:
        # In float64 there is room for all bits of the product and the sum: they are rounded once.
        return np.asarray(np.asarray(numbers, np.float64) * np.float64(factor) + added, np.float64).astype(np.float32)

    fixed = np.float32(zeros[2]) - fused(zeros[0], first, second * np.float32(zeros[1]))
    numbers = np.arange(256)
    sums = fused(numbers[:, None], first, fused(numbers, second, fixed)[None, :])
    return np.rint(sums).clip(0, 255).astype(np.uint8)


class _Graph:
    """A graph whose nodes are written anew, in their order, to `nodes`."""

    def __init__(self, graph: Any) -> None:
        from onnx import numpy_helper

        self._graph = graph
        self._values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._given = {output.name for output in graph.output}
        self._reads = [name for node in graph.node for name in node.input]
        self._dequantised: dict[str, str] = {}
        self.nodes: list[Any] = []

    def convolves(self, quantise: Any) -> bool:
        """Writes what `quantise` rounds anew, where that is a convolution of 8-bit numbers."""
        conv, after = self._alone(quantise, "Conv"), self._scale(quantise)
        if conv is None or after is None:
            return False
        picture, weight = self._dequantiser(conv.input[0]), self._makers.get(conv.input[1])
        before = None if picture is None else self._scale(picture)
        bias = self._makers.get(conv.input[2]) if len(conv.input) > 2 else None
        if before is None or weight is None or (len(conv.input) > 2 and bias is None):
            return False
        given = [self._values.get(name) for name in weight.input]
        added = None if bias is None else self._values.get(bias.input[0])
        if len(given) != 3 or any(value is None for value in given) or (bias is not None and added is None):
            return False
        weights, scales, zeros = (np.asarray(value) for value in given)
        channels = len(weights)
        sums = np.zeros(channels) if added is None else added
        most = np.abs(weights.astype(np.int64)).reshape(channels, -1).sum(axis=1) * 255 + np.abs(sums.astype(np.int64))
        if weights.dtype != np.int8 or zeros.any() or sums.ndim != 1 or most.max() >= _EXACT:
            return False
        out, shape = quantise.output[0], (-1, *[1] * (weights.ndim - 2))
        integers = self._node(
            "DequantizeLinear", [weight.input[0], *self._ones(out, channels)], f"{out}.weights", axis=0
        )
        inputs = [self._integers(picture), integers, self._constant(f"{out}.bias", sums.astype(np.float32))]
        total = self._node("Conv", inputs, f"{out}.sums", like=conv)
        # Rounding integers changes nothing; a scale that is moved into the weights would.
        total = self._node("Round", [total], f"{out}.whole")
        factors = np.broadcast_to(before * scales.astype(np.float32) / after, channels).reshape(shape)
        scaled = self._node("Mul", [total, self._constant(f"{out}.factors", factors)], f"{out}.scaled")
        self._round(scaled, out, self._values[quantise.input[2]])
        return True

    def adds(self, quantise: Any) -> bool:
        """Likewise, where that is the sum of two 8-bit tensors: a table has it for every two bytes."""
        add, after = self._alone(quantise, "Add"), self._scale(quantise)
        if add is None or after is None:
            return False
        parts = [self._dequantiser(name) for name in add.input]
        scales = [None if part is None else self._scale(part) for part in parts]
        first, second = scales
        if first is None or second is None:
            return False
        zeros = [int(self._values[node.input[2]].item()) for node in (*parts, quantise)]
        out = quantise.output[0]
        bytes_read = [
            self._node("Cast", [part.input[0]], f"{out}.byte{number}", to=_INT32) for number, part in enumerate(parts)
        ]
        row = self._node("Mul", [bytes_read[0], self._constant(f"{out}.columns", np.int32(256))], f"{out}.row")
        place = self._node("Add", [row, bytes_read[1]], f"{out}.place")
        table = sums_of_bytes(first / after, second / after, *zeros)
        self._node("Gather", [self._constant(f"{out}.table", table.reshape(-1)), place], out)
        return True

    def finish(self) -> None:
        """Puts the new nodes in the old ones' place, without those that nobody reads."""
        while True:
            read = {name for node in self.nodes for name in node.input} | self._given
            kept = [node for node in self.nodes if any(name in read for name in node.output)]
            if len(kept) == len(self.nodes):
                break
            self.nodes = kept
        constants = [each for each in self._graph.initializer if each.name in read]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(self.nodes)
        self._graph.initializer.extend(constants)

    def _alone(self, quantise: Any, kind: str) -> Any:
        """The node of this kind that `quantise` rounds, if nobody else reads what it gives."""
        name = quantise.input[0]
        maker = self._makers.get(name)
        alone = maker is not None and maker.op_type == kind and self._reads.count(name) == 1 and name not in self._given
        return maker if alone else None

    def _dequantiser(self, name: str) -> Any:
        """The node that makes floats called `name` of a tensor of 8 bits which is no constant."""
        maker = self._makers.get(name)
        is_one = maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] not in self._values
        return maker if is_one else None

    def _scale(self, node: Any) -> np.float32 | None:
        """The one scale of a (de)quantiser of unsigned bytes, `None` where it is another kind."""
        scale, zero = (self._values.get(name) for name in (*node.input[1:3], "", "")[:2])
        if scale is None or zero is None or scale.size != 1 or zero.size != 1 or zero.dtype != np.uint8:
            return None
        return np.float32(scale.item())

    def _integers(self, dequantise: Any) -> str:
        """The bytes that `dequantise` reads less their zero point, as floats."""
        name = dequantise.input[0]
        if name not in self._dequantised:
            scale = self._constant(f"{name}.one", np.ones((), np.float32))
            self._dequantised[name] = self._node(
                "DequantizeLinear", [name, scale, dequantise.input[2]], f"{name}.integers"
            )
        return self._dequantised[name]

    def _ones(self, name: str, channels: int) -> list[str]:
        scales = self._constant(f"{name}.ones", np.ones(channels, np.float32))
        return [scales, self._constant(f"{name}.zeros", np.zeros(channels, np.int8))]

    def _round(self, scaled: str, out: str, zero: NDArray[Any]) -> None:
        """Rounds, adds the zero point and cuts off what a byte does not hold: called `out`."""
        about = [self._constant(f"{out}.unit", np.ones((), np.float32)), self._constant(f"{out}.zero", zero)]
        # Before the zero point is added, whose sum with a fraction would be rounded itself.
        whole = self._node("Round", [scaled], f"{out}.rounded")
        self._node("QuantizeLinear", [whole, *about], out)

    def _node(self, kind: str, inputs: list[str], output: str, *, like: Any = None, **attributes: Any) -> str:
        from onnx import helper

        node = helper.make_node(kind, inputs, [output], **attributes)
        if like is not None:
            node.attribute.extend(like.attribute)
        self.nodes.append(node)
        return output

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self._graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name
