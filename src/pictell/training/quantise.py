"""Smaller and faster graphs: an 8-bit convolutional encoder, and a decoder that multiplies in 8 bits.

All scales are fixed beforehand, so that a photo's caption never depends on the photos beside it in a batch. The weights of
full convolutions use 7 of their 8 bits, because CPUs without VNNI add pairs of products in 16 bits and saturate otherwise;
depthwise convolutions add in 32 bits and use all 8.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pictell.language.vocabulary import START
from pictell.training.byte_input import read_bytes
from pictell.training.graphs import drop_unread


def quantise_convolutions(path: Path, photos: NDArray[np.uint8]) -> None:
    """Replaces the encoder at `path` by a statically quantised one, its activation ranges read off `photos`."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    weights = {}
    for node in onnx.load(path).graph.node:
        if node.op_type == "Conv":
            depthwise = any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)
            weights[node.input[1]] = [
                {"quant_type": QuantType.QInt8, "axis": 0, "symmetric": True, "reduce_range": not depthwise}
            ]

    class Photos(CalibrationDataReader):  # type: ignore[misc]  # the base class carries no types
        def __init__(self) -> None:
            self.batches = iter(np.array_split(photos, max(1, len(photos) // 16)))

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"pixels": batch}

    with tempfile.TemporaryDirectory() as temporary:
        quantised = Path(temporary) / "quantised.onnx"
        root = logging.getLogger()
        level = root.level
        # The quantiser advises on the root logger, onnxruntime warns of constants that are left over.
        root.setLevel(logging.ERROR)
        onnxruntime.set_default_logger_severity(3)
        try:
            quantize_static(
                path,
                quantised,
                Photos(),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                extra_options={"TensorQuantOverrides": weights},
                calibrate_method=CalibrationMethod.MinMax,
                op_types_to_quantize=["Conv", "Add", "Clip"],
            )
        finally:
            root.setLevel(level)
            onnxruntime.set_default_logger_severity(2)
        path.write_bytes(quantised.read_bytes())
    read_bytes(path)


def quantise_decoder(folder: Path, photos: NDArray[np.uint8], *, words: int = 12) -> None:
    """Quantises `start.onnx` and `step.onnx` in `folder`, with ranges from greedy captions of `photos` (B, S, S, 3).

    Products with weight matrices are done in 8 bits, what is left of the matrices is stored in 8 bits. `encoder.onnx`, as
    it stands in `folder`, gives the features.
    """
    import onnxruntime

    encoder, start, step = (
        onnxruntime.InferenceSession(folder / name, providers=["CPUExecutionProvider"])
        for name in ("encoder.onnx", "start.onnx", "step.onnx")
    )

    def run(session: Any, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip((output.name for output in session.get_outputs()), session.run(None, dict(feeds)), strict=True))

    batches = np.array_split(photos, max(1, len(photos) // 32))
    grids = [{"grid": run(encoder, {"pixels": batch})["grid"]} for batch in batches]

    def steps() -> Iterator[dict[str, NDArray[Any]]]:
        for grid in grids:
            feeds = {**run(start, grid), "tokens": np.full(len(grid["grid"]), START, np.int64)}
            for _ in range(words):
                yield feeds
                found = run(step, feeds)
                after = {f"state.{name[5:]}": value for name, value in found.items() if name.startswith("next.")}
                feeds = {**feeds, **after, "tokens": found["log_probs"].argmax(axis=1)}

    # What goes in is what the graphs give before they are changed.
    observed = list(steps())
    quantise_products(folder / "start.onnx", grids)
    quantise_products(folder / "step.onnx", observed)
    for name in ("start.onnx", "step.onnx"):
        shrink_matrices(folder / name)


def quantise_products(path: Path, runs: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Lets the graph at `path` multiply by its weight matrices in 8 bits, the other operand's ranges read off `runs`.

    `runs` are inputs of the graph as they occur. Integer sums do not depend on the order of their terms, so such a
    product gives the same bits for a row whatever other rows stand beside it.
    """
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    weights = {i.name: numpy_helper.to_array(i) for i in graph.initializer if i.data_type == TensorProto.FLOAT}
    products = [
        node
        for node in graph.node
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights and weights[node.input[1]].ndim == 2
    ]
    operands = list(dict.fromkeys(node.input[0] for node in products))
    given = {graph_input.name for graph_input in graph.input}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in operands if name not in given
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ranges = dict.fromkeys(operands, (0.0, 0.0))
    seen = [name for name in operands if name not in given]
    for feeds in runs:
        values = dict(zip(seen, session.run(seen, dict(feeds)), strict=True)) if seen else {}
        for name in operands:
            value = values[name] if name in values else feeds[name]
            low, high = ranges[name]
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    done: set[str] = set()
    nodes: list[Any] = []

    def constant(name: str, value: NDArray[Any]) -> None:
        graph.initializer.append(numpy_helper.from_array(value, name))

    for node in graph.node:
        if node not in products:
            nodes.append(node)
            continue
        operand, weight = node.input[0], node.input[1]
        low, high = ranges[operand]
        scale = max((high - low) / 255.0, 1e-12)
        if operand not in done:
            done.add(operand)
            constant(f"{operand}.uint8.scale", np.array(scale, np.float32))
            constant(f"{operand}.uint8.zero", np.array(round(-low / scale), np.uint8))
            about = [operand, f"{operand}.uint8.scale", f"{operand}.uint8.zero"]
            nodes.append(helper.make_node("QuantizeLinear", about, [f"{operand}.uint8"]))
        transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        matrix = weights[weight].T if transposed else weights[weight]
        scales = np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 127  # (columns,)
        result = node.output[0]
        # Unsigned on both sides: such products are added in 32 bits everywhere, so that all 8 bits can be used.
        constant(f"{result}.weight", (np.rint(matrix / scales) + 128).astype(np.uint8))  # (rows, columns)
        constant(f"{result}.weight.zero", np.array(128, np.uint8))
        constant(f"{result}.scale", (scales * scale).astype(np.float32))
        factors = [f"{operand}.uint8", f"{result}.weight", f"{operand}.uint8.zero", f"{result}.weight.zero"]
        nodes.append(helper.make_node("MatMulInteger", factors, [f"{result}.int32"], name=node.name))
        nodes.append(helper.make_node("Cast", [f"{result}.int32"], [f"{result}.float"], to=TensorProto.FLOAT))
        bias = list(node.input[2:])
        product = f"{result}.product" if bias else result
        nodes.append(helper.make_node("Mul", [f"{result}.float", f"{result}.scale"], [product]))
        if bias:
            nodes.append(helper.make_node("Add", [product, *bias], [result]))
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unread(graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def shrink_matrices(path: Path, *, smallest: int = 4096) -> None:
    """Stores the float matrices of the graph at `path` in 8 bits with one scale a row or column.

    A cast and a product bring them back; onnxruntime folds both when it loads the graph, so that it runs in full
    precision with rounded weights. Each row or column is scaled along the axis on which the other operand does not sum.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph_model = onnx.load(path)
    graph = graph_model.graph
    axes = {name: _kept_axis(graph, name) for name in {i.name for i in graph.initializer}}
    nodes: list[Any] = []
    for initializer in list(graph.initializer):
        values = numpy_helper.to_array(initializer)
        if initializer.data_type != TensorProto.FLOAT or values.ndim != 2 or values.size < smallest:
            continue
        axis = axes[initializer.name]
        scale = np.abs(values).max(axis=1 - axis, keepdims=True) / 127.0  # (rows, 1) or (1, columns)
        scale = np.where(scale == 0, 1.0, scale).astype(np.float32)
        small = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        name = initializer.name
        graph.initializer.remove(initializer)
        graph.initializer.extend(
            [numpy_helper.from_array(small, f"{name}.int8"), numpy_helper.from_array(scale, f"{name}.scale")]
        )
        nodes += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]),
        ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(graph_model)
    onnx.save(graph_model, path)


def _kept_axis(graph: Any, name: str) -> int:
    """The axis of a matrix that survives the product it is used in: columns for `x @ W`, rows where it is looked up."""
    for node in graph.node:
        if name in node.input:
            if node.op_type == "MatMul" and node.input[1] == name:
                return 1
            if node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute):
                return 1
    return 0
