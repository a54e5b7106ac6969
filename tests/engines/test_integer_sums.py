"""8-bit graphs rewritten as sums of integers give onnxruntime's bytes, whatever runs them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pictell.bundle import find_bundle
from pictell.engines.integer_sums import integer_sums, sums_of_bytes
from pictell.engines.openvino import imported
from pictell.training.quantise import quantise_convolutions, quantise_products


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Convolutions of all kinds that an encoder has, one without a bias, and a sum of two of them, in 8 bits."""
    random = np.random.default_rng(3)
    weights = {
        "w1": (16, 3, 3, 3), "b1": (16,), "w2": (16, 1, 3, 3), "b2": (16,), "w3": (16, 16, 1, 1),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "w1", "b1"], ["c1"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["c1", "low", "high"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], group=16, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c2", "w3"], ["c3"]),
        helper.make_node("Add", ["c3", "c2"], ["sum"]),
        helper.make_node("Transpose", ["sum"], ["grid"], perm=[0, 2, 3, 1]),
    ]
    constants = [
        numpy_helper.from_array(random.normal(0, 0.3 if name != "w1" else 0.01, shape).astype(np.float32), name)
        for name, shape in weights.items()
    ]
    constants += [numpy_helper.from_array(np.float32(value), name) for name, value in (("low", 0), ("high", 6))]
    model = helper.make_model(
        helper.make_graph(
            nodes, "encoder", [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["photos", 32, 32, 3])],
            [helper.make_tensor_value_info("grid", TensorProto.FLOAT, ["photos", 16, 16, 16])], constants,
        ), opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )  # fmt: skip
    path = tmp_path / "encoder.onnx"
    onnx.save(model, path)
    return path


def photos(count: int, seed: int, size: int = 32) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    rough = random.integers(0, 256, (count, size // 8, size // 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return (rough + random.integers(-30, 30, rough.shape)).clip(0, 255).astype(np.uint8)


def run(content: bytes, feeds: dict[str, Any], *, as_written: bool = False) -> NDArray[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if as_written:  # every node by itself, in floats
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    [found] = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, feeds)
    assert isinstance(found, np.ndarray)
    return found


def test_an_encoder_has_the_same_bits_in_any_runtime(graph: Path) -> None:
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    assert integer_sums(graph.read_bytes()) == graph.read_bytes(), "what rounds nothing stays as it is"
    quantise_convolutions(graph, photos(64, seed=1))
    content = graph.read_bytes()
    kinds = [node.op_type for node in onnx.load(graph).graph.node]
    assert (kinds.count("Conv"), kinds.count("Add")) == (3, 1)
    written = integer_sums(content)
    assert written is not None
    core = imported("a test").Core()
    compiled = core.compile_model(core.read_model(written), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pixels = {"pixels": photos(50, seed=2)}
    wanted = run(content, pixels)
    assert len(np.unique(wanted)) > 50
    np.testing.assert_array_equal(run(written, pixels, as_written=True), wanted)
    np.testing.assert_array_equal(compiled(pixels)[0], wanted)


def test_the_shipped_encoder_has_the_same_bits() -> None:
    """Fifty-two layers: a single other byte in an early one would be all over the last."""
    content = find_bundle().read("encoder.onnx")
    written = integer_sums(content)
    assert written is not None
    pixels = {"pixels": photos(3, seed=4, size=224)}
    wanted = run(content, pixels)
    np.testing.assert_array_equal(run(written, pixels), wanted)
    # Which is no matter of course: the same graph, its scales applied in another order.
    assert (run(content, pixels, as_written=True) != wanted).mean() > 0.001


def test_sums_of_bytes_are_those_of_the_kernel() -> None:
    random = np.random.default_rng(5)
    a, b = (axis.astype(np.uint8) for axis in np.meshgrid(np.arange(256), np.arange(256), indexing="ij"))
    for _ in range(40):
        # Eighths and fifths: many sums are halves, or would be but for rounding.
        first, second, after = (random.integers(1, 9, 3) / 8 * np.array([0.1, 0.1, 0.2])).astype(np.float32)
        zeros = random.integers(0, 256, 3).astype(np.uint8)
        names = ["a", "a.scale", "a.zero", "b", "b.scale", "b.zero", "scale", "zero"]
        values = dict(zip([*names[1:3], *names[4:]], [first, zeros[0], second, zeros[1], after, zeros[2]], strict=True))
        node = helper.make_node("QLinearAdd", names, ["sum"], domain="com.microsoft")
        about = [helper.make_tensor_value_info(name, TensorProto.UINT8, [256, 256]) for name in ("a", "b", "sum")]
        constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
        model = helper.make_model(
            helper.make_graph([node], "sum", about[:2], about[2:], constants),
            opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8,
        )  # fmt: skip
        wanted = run(model.SerializeToString(), {"a": a, "b": b})
        np.testing.assert_array_equal(sums_of_bytes(first / after, second / after, *map(int, zeros)), wanted)


def test_what_is_not_known_to_be_exact_is_left(graph: Path, tmp_path: Path) -> None:
    quantise_convolutions(graph, photos(16, seed=1))
    model = onnx.load(graph)
    # Rounds what is no sum of integers.
    added = ["grid", "one", "none"]
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.float32(1), "one"), numpy_helper.from_array(np.uint8(0), "none")]
    )
    model.graph.node.append(helper.make_node("Tanh", ["grid"], ["bent"]))
    model.graph.node.append(helper.make_node("QuantizeLinear", ["bent", *added[1:]], ["bytes"]))
    model.graph.output.append(helper.make_tensor_value_info("bytes", TensorProto.UINT8, None))
    assert integer_sums(model.SerializeToString()) is None
    product = helper.make_model(
        helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 9])],
            [numpy_helper.from_array(np.random.default_rng(6).normal(size=(8, 9)).astype(np.float32), "w")],
        ), opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )  # fmt: skip
    path = tmp_path / "product.onnx"
    onnx.save(product, path)
    quantise_products(path, [{"x": np.ones((2, 8), np.float32)}])
    assert integer_sums(path.read_bytes()) is None


def test_sums_too_large_to_be_exact_are_left(graph: Path) -> None:
    quantise_convolutions(graph, photos(16, seed=1))
    model = onnx.load(graph)
    for constant in model.graph.initializer:
        if constant.data_type == TensorProto.INT32:
            constant.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(constant) + 2**24, constant.name))
    assert integer_sums(model.SerializeToString()) is None
