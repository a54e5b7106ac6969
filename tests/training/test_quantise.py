"""Products in 8 bits: close to full precision, and the same bits for a row whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pictell.training.quantise import quantise_products


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """`y = tanh(x @ a) @ b.T + c`: a product without and one with a bias, the latter's matrix transposed."""
    random = np.random.default_rng(1)
    shapes = {"a": (24, 64), "b": (40, 64), "c": (40,)}
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "a"], ["xa"]),
                helper.make_node("Tanh", ["xa"], ["h"]),
                helper.make_node("Gemm", ["h", "b", "c"], ["y"], transB=1),
            ],
            "products",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 24])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 40])],
            [
                numpy_helper.from_array(random.normal(0, 0.2, shape).astype(np.float32), name)
                for name, shape in shapes.items()
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path = tmp_path / "graph.onnx"
    onnx.save(model, path)
    return path


def run(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    [y] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert isinstance(y, np.ndarray)
    return y


def test_products_stay_close_and_rows_apart(graph: Path) -> None:
    x = np.random.default_rng(2).normal(0, 1, (50, 24)).astype(np.float32)
    exact = run(graph, x)
    quantise_products(graph, [{"x": x[:25]}, {"x": x[25:]}])
    operators = [node.op_type for node in onnx.load(graph).graph.node]
    assert operators.count("MatMulInteger") == 2
    assert not {"MatMul", "Gemm"} & set(operators)
    rounded = run(graph, x)
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()
    for rows in (slice(0, 1), slice(3, 10), slice(49, 50)):
        np.testing.assert_array_equal(run(graph, x[rows]), rounded[rows])


def test_what_lies_outside_the_ranges_seen_is_clipped(graph: Path) -> None:
    x = np.random.default_rng(2).normal(0, 1, (50, 24)).astype(np.float32)
    quantise_products(graph, [{"x": x}])
    np.testing.assert_array_equal(run(graph, 100 * np.sign(x)), run(graph, 1000 * np.sign(x)))
