"""A bundle that says something else than its network is noticed, and never takes the place of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pictell.bundle import Bundle
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError
from pictell.language import Vocabulary
from pictell.models import CaptioningModel, build_model
from pictell.photos import Preprocessing
from pictell.training import export
from pictell.training.export import export_bundle, export_graphs
from pictell.training.parity import check_parity, compare

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)


def write(model: CaptioningModel, directory: Path) -> Bundle:
    tokens = ["<pad>", "<start>", "<end>", "<unk>", *(f"word{number}" for number in range(26))]
    export_bundle(
        model, Vocabulary(tokens), directory, name="tiny", version=1, terms="", licence="", card="",
        preprocessing=Preprocessing(size=64), generation={"beam": 2, "max_words": 9, "length_penalty": 0.0},
    )  # fmt: skip
    return Bundle.open(directory)


def altered(model: CaptioningModel, by: float) -> CaptioningModel:
    other = build_model(model.architecture, 30).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.decoder.get_parameter("classify.weight")[5:].add_(by)
    return other


def test_the_network_itself_agrees_and_another_does_not(telling_model: CaptioningModel, tmp_path: Path) -> None:
    bundle = write(telling_model, tmp_path / "bundle")
    difference, agreement = compare(TorchEngine(telling_model), OnnxEngine(bundle), PIXELS)
    assert difference < 1e-3
    assert agreement == 1
    check_parity(telling_model, bundle, PIXELS)
    with pytest.raises(BundleError, match=r"log-probabilities differ by 0\.\d+ from the run's") as caught:
        check_parity(altered(telling_model, 0.1), bundle, PIXELS)
    assert caught.value.kind == "parity"
    assert compare(TorchEngine(altered(telling_model, 100.0)), OnnxEngine(bundle), PIXELS)[1] < 1


def test_an_export_gone_wrong_leaves_the_bundle_that_was_there(
    telling_model: CaptioningModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write(telling_model, tmp_path / "bundle").read("step.onnx")
    monkeypatch.setattr(
        export, "export_graphs", lambda model, folder: export_graphs(altered(telling_model, 0.1), folder)
    )
    with pytest.raises(BundleError, match="differ"):
        write(telling_model, tmp_path / "bundle")
    assert Bundle.open(tmp_path / "bundle").read("step.onnx") == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
