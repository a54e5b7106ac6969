from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.errors import BundleError
from pictell.hub import find_hub_model


def model(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "git"}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def kind_of(name: str | Path, **named: Any) -> str:
    with pytest.raises(BundleError) as raised:
        find_hub_model(str(name), **named)
    assert "\n" not in raised.value.message
    assert str(name) in raised.value.message
    return raised.value.kind


def test_a_folder_is_found_by_its_path(tmp_path: Path) -> None:
    found = find_hub_model(str(model(tmp_path / "mine")))
    assert (found.folder, found.label) == (tmp_path / "mine", "mine")
    assert found.config == {"model_type": "git"}


@pytest.mark.parametrize(
    "files",
    [
        {"config": {"model_type": "git", "auto_map": {"AutoModel": "evil.Model"}}},
        {"config": {"model_type": "git", "vision_config": {"auto_map": {"AutoModel": "evil.Model"}}}},
        {"config": {"model_type": "git", "custom_pipelines": {"x": {"impl": "evil.X"}}}},
        {"tokenizer_config": {"auto_map": {"AutoTokenizer": ["evil.T", None]}}},
        {"preprocessor_config": {"parts": [{"auto_map": {"AutoImageProcessor": "evil.P"}}]}},
        {"processor_config": {"image_processor": {"auto_map": {"AutoImageProcessor": "evil.P"}}}},
    ],
)
def test_code_that_a_model_brings_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    assert kind_of(model(tmp_path / "mine", **files)) == "remote-code"


def test_words_of_a_tokeniser_are_no_code(tmp_path: Path) -> None:
    assert find_hub_model(
        str(model(tmp_path / "mine", tokenizer={"vocab": {"auto_map": 1}}, config={"model_type": "git"}))
    )


def test_other_weights_than_safetensors_are_not_opened(tmp_path: Path) -> None:
    folder = model(tmp_path / "mine")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert kind_of(folder) == "no-safetensors"
    assert find_hub_model(str(folder), weights=False).label == "mine"
    for wrong in (
        ["pytorch_model.bin"],
        ["../mine/pytorch_model.bin"],
        ["model-1.safetensors"],
        ["a/b.safetensors"],
        [3],
        [],
    ):
        index = {"weight_map": {str(number): file for number, file in enumerate(wrong)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
        assert kind_of(folder) == "no-safetensors"
    (folder / "model-1.safetensors").write_bytes(b"")
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert find_hub_model(str(folder)).label == "mine"


def test_without_a_network_the_way_with_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BundleError, match="copy the model here and name its folder, hf:FOLDER") as raised:
        find_hub_model("owner/name")
    assert raised.value.kind == "no-network"
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    "name", ["", ".", "name", "no/such/folder", "/no/such", "../x/y", "owner/na me", "https://x/y", "~/nothing"]
)
def test_what_is_no_name_of_the_hub_asks_nobody(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)  # asked, it would fail otherwise
    assert kind_of(name) in ("unknown-model", "not-a-model")


@settings(max_examples=40)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_a_model_or_an_error_with_a_name(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = model(tmp_path_factory.mktemp("any"), config=content)
    known = isinstance(content, dict) and isinstance(content.get("model_type"), str) and "auto_map" not in str(content)
    if not known:
        assert kind_of(folder) in ("not-a-model", "remote-code")


def test_damaged_json_is_named(tmp_path: Path) -> None:
    folder = model(tmp_path / "mine")
    for damaged in (b"{", b"\xff\xfe", b"[" * 100_000):
        (folder / "tokenizer_config.json").write_bytes(damaged)
        assert kind_of(folder) == "not-a-model"
