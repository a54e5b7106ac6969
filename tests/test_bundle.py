"""Bundles: sealed, found, opened, and refused when something in them is not as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pictell import bundle as module
from pictell.bundle import NEEDED, Bundle, find_bundle, installed_bundles, seal
from pictell.errors import BundleError


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def edit_config(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_opens_what_was_sealed(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    assert bundle.label == "tiny@7"
    assert bundle.terms == "Random weights, for tests."
    assert bundle.architecture["encoder"] == {"name": "pooling"}
    assert set(bundle.files) == set(NEEDED)
    assert bundle.size == sum((tiny_bundle / name).stat().st_size for name in NEEDED)
    assert len(bundle.vocabulary) == 34
    assert bundle.preprocessing.size == 32
    assert (bundle.generation.beam, bundle.generation.max_words, bundle.generation.min_words) == (3, 12, 2)
    assert set(bundle.generation.never) == {0, 1, 3}
    bundle.check()


@pytest.mark.parametrize("name", [*NEEDED, "config.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name) as caught:
        Bundle.open(copy)
    assert caught.value.kind == "missing-file"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", NEEDED)
def test_an_altered_file_is_named(copy: Path, name: str) -> None:
    bundle = Bundle.open(copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=name) as caught:
        Bundle.open(copy).read(name)
    assert caught.value.kind == "altered-file"
    with pytest.raises(BundleError, match=name):
        bundle.check()
    (copy / name).write_bytes(content + b"!")
    with pytest.raises(BundleError, match=name) as caught:
        Bundle.open(copy)
    assert caught.value.kind == "altered-file"


def test_a_newer_minor_format_opens_and_a_newer_major_one_is_refused(copy: Path) -> None:
    edit_config(copy, format="1.9", something_new={"of": "later"})
    assert Bundle.open(copy).name == "tiny"
    edit_config(copy, format="2.0")
    with pytest.raises(BundleError, match=r"format 2\.0.*newer pictell") as caught:
        Bundle.open(copy)
    assert caught.value.kind == "newer-format"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": None},
        {"format": "one"},
        {"name": None, "files": []},
        {"version": "x"},
        {"files": {}},
        {"files": {"step.onnx": {"bytes": 1}}},
        {"architecture": 3},
    ],
)
def test_a_config_of_something_else_is_refused(copy: Path, changes: dict[str, Any]) -> None:
    edit_config(copy, **changes)
    with pytest.raises(BundleError) as caught:
        Bundle.open(copy)
    assert caught.value.kind == "not-a-bundle"
    assert "config.json" in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", "\udcff"])
def test_a_config_that_is_no_object_is_refused(copy: Path, text: str) -> None:
    (copy / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError) as caught:
        Bundle.open(copy)
    assert caught.value.kind == "not-a-bundle"


def test_a_listed_file_outside_the_directory_is_refused(copy: Path) -> None:
    outside = copy.parent / "outside"
    outside.write_bytes(b"x")
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    edit_config(copy, files={**config["files"], "../outside": {"bytes": 1, "sha256": "0"}})
    with pytest.raises(BundleError, match="outside"):
        Bundle.open(copy)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("generation.json", {"beam": 0, "max_words": 5}),
        ("generation.json", {"max_words": 5}),
        ("generation.json", []),
        ("preprocessing.json", {"size": "big"}),
        ("preprocessing.json", 3),
        ("vocabulary.json", {"language": "en", "tokens": ["a"]}),
    ],
)
def test_settings_that_make_no_sense_are_refused(copy: Path, name: str, content: Any) -> None:
    (copy / name).write_text(json.dumps(content), encoding="utf-8")
    bundle = seal(copy, name="odd", version=1, architecture={}, terms="")
    with pytest.raises(BundleError):
        getattr(bundle, name.removesuffix(".json"))


def test_sealing_again_takes_in_what_changed(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"weights")
    (copy / ".hidden").write_bytes(b"left out")
    bundle = seal(copy, name="other", version=8, architecture={"a": [1]}, terms="None.")
    assert bundle.label == "other@8"
    assert set(bundle.files) == {*NEEDED, "model.safetensors"}
    bundle.check()
    assert sorted(path.name for path in copy.iterdir() if path.name.startswith(".")) == [".hidden"]


def test_what_is_not_complete_is_not_sealed(copy: Path) -> None:
    before = (copy / "config.json").read_bytes()
    (copy / "LICENSE").unlink()
    with pytest.raises(BundleError, match="LICENSE"):
        seal(copy, name="x", version=1, architecture={}, terms="")
    assert (copy / "config.json").read_bytes() == before


def test_bundles_are_found_by_name_and_by_directory(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("pictell-default", 3), ("pictell-other", 1)):
        directory = Path(shutil.copytree(tiny_bundle, tmp_path / name))
        seal(directory, name=name, version=version, architecture={}, terms="")
    monkeypatch.setattr(module, "_INSTALLED", tmp_path)
    assert [bundle.label for bundle in installed_bundles()] == ["pictell-default@3", "pictell-other@1"]
    for asked in (None, "default", "pictell-default", "default@3", "pictell-default@3"):
        assert find_bundle(asked).label == "pictell-default@3"
    assert find_bundle("other").name == "pictell-other"
    assert find_bundle(tiny_bundle).name == find_bundle(str(tiny_bundle)).name == "tiny"
    with pytest.raises(BundleError, match="pictell-default, pictell-other") as caught:
        find_bundle("unheard-of")
    assert caught.value.kind == "unknown-model"
    monkeypatch.chdir(tiny_bundle)
    with pytest.raises(BundleError, match="no model ''"):
        find_bundle("")
    with pytest.raises(BundleError, match="installed is pictell-default@3"):
        find_bundle("default@2")


def test_where_nothing_is_installed_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_INSTALLED", tmp_path / "nowhere")
    assert installed_bundles() == []
    with pytest.raises(BundleError, match="none is installed"):
        find_bundle()
    with pytest.raises(BundleError, match=r"config\.json is missing"):
        find_bundle(tmp_path)
