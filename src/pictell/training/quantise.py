"""Smaller and faster graphs: an 8-bit convolutional encoder, and decoder matrices kept in 8 bits.

All scales are fixed beforehand, so that a photo's caption never depends on the photos beside it in a batch. The weights of
full convolutions use 7 of their 8 bits, because CPUs without VNNI add pairs of products in 16 bits and saturate otherwise;
depthwise convolutions add in 32 bits and use all 8.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
