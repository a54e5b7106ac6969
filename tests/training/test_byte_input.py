"""A quantised encoder that reads bytes gives what it gave before, a little closer to full precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pictell.training.byte_input import read_bytes
from pictell.training.quantise import quantise_convolutions


def write_graph(path: Path, scaling: list[onnx.NodeProto]) -> None:
    """`scaling` turns `pixels` into `x`; a convolution with padding follows."""
    random = np.random.default_rng(1)
    constants = {
        "weight": random.normal(0, 0.2, (8, 3, 3, 3)),
        "bias": random.normal(0, 0.1, 8),
        "half": np.array(127.5),
        "one": np.array(1.0),
    }
    model = helper.make_model(
        helper.make_graph(
            [
                *scaling,
                helper.make_node("Conv", ["x", "weight", "bias"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
                helper.make_node("Relu", ["c"], ["grid"]),
            ],
            "encoder",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["photos", 16, 16, 3])],
            [helper.make_tensor_value_info("grid", TensorProto.FLOAT, ["photos", 8, 8, 8])],
            [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, path)


USUAL = [
    helper.make_node("Transpose", ["pixels"], ["p"], perm=[0, 3, 1, 2]),
    helper.make_node("Cast", ["p"], ["f"], to=TensorProto.FLOAT),
    helper.make_node("Div", ["f", "half"], ["d"]),
    helper.make_node("Sub", ["d", "one"], ["x"]),
]


def run(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    [grid] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"pixels": pixels})
    assert isinstance(grid, np.ndarray)
    return grid


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)


def test_bytes_go_straight_into_the_first_convolution(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path, before = tmp_path / "encoder.onnx", tmp_path / "before.onnx"
    write_graph(path, USUAL)
    exact = run(path, pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pictell.training.quantise.read_bytes", lambda path: shutil.copy(path, before))
        quantise_convolutions(path, pixels)
    assert read_bytes(path)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert not operators & {"Cast", "Div", "Sub"}
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    error = np.abs(run(path, pixels) - exact)[inside].mean()
    assert error < np.abs(run(before, pixels) - exact)[inside].mean()
    assert np.abs(run(path, pixels) - exact).max() < 0.05 * exact.max()


def test_it_is_done_on_quantising(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = tmp_path / "encoder.onnx"
    write_graph(path, USUAL)
    quantise_convolutions(path, pixels)
    assert "Cast" not in {node.op_type for node in onnx.load(path).graph.node}


@pytest.mark.parametrize(
    "scaling",
    [
        [*USUAL[:2], helper.make_node("Div", ["f", "half"], ["d"]), helper.make_node("Tanh", ["d"], ["x"])],
        [*USUAL[:3], helper.make_node("Mul", ["d", "d"], ["x"])],
    ],
)
def test_what_is_no_scaling_stays(tmp_path: Path, pixels: NDArray[np.uint8], scaling: list[onnx.NodeProto]) -> None:
    path = tmp_path / "encoder.onnx"
    write_graph(path, scaling)
    quantise_convolutions(path, pixels)
    before = path.read_bytes()
    assert not read_bytes(path)
    assert path.read_bytes() == before
