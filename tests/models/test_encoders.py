"""Every registered encoder: shapes, batches, preprocessing, export, and that fine-tuning reaches it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pictell.bundle import Bundle
from pictell.engines.onnx import OnnxEngine
from pictell.errors import PictellError, RecipeError
from pictell.language import Vocabulary
from pictell.models import CaptioningModel, build_model
from pictell.models.captioning import ENCODERS
from pictell.models.encoders.base import Encoder
from pictell.models.encoders.hugging_face import FAMILIES
from pictell.photos import prepare
from pictell.training.export import export_bundle
from pictell.types import Photo

DECODER = {"name": "spatial_attention", "embedding": 8, "hidden": 16, "output": 8, "heads": 2}
PREPROCESSED = sorted(FAMILIES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    spec = importlib.util.spec_from_file_location("tiny_encoders", Path(__file__).with_name("tiny_encoders.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Path] = module.save_encoders(tmp_path_factory.mktemp("encoders"))
    return found


def settings_of(name: str, folders: dict[str, Path]) -> dict[str, Any]:
    if name == "mobilenet_v2":
        return {"name": name, "size": 32}
    # ConvNeXt's own preprocessing crops nothing from 384 pixels on; 64 are quicker.
    size = {"size": 64, "fit": "squash"} if name == "convnextv2" else {}
    return {"name": name, "from": str(folders[name]), **size}


def model_of(name: str, folders: dict[str, Path]) -> CaptioningModel:
    torch.manual_seed(0)
    model = build_model({"encoder": settings_of(name, folders), "decoder": DECODER}, 20).eval()
    if name == "mobilenet_v2":
        for parameter in model.encoder.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter)
    return model


@pytest.fixture(scope="module", params=sorted({*ENCODERS} - {"timm", "regions"}))
def model(request: pytest.FixtureRequest, folders: dict[str, Path]) -> CaptioningModel:
    return model_of(request.param, folders)


def photos(size: int, count: int = 3) -> torch.Tensor:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (count, 4, 4, 3))
    return torch.from_numpy(np.kron(coarse, np.ones((1, size // 4, size // 4, 1))).astype(np.uint8))


def test_shapes(model: CaptioningModel) -> None:
    encoder = model.encoder
    assert isinstance(encoder, Encoder)
    with torch.inference_mode():
        grid, whole = encoder.both(photos(encoder.size))
        again = encoder(photos(encoder.size))
    assert grid.shape == (3, encoder.regions, encoder.channels)
    assert grid.dtype == torch.float32
    assert whole.ndim == 2
    assert whole.shape == (3, encoder.channels)
    assert torch.equal(grid, again)
    assert encoder.regions == round(encoder.regions**0.5) ** 2
    assert (grid[0] - grid[1]).abs().max() > 1e-3


def test_batched_equals_single(model: CaptioningModel) -> None:
    pixels = photos(model.encoder.size)
    with torch.inference_mode():
        together = model.encoder(pixels)
        alone = torch.cat([model.encoder(pixels[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_what_is_saved_makes_the_same_encoder(model: CaptioningModel) -> None:
    architecture = json.loads(json.dumps(model.architecture))
    again = build_model(architecture, 20).eval()
    again.load_state_dict(model.state_dict())
    assert again.architecture == model.architecture
    assert again.encoder.preprocessing == model.encoder.preprocessing
    pixels = photos(model.encoder.size)
    with torch.inference_mode():
        torch.testing.assert_close(model.encoder(pixels), again.encoder(pixels), rtol=1e-3, atol=1e-3)


def test_all_of_its_state_can_be_averaged(model: CaptioningModel) -> None:
    assert all(value.is_floating_point() for value in model.state_dict().values())


def test_fine_tuning_reaches_every_part(model: CaptioningModel) -> None:
    encoder = model.encoder
    parts = encoder.parts()
    assert len(parts) > 2
    encoder.train_from(0)
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items() if "running" in name}
    encoder(photos(encoder.size)).square().mean().backward()
    learnt = {id(weight) for weights in parts for weight in weights}
    for name, weight in encoder.named_parameters():
        assert weight.requires_grad == (id(weight) in learnt), name
        if weight.requires_grad:
            assert weight.grad is not None, name
    assert sum(bool(w.grad.abs().sum() > 0) for weights in parts for w in weights if w.grad is not None) > len(parts)
    assert all(torch.equal(value, encoder.state_dict()[name]) for name, value in before.items())
    last = len(parts) - 1
    encoder.train_from(last)
    assert {id(w) for w in encoder.parameters() if w.requires_grad} == {id(w) for w in parts[last]}
    encoder.train_from(None)
    assert not any(weight.requires_grad for weight in encoder.parameters())
    encoder.zero_grad(set_to_none=True)
    encoder.train()
    pixels = photos(encoder.size)
    assert torch.equal(encoder(pixels), encoder(pixels))
    model.eval()


def test_a_bundle_says_the_same_without_torch(model: CaptioningModel, tmp_path: Path) -> None:
    tokens = ["<pad>", "<start>", "<end>", "<unk>", *(f"w{number}" for number in range(16))]
    export_bundle(
        model, Vocabulary(tokens), tmp_path / "b", name="b", version=1, terms="t", licence="l", card="c",
        preprocessing=model.encoder.preprocessing, generation={"beam": 2, "max_words": 5, "length_penalty": 0.0},
    )  # fmt: skip
    bundle = Bundle.open(tmp_path / "b")
    assert bundle.preprocessing == model.encoder.preprocessing
    pixels = photos(model.encoder.size, 5)
    with torch.inference_mode():
        expected = model.encoder(pixels).mean(dim=1).numpy()
    engine = OnnxEngine(bundle)
    np.testing.assert_allclose(engine.features(engine.encode(pixels.numpy())), expected, rtol=1e-3, atol=1e-3)
    one = engine.features(engine.encode(pixels[:1].numpy()))
    np.testing.assert_allclose(one, expected[:1], rtol=1e-3, atol=1e-3)


def test_it_comes_back_whole_from_transformers(model: CaptioningModel, tmp_path: Path) -> None:
    """Made without memory first, as transformers does: nothing that is not saved may be lost by it."""
    from pictell.hf import PictellConfig, PictellForImageCaptioning

    whole = PictellForImageCaptioning(PictellConfig(architecture=model.architecture, vocab_size=20)).eval()
    whole.network.load_state_dict(model.state_dict())
    whole.save_pretrained(tmp_path)
    again = PictellForImageCaptioning.from_pretrained(tmp_path)
    pixels = photos(model.encoder.size)
    with torch.inference_mode():
        torch.testing.assert_close(model.encoder(pixels), again.network.encoder(pixels), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", PREPROCESSED)
def test_preprocessing_is_that_of_transformers(name: str, folders: dict[str, Path]) -> None:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folders[name], backend="pil")
    encoder = build_model({"encoder": {"name": name, "from": str(folders[name])}, "decoder": DECODER}, 20).encoder
    seen: list[torch.Tensor] = []
    net = encoder.net
    hook = net.register_forward_pre_hook(
        lambda _module, _args, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    random = np.random.default_rng(1)
    for width, height in ((90, 60), (61, 133), (50, 50), (32, 32), (700, 500)):
        coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), np.uint8))
        picture = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        pixels = prepare(Photo(picture, width, height, "array"), encoder.preprocessing)
        with torch.inference_mode():
            encoder.eval()(torch.from_numpy(pixels)[None])
        theirs = processor(images=picture, return_tensors="pt")["pixel_values"]
        assert seen[-1].shape == theirs.shape
        # Two steps of 256: both round to bytes, of which crops may begin between two pixels.
        step = 2 / 255 / min(processor.image_std)
        assert (seen[-1] - theirs).abs().max() <= step
        assert (seen[-1] - theirs).abs().mean() <= step / 8
    hook.remove()


@pytest.mark.parametrize("name", PREPROCESSED)
def test_the_grid_is_that_of_transformers(name: str, folders: dict[str, Path]) -> None:
    import transformers

    model = model_of(name, folders)
    original = getattr(transformers, FAMILIES[name].model).from_pretrained(folders[name]).eval()
    seen: list[torch.Tensor] = []
    hook = model.encoder.net.register_forward_pre_hook(
        lambda _module, _args, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    with torch.inference_mode():
        grid = model.encoder(photos(model.encoder.size))
        hidden = original(pixel_values=seen[0]).last_hidden_state
    hook.remove()
    expected = hidden.flatten(2).transpose(1, 2) if hidden.ndim == 4 else hidden[:, -model.encoder.regions :]
    torch.testing.assert_close(grid, expected, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_is_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    def message(**settings: Any) -> str:
        with pytest.raises(PictellError) as raised:
            build_model({"encoder": settings, "decoder": DECODER}, 20)
        assert "\n" not in raised.value.message
        return raised.value.message

    assert "needs model.encoder.from" in message(name="resnet")
    assert "name the encoder vit" in message(name="resnet", **{"from": str(folders["vit"])})
    assert "neither a folder" in message(name="resnet", **{"from": "/no/such"})
    assert "a multiple of 8" in message(name="vit", size=36, **{"from": str(folders["vit"])})
    assert "did you mean" in message(name="vit", sise=36, **{"from": str(folders["vit"])})
    broken = Path(shutil.copytree(folders["vit"], tmp_path / "vit"))
    processor = json.loads((broken / "preprocessor_config.json").read_text(encoding="utf-8"))
    (broken / "preprocessor_config.json").write_text(json.dumps(processor | {"size": {"height": 32, "width": 48}}))
    assert "makes no square" in message(name="vit", **{"from": str(broken)})
    (broken / "preprocessor_config.json").unlink()
    assert "does not say how photos are prepared" in message(name="vit", **{"from": str(broken)})


def test_another_size_than_it_was_trained_with(folders: dict[str, Path]) -> None:
    for name in ("vit", "dinov2", "clip"):
        encoder = build_model(
            {"encoder": {"name": name, "size": 48, "from": str(folders[name])}, "decoder": DECODER}, 20
        ).encoder
        assert encoder.regions == 36


def test_only_the_default_encoder_is_rounded(folders: dict[str, Path]) -> None:
    encoder = model_of("vit", folders).encoder
    encoder.round_weights(False)
    with pytest.raises(RecipeError, match="round_weights is for the encoder mobilenet_v2"):
        encoder.round_weights(True)
    with pytest.raises(RecipeError, match=r"model.encoder.from"):
        encoder.load_pretrained(Path("x"))


def test_rates_fall_from_part_to_part(folders: dict[str, Path]) -> None:
    from pictell.training.trainer import encoder_rates

    encoder = model_of("vit", folders).encoder
    encoder.train_from(1)
    rates = encoder_rates(encoder, 0.1, 0.5)
    assert [rate for _, rate in rates] == pytest.approx(
        [0.1 * 0.5**left for left in range(len(encoder.parts()) - 2, -1, -1)]
    )
    assert sum(len(weights) for weights, _ in rates) == sum(w.requires_grad for w in encoder.parameters())
    [(weights, rate)] = encoder_rates(encoder, 0.1, 1.0)
    assert (len(weights), rate) == (sum(w.requires_grad for w in encoder.parameters()), 0.1)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("timm", Path(__file__).with_name("stand_in_for_timm.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


@pytest.mark.parametrize(("name", "regions"), [("vgg", 4), ("swin", 4), ("vit", 16)])
def test_timm_by_a_stand_in(stand_in: Any, name: str, regions: int, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    net = stand_in.create_model(name, pretrained=False, num_classes=0).eval()
    about = {
        "architecture": f"{name}.in1k",
        "pretrained_cfg": {
            "input_size": [3, 32, 32],
            "crop_pct": 0.8,
            "interpolation": "bilinear",
            "mean": [0.5] * 3,
            "std": [0.2] * 3,
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(about), encoding="utf-8")
    weights = {key: value for key, value in net.state_dict().items() if "num_batches" not in key}
    save_file(weights, tmp_path / "model.safetensors")
    model = build_model({"encoder": {"name": "timm", "from": str(tmp_path)}, "decoder": DECODER}, 20).eval()
    encoder = model.encoder
    assert (encoder.regions, encoder.channels) == (regions, 12)
    assert encoder.preprocessing.to_json() == {"size": 32, "fit": "crop", "resample": "bilinear", "short_side": 40}
    pixels = photos(32)
    with torch.inference_mode():
        seen = net.forward_features((pixels.permute(0, 3, 1, 2) / 255 - 0.5) / 0.2)
        expected = (
            seen[:, 1:] if name == "vit" else seen.flatten(1, 2) if name == "swin" else seen.flatten(2).transpose(1, 2)
        )
        torch.testing.assert_close(encoder(pixels), expected)
    again = build_model(json.loads(json.dumps(model.architecture)), 20).eval()
    again.load_state_dict(model.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(again.encoder(pixels), expected)
    encoder.train_from(0)
    encoder(pixels).square().mean().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(PictellError, match="has not the weights"):
        build_model({"encoder": {"name": "timm", "from": str(tmp_path)}, "decoder": DECODER}, 20)


def test_without_timm_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(RecipeError, match="needs the package timm"):
        build_model({"encoder": {"name": "timm", "from": "x"}, "decoder": DECODER}, 20)
