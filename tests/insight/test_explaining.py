"""Explanations by each method: of the caption itself, and of a network whose maps are known."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pictell
from pictell.bundle import DEFAULT, installed_bundles, seal
from pictell.captioner import Captioner, load
from pictell.decoding import add_pieces, forced_log_probs
from pictell.errors import BundleError, MissingExtraError, OptionError, PhotoError
from pictell.insight import explain, looking
from pictell.insight.grid import hide
from pictell.insight.occlusion import occlusion_maps
from pictell.insight.spoken import Spoken, read, speak
from pictell.photos import prepare

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.jpg"))
Picture = Callable[..., NDArray[np.uint8]]

needs_default = pytest.mark.skipif(
    DEFAULT not in [bundle.name for bundle in installed_bundles()], reason="no model is installed with the package"
)


def test_explains_the_caption_that_is_given(captioner: Captioner, picture: Picture) -> None:
    for seed in range(4):
        caption, found = captioner.caption(picture(seed=seed)), explain(captioner, picture(seed=seed))
        assert (found.text, found.model, found.method) == (caption.text, caption.model, "attention")
        assert [word.text for word in found.words] == [word.text for word in caption.words]
        np.testing.assert_allclose([w.prob for w in found.words], [w.prob for w in caption.words], rtol=1e-4)
        assert found.maps.shape == (len(found.words), 4, 4)
        np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), 1, rtol=1e-5)
        assert found.photo.pixels.shape == (40, 48, 3)


def test_a_decoder_without_attention_is_explained_by_occlusion(blind: Captioner, picture: Picture) -> None:
    found = explain(blind, picture())
    assert found.method == "occlusion"
    assert found.maps.shape == (len(found.words), 7, 7)


def test_heat_shows_what_speaks_for_a_word(captioner: Captioner, picture: Picture) -> None:
    found = explain(captioner, picture(), method="occlusion")
    assert found.maps.min() < 0
    heat, highest = found.heat(), found.maps.max(axis=(1, 2))
    assert heat.min() == 0
    strong = highest >= np.median(highest)
    assert 0 < strong.sum() < len(strong)
    np.testing.assert_allclose(heat.max(axis=(1, 2))[strong], 1)
    np.testing.assert_allclose(heat.max(axis=(1, 2))[~strong], highest[~strong] / np.median(highest), rtol=1e-5)
    nothing = replace(found, maps=np.minimum(found.maps, 0))
    assert (nothing.heat() == 0).all()


def test_occlusion_is_the_drop_with_one_place_hidden(captioner: Captioner, picture: Picture) -> None:
    pixels = prepare(captioner.open(picture()), captioner.bundle.preprocessing)
    spoken = speak(captioner, pixels)
    np.testing.assert_allclose(read(captioner, pixels[None], spoken)[0], spoken.log_probs, atol=1e-4)
    maps = occlusion_maps(captioner, pixels, spoken, 3)
    changed = pixels.copy()
    changed[11:22, 22:] = np.rint(pixels.mean(axis=(0, 1)))  # of 32 pixels, the thirds end at 11 and 22
    expected = spoken.log_probs - read(captioner, changed[None], spoken)[0]
    np.testing.assert_allclose(maps[:, 1, 2], expected, atol=1e-4)
    assert np.abs(expected).max() > 0.01


@given(size=st.integers(1, 40), data=st.data())
def test_places_part_the_photo(size: int, data: st.DataObject) -> None:
    """Every pixel is hidden by exactly one place, and nothing else changes."""
    side = data.draw(st.integers(1, size))
    pixels = np.full((size, size, 3), 200, dtype=np.uint8)
    pixels[0, 0] = 0
    places = np.eye(side * side, dtype=bool).reshape(-1, side, side)
    mean = np.rint(pixels.mean(axis=(0, 1)))
    changed = np.stack([hide(pixels, place) for place in places])
    assert ((changed == mean) | (changed == pixels)).all()
    if (pixels != mean).any(axis=-1).all():
        assert ((changed != pixels).any(axis=-1).sum(axis=0) == 1).all()
    np.testing.assert_array_equal(hide(pixels, np.zeros((side, side), dtype=bool)), pixels)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_words_get_what_their_pieces_have(pieces: list[int]) -> None:
    values = np.random.default_rng(0).normal(size=(3, sum(pieces))).astype(np.float32)
    ends = np.cumsum(pieces)
    expected = [values[:, end - count : end].sum(axis=1) for end, count in zip(ends, pieces, strict=True)]
    np.testing.assert_allclose(add_pieces(values, pieces), np.stack(expected, axis=1), atol=1e-5)


# -- gradients ------------------------------------------------------------------------------------------------------


SMALL = {"embedding": 12, "hidden": 16}
DECODERS = {
    "spatial_attention": {**SMALL, "output": 16, "heads": 2},
    "show_and_tell": SMALL,
    "show_attend_tell": {**SMALL, "attention": 8},
    "adaptive_attention": {**SMALL, "attention": 8},
    "hard_attention": {**SMALL, "attention": 8},
    "att2in": {**SMALL, "attention": 8},
    "up_down": {**SMALL, "attention": 8},
    "aoanet": {**SMALL, "layers": 2, "heads": 2},
    "transformer": {"hidden": 16, "layers": 2, "heads": 2, "inner": 24},
    "full_transformer": {"hidden": 16, "encoder_layers": 1, "layers": 2, "heads": 2, "inner": 24},
    "meshed_memory": {"hidden": 16, "layers": 2, "heads": 2, "inner": 24, "slots": 3},
    "gpt2_prefix": {"hidden": 16, "layers": 2, "heads": 2, "prefix": 3, "positions": 16},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks of this size are quickest so, and beside other work many times so."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=DECODERS)
def network(request: pytest.FixtureRequest) -> Any:
    """A network with a decoder of each family, its weights random and large enough that the photo matters."""
    torch = pytest.importorskip("torch")
    from pictell.models import DECODERS as REGISTERED
    from pictell.models import build_model

    assert set(DECODERS) == set(REGISTERED)
    torch.manual_seed(0)
    decoder = {"name": request.param, **DECODERS[request.param]}
    model = build_model({"encoder": {"name": "mobilenet_v2", "size": 64}, "decoder": decoder}, 30).eval()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter)
        torch.nn.init.normal_(model.decoder.get_parameter("classify.weight"), std=0.5)
    return model


def test_gradients_sum_to_what_the_photo_adds(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Completeness: of each word, its log-probability less the one with nothing but the mean colour to look at."""
    from pictell.engines.torch import TorchEngine
    from pictell.insight import gradient

    monkeypatch.setattr(gradient, "_STEPS", 200)  # random weights make a rough way
    pixels = np.kron(np.random.default_rng(3).integers(0, 256, (4, 4, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    tokens = (7, 9, 11, 9)
    spoken = Spoken(tokens, ("ab", "c", "d"), (2, 1, 1), np.zeros(3, dtype=np.float32), None)
    maps = gradient.gradient_maps(network, 1, pixels, spoken)
    assert maps.shape == (3, 2, 2)
    engine = TorchEngine(network)
    blank = hide(pixels, np.ones((2, 2), dtype=bool))
    with_photo, without = forced_log_probs(engine, engine.encode(np.stack([pixels, blank])), [tokens] * 2, [0, 1])
    added = add_pieces((with_photo - without)[:-1], spoken.pieces)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), added, atol=0.02 * np.abs(added).max())
    assert np.abs(added).max() > 0.02


@needs_default
def test_gradients_of_the_shipped_model() -> None:
    pytest.importorskip("torch")
    from pictell.engines.torch import TorchEngine
    from pictell.insight.gradient import load_model

    captioner = pictell.load(threads=1)
    found = explain(captioner, EXAMPLES[0], method="gradient")
    assert (found.method, found.maps.shape) == ("gradient", (len(found.words), 7, 7))
    engine = TorchEngine(load_model(captioner.bundle))
    pixels = prepare(captioner.open(EXAMPLES[0]), captioner.bundle.preprocessing)
    memory = engine.encode(np.stack([pixels, hide(pixels, np.ones((7, 7), dtype=bool))]))
    with_photo, without = forced_log_probs(engine, memory, [speak(captioner, pixels).tokens] * 2, [0, 1])
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), (with_photo - without)[:-1], atol=0.05)


def test_without_pytorch_the_install_is_named(
    captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_module = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "torch" or name == "pictell.insight.gradient":
            raise ModuleNotFoundError(name)
        return load_module(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'pictell\[train\]'"):
        explain(captioner, picture(), method="gradient")


def test_gradients_need_weights_of_this_very_network(tiny_bundle: Path, tmp_path: Path, picture: Picture) -> None:
    pytest.importorskip("torch")
    with pytest.raises(BundleError, match=r"no model\.safetensors"):
        explain(load(tiny_bundle), picture(), method="gradient")
    other = tmp_path / "other"
    shutil.copytree(tiny_bundle, other)
    architecture = {
        "encoder": {"name": "mobilenet_v2", "size": 32},
        "decoder": {"name": "show_and_tell", "embedding": 8, "hidden": 8},
    }
    for content in (b"\0" * 20, b"\2\0\0\0\0\0\0\0{}"):  # no weights, and none of them
        (other / "model.safetensors").write_bytes(content)
        seal(other, name="other", version=1, architecture=architecture, terms="")
        with pytest.raises(BundleError, match=r"model\.safetensors") as caught:
            explain(load(other), picture(), method="gradient")
        assert "\n" not in caught.value.message


def test_an_ensemble_has_no_gradient(tiny_bundle: Path, picture: Picture) -> None:
    both = load([tiny_bundle, tiny_bundle])
    with pytest.raises(OptionError, match="of one model"):
        explain(both, picture(), method="gradient")
    alone = explain(load(tiny_bundle), picture())
    np.testing.assert_allclose(explain(both, picture()).maps, alone.maps, atol=1e-5)


# -- what cannot be explained, and what must hold of the shipped model ----------------------------------------------


def test_methods_are_named(captioner: Captioner, picture: Picture) -> None:
    with pytest.raises(OptionError, match="attention, occlusion, gradient"):
        explain(captioner, picture(), method="magic")  # type: ignore[arg-type]


@needs_default
def test_what_is_no_photo_has_nothing_to_explain() -> None:
    captioner = pictell.load(threads=1)
    black = np.zeros((300, 200, 3), dtype=np.uint8)
    with pytest.raises(PhotoError, match="no caption to explain"):
        explain(captioner, black)
    assert explain(captioner, black, force=True).words


@needs_default
def test_attention_of_the_shipped_model_is_neither_flat_nor_fixed() -> None:
    captioner = pictell.load(threads=1)
    found = [explain(captioner, path) for path in EXAMPLES]
    for each in found:
        of_it = looking([each.maps])
        assert of_it.entropy < 0.93 * of_it.uniform, f"{each.text}: attention is flat"
        assert of_it.moved > 0.15, f"{each.text}: attention stays where it is"
    firsts = np.stack([each.maps[1] for each in found])
    apart = np.abs(firsts[:, None] - firsts[None]).sum(axis=(2, 3)) / 2
    assert apart[~np.eye(len(firsts), dtype=bool)].min() > 0.15, "attention is the same for every photo"


def test_flat_and_fixed_attention_would_be_noticed() -> None:
    flat = np.full((6, 7, 7), 1 / 49, dtype=np.float32)
    assert looking([flat]).entropy > 0.93 * looking([flat]).uniform
    fixed = np.tile(np.random.default_rng(0).dirichlet(np.ones(49)).reshape(1, 7, 7), (6, 1, 1)).astype(np.float32)
    assert looking([fixed]).moved < 1e-6
