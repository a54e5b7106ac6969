"""A checkpoint looks through the encoder that is named, as that was trained to see photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from checkpoints import COUNTS, HEADS, KINDS, Write, tensors_of

from pictell.bundle import Bundle
from pictell.engines.onnx import OnnxEngine
from pictell.errors import PictellError
from pictell.importing import import_checkpoint


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    """A ResNet with few layers and as many channels as the checkpoints read, saved as people save them."""
    hf = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = hf.ResNetConfig(embedding_size=8, layer_type="basic", hidden_sizes=[8, 12, 16, 1280], depths=[1, 1, 1, 1])
    folder = tmp_path / "resnet-tiny"
    hf.ResNetModel(config).save_pretrained(folder)
    hf.ConvNextImageProcessorPil(size={"shortest_edge": 96}, crop_pct=0.8).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "prefix"), [("updown-bn2", ""), ("im2txt", "hf:")])
def test_a_resnet_of_transformers(kind: str, prefix: str, resnet: Path, write: Write, tmp_path: Path) -> None:
    path, words = write(kind)
    bundle = import_checkpoint(path, words, f"{prefix}{resnet}", tmp_path / "bundle", name="theirs", heads=HEADS).bundle
    assert bundle.preprocessing.size == 96
    assert bundle.preprocessing.fit == "crop"
    assert bundle.preprocessing.short_side == 120
    card = bundle.read("README.md").decode()
    assert "resnet-tiny" in card
    assert str(tmp_path) not in card + json.dumps(dict(bundle.architecture))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    session = onnxruntime.InferenceSession(bundle.directory / "encoder.onnx")
    grids = session.run(["grid"], {"pixels": pixels})[0].astype(np.float64)
    assert grids.shape == (2, 9, 1280)
    engine = OnnxEngine(bundle)
    found, _, _ = engine.step(np.full(2, 1), engine.start(engine.encode(pixels)))
    arrays = {name: array.astype(np.float32).astype(np.float64) for name, array in tensors_of(kind).items()}
    start, end = (COUNTS.index("<S>"), COUNTS.index("</S>")) if kind == "im2txt" else (0, 0)
    for grid, log_probs in zip(grids, found, strict=True):
        expected = KINDS[kind].log_probs(arrays, grid, [start])
        if kind == "im2txt":
            expected[start] = -np.inf
            expected -= np.log(np.exp(expected).sum())
        # The words stand in another order.
        np.testing.assert_allclose(np.sort(log_probs[2:]), np.sort(expected[np.isfinite(expected)]), atol=2e-4)
        assert abs(log_probs[2] - expected[end]) < 2e-4


def test_an_encoder_of_an_imported_model(resnet: Path, write: Write, tmp_path: Path) -> None:
    """In another size: as much of a photo is cut off."""
    path, words = write("fc")
    first = import_checkpoint(path, words, str(resnet), tmp_path / "first", name="first").bundle
    second = import_checkpoint(path, words, str(first.directory), tmp_path / "second", name="second", size=64).bundle
    assert (second.preprocessing.size, second.preprocessing.short_side) == (64, 80)
    again = import_checkpoint(path, words, str(first.directory), tmp_path / "again", name="again").bundle
    assert again.preprocessing == first.preprocessing
    assert Bundle.open(again.directory).architecture["encoder"] == first.architecture["encoder"]


def test_what_is_no_encoder(resnet: Path, write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    (resnet / "model.safetensors").unlink()
    with pytest.raises(PictellError, match="resnet-tiny") as caught:
        import_checkpoint(path, words, str(resnet), tmp_path / "bundle", name="theirs")
    assert "\n" not in caught.value.message
    (resnet / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(PictellError, match="is a bert, which is no encoder of pictell's: it has mobilenet_v2, resnet"):
        import_checkpoint(path, words, str(resnet), tmp_path / "bundle", name="theirs")
