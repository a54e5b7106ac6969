"""Padding moves into the convolution after it where that changes nothing, and stays elsewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper, parser

from pictell.models import CaptioningModel
from pictell.training import export
from pictell.training.graphs import fold_padding

CONV = "y = Conv<strides = [2, 2]>(padded, weight)"


def write(path: Path, body: str, pads: list[int], value: float = 0.0, outputs: str = "") -> None:
    """A graph from `x` (B, 3, 8, 8) to `y`, with `pads`, `value` and a convolution's `weight` (5, 3, 3, 3)."""
    model = parser.parse_model(
        '<ir_version: 9, opset_import: ["": 17]> graph (float[B, 3, 8, 8] x, int64[8] given) => '
        f"(float[B, 5, H, W] y{outputs}) {{ {body} }}"
    )
    constants = {
        "pads": np.array(pads),
        "half": np.array(pads[:4]),
        "other_half": np.array(pads[4:]),
        "value": np.array(value, np.float32),
        "weight": np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32),
    }
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in constants.items() if name in read)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def run(path: Path, pads: list[int]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    return list(session.run(None, {"x": x, "given": np.array(pads)}))


def kinds(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.mark.parametrize("pads", [[0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 2, 0, 0, 3, 0]])
@pytest.mark.parametrize(
    "body",
    [
        f"padded = Pad(x, pads) {CONV}",
        f"padded = Pad(x, pads, value) {CONV}",
        "padded = Pad(x, pads) y = Conv<pads = [1, 0, 2, 1]>(padded, weight)",
        f"computed = Concat<axis = 0>(half, other_half) same = Identity(computed) padded = Pad(x, same) {CONV}",
        "padded = Pad(x, pads) a = Conv(padded, weight) b = Conv(padded, weight) y = Add(a, b)",
    ],
)
def test_folds_what_can_be_folded(tmp_path: Path, body: str, pads: list[int]) -> None:
    path = tmp_path / "graph.onnx"
    write(path, body, pads)
    before = run(path, pads)
    assert fold_padding(path) == 1
    assert set(kinds(path)) <= {"Conv", "Add"}
    for one, other in zip(before, run(path, pads), strict=True):
        np.testing.assert_array_equal(one, other)
    assert fold_padding(path) == 0


@pytest.mark.parametrize(
    ("body", "pads", "value", "outputs"),
    [
        (f"padded = Pad(x, pads, value) {CONV}", [0, 0, 0, 0, 0, 0, 1, 1], 0.5, ""),
        (f'padded = Pad<mode = "reflect">(x, pads) {CONV}', [0, 0, 0, 0, 0, 0, 1, 1], 0, ""),
        (f"padded = Pad(x, pads) {CONV}", [1, 0, 0, 0, 0, 0, 1, 1], 0, ""),
        (f"padded = Pad(x, pads) {CONV}", [0, 0, 0, 0, 0, 0, -1, 1], 0, ""),
        (f"padded = Pad(x, given) {CONV}", [0, 0, 0, 0, 0, 0, 1, 1], 0, ""),
        (f"padded = Pad(x, pads) {CONV}", [0, 0, 0, 0, 0, 0, 1, 1], 0, ", float[B, 3, I, J] padded"),
        ('padded = Pad(x, pads) y = Conv<auto_pad = "SAME_UPPER">(padded, weight)', [0, 0, 1, 1, 0, 0, 1, 1], 0, ""),
        (f"padded = Pad(x, pads) {CONV} z = Relu(padded)", [0, 0, 0, 0, 0, 0, 1, 1], 0, ", float[B, 3, I, J] z"),
    ],
)  # fmt: skip
def test_leaves_everything_else(tmp_path: Path, body: str, pads: list[int], value: float, outputs: str) -> None:
    path = tmp_path / "graph.onnx"
    write(path, body, pads, value, outputs)
    before = run(path, pads)
    assert fold_padding(path) == 0
    assert kinds(path)["Pad"] == 1
    for one, other in zip(before, run(path, pads), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_encoder_is_rid_of_all_its_padding(
    telling_model: CaptioningModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folded").mkdir()
    (tmp_path / "plain").mkdir()
    export.export_graphs(telling_model, tmp_path / "folded")
    monkeypatch.setattr(export, "fold_padding", lambda path: 0)
    export.export_graphs(telling_model, tmp_path / "plain")
    assert kinds(tmp_path / "plain/encoder.onnx")["Pad"] == 5
    assert kinds(tmp_path / "folded/encoder.onnx")["Pad"] == 0
    assert kinds(tmp_path / "folded/encoder.onnx")["ConstantOfShape"] == 0, "nor is its arithmetic left"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    one, other = (
        onnxruntime.InferenceSession(tmp_path / name / "encoder.onnx", providers=["CPUExecutionProvider"]).run(
            None, {"pixels": pixels}
        )[0]
        for name in ("folded", "plain")
    )
    assert one.std() > 0.1
    np.testing.assert_array_equal(one, other)
