"""Fixtures that several test folders use."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pictell.models import CaptioningModel

# A shell that starts the tests in the background has them ignore interrupts, and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Busy machines are slow: no example is wrong for having taken long.
settings.register_profile("pictell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pictell")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; tests that need it skip where it is absent."""
    named = os.environ.get("PICTELL_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "flickr8k").is_dir():
        pytest.skip("the real data sets are not on this machine (name their folder in PICTELL_SHARED)")
    return folder / "data"


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed bundle of a few kilobytes: random weights, the graphs' real shapes, captions that differ by photo.

    Do not write into it; copy it first.
    """
    return _tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", seed=0)


@pytest.fixture(scope="session")
def other_tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_bundle`, with the same words and other weights."""
    return _tiny_bundle(tmp_path_factory.mktemp("bundles") / "other", seed=1)


def _tiny_bundle(directory: Path, *, seed: int) -> Path:
    from pictell.bundle import seal

    directory.mkdir()
    _write_tiny_graphs(directory, size=32, words=30, seed=seed)
    tokens = ["<pad>", "<start>", "<end>", "<unk>", *(f"word{i}" for i in range(30))]
    preprocessing = {"size": 32, "fit": "squash", "resample": "bilinear"}
    generation = {"beam": 3, "max_words": 12, "min_words": 2, "length_penalty": 0.0}
    (directory / "vocabulary.json").write_text(json.dumps({"language": "en", "tokens": tokens}), encoding="utf-8")
    (directory / "preprocessing.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    (directory / "generation.json").write_text(json.dumps(generation), encoding="utf-8")
    (directory / "LICENSE").write_text("For tests.\n", encoding="utf-8")
    (directory / "README.md").write_text("# Random weights\n", encoding="utf-8")
    seal(
        directory,
        name=directory.name,
        version=7,
        architecture={"encoder": {"name": "pooling"}, "decoder": {"name": "random"}},
        terms="Random weights, for tests.",
    )
    return directory


@pytest.fixture(scope="session")
def hf_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny captioner of each Hugging Face family, by its name. Do not write into them; copy them first."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("tiny_hf", Path(__file__).with_name("engines") / "tiny_hf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("hf")
    return {name: make(folder / name) for name, make in module.FAMILIES.items()}


@pytest.fixture(scope="session")
def telling_model() -> CaptioningModel:
    """Random weights, 30 words, large enough that photos and words are told apart and captions end. Do not train it."""
    import torch

    from pictell.models import build_model

    torch.manual_seed(0)
    decoder = {"name": "spatial_attention", "embedding": 12, "hidden": 16, "output": 16, "heads": 2}
    model = build_model({"encoder": {"name": "mobilenet_v2", "size": 64}, "decoder": decoder}, 30).eval()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter)
        for parameter in model.decoder.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
        # Weights that began small: as large as the others now.
        torch.nn.init.normal_(model.decoder.get_parameter("classify.weight"), std=0.3)
        model.decoder.get_parameter("classify.bias")[2] = 1.0
    return model


def _write_tiny_graphs(directory: Path, *, size: int, words: int, seed: int) -> None:
    """An encoder that averages 8 x 8 patches, and a plain recurrent cell that attends to them."""
    import onnx
    from onnx import parser

    vocabulary, patches, channels, hidden = words + 4, (size // 8) ** 2, 12, 16
    random = np.random.default_rng(seed)

    def weights(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (random.normal(size=shape) * scale).astype(np.float32)

    bias = weights(vocabulary)
    bias[2] = 2.5  # so that captions end
    graphs = {
        "encoder": (
            f"""<ir_version: 9, opset_import: ["": 17]>
            encoder (uint8[P, {size}, {size}, 3] pixels) => (float[P, {patches}, {channels}] grid) {{
                bytes = Cast<to = 1>(pixels)
                centred = Sub(bytes, grey)
                scaled = Div(centred, grey)
                planes = Transpose<perm = [0, 3, 1, 2]>(scaled)
                pooled = AveragePool<kernel_shape = [8, 8], strides = [8, 8]>(planes)
                flat = Reshape(pooled, flat_shape)
                regions = Transpose<perm = [0, 2, 1]>(flat)
                mixed = MatMul(regions, mix)
                grid = Tanh(mixed)
            }}""",
            {
                "grey": np.array(127.5, dtype=np.float32),
                "flat_shape": np.array([0, 3, patches]),
                "mix": weights(3, channels, scale=3.0),
            },
        ),
        "start": (
            f"""<ir_version: 9, opset_import: ["": 17]>
            start (float[P, {patches}, {channels}] grid) => (
                float[P, {patches}, {hidden}] "memory.keys", float[P, {patches}, {hidden}] "memory.values",
                float[P, {hidden}] "state.hidden"
            ) {{
                "memory.keys" = MatMul(grid, to_keys)
                "memory.values" = MatMul(grid, to_values)
                mean = ReduceMean<axes = [1], keepdims = 0>(grid)
                begin = MatMul(mean, to_hidden)
                "state.hidden" = Tanh(begin)
            }}""",
            {
                "to_keys": weights(channels, hidden, scale=0.3),
                "to_values": weights(channels, hidden),
                "to_hidden": weights(channels, hidden),
            },
        ),
        "step": (
            f"""<ir_version: 9, opset_import: ["": 17]>
            step (
                int64[N] tokens, float[P, {patches}, {hidden}] "memory.keys",
                float[P, {patches}, {hidden}] "memory.values", float[N, {hidden}] "state.hidden"
            ) => (float[N, {vocabulary}] log_probs, float[N, {hidden}] "next.hidden", float[N, {patches}] attention) {{
                word = Gather(embedding, tokens)
                carried = MatMul("state.hidden", recurrent)
                sum = Add(word, carried)
                query = Tanh(sum)
                photos = Shape<start = 0, end = 1>("memory.keys")
                shape = Concat<axis = 0>(photos, rest)
                queries = Reshape(query, shape)
                keys = Transpose<perm = [0, 2, 1]>("memory.keys")
                scores = MatMul(queries, keys)
                weights = Softmax<axis = -1>(scores)
                contexts = MatMul(weights, "memory.values")
                context = Reshape(contexts, flat)
                attention = Reshape(weights, flat_attention)
                both = Add(query, context)
                "next.hidden" = Tanh(both)
                logits = MatMul("next.hidden", to_words)
                biased = Add(logits, bias)
                log_probs = LogSoftmax<axis = -1>(biased)
            }}""",
            {
                "embedding": weights(vocabulary, hidden),
                "recurrent": weights(hidden, hidden, scale=0.3),
                "rest": np.array([-1, hidden]),
                "flat": np.array([-1, hidden]),
                "flat_attention": np.array([-1, patches]),
                "to_words": weights(hidden, vocabulary),
                "bias": bias,
            },
        ),
    }
    for name, (text, constants) in graphs.items():
        model = parser.parse_model(text)
        model.graph.initializer.extend(onnx.numpy_helper.from_array(array, key) for key, array in constants.items())
        onnx.checker.check_model(model)
        (directory / f"{name}.onnx").write_bytes(model.SerializeToString())
