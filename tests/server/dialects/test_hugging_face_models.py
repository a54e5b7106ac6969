"""Models of Hugging Face beside one of pictell's, asked in every way that the service has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_helpers import Served, base64_of, data_url, picture, running

import pictell
from pictell.client import Client
from pictell.errors import BundleError, OptionError
from pictell.server.about import about
from pictell.server.models import Models
from pictell.steering import WORD_BY_WORD

pytest.importorskip("transformers")

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"


@pytest.fixture(scope="module")
def mixed(tiny_bundle: Path, hf_folders: dict[str, Path]) -> Iterator[Served]:
    models = (tiny_bundle, f"hf:{hf_folders['git']}", f"hf:{hf_folders['vit-gpt2']}")
    with running(*(part for model in models for part in ("--model", model)), "--threads", "2") as service:
        yield service


@pytest.fixture(scope="module")
def captioner(hf_folders: dict[str, Path]) -> pictell.Captioner:
    return pictell.load(f"hf:{hf_folders['git']}", threads=2)


def test_it_says_what_the_library_says(mixed: Served, captioner: pictell.Captioner, pictures: list[bytes]) -> None:
    asked: list[dict[str, Any]] = [{}, {"num": 3, "beam": 4}, {"start": "a dog", "max_words": 5}, {"style": "alt"}]
    with Client(mixed.url, model="hf:git") as client:
        for options in asked:
            ours = captioner.caption_many(pictures, force=True, **options)
            found = client.caption_many(pictures, force=True, **options)
            for mine, theirs in zip(ours, found, strict=True):
                assert isinstance(mine, pictell.Caption)
                assert isinstance(theirs, pictell.Caption)
                assert (theirs.text, theirs.raw, theirs.model) == (mine.text, mine.raw, "hf:git")
                assert theirs.log_prob == pytest.approx(mine.log_prob, abs=1e-3)
                assert theirs.confidence is None
                assert [each.text for each in theirs.alternatives] == [each.text for each in mine.alternatives]


def test_each_model_answers_for_itself(mixed: Served, pictures: list[bytes]) -> None:
    names = {"tiny": "tiny@7", "hf:git": "hf:git", "git": "hf:git", "HF:VIT-GPT2": "hf:vit-gpt2", None: "tiny@7"}
    for name, model in names.items():
        [result] = mixed.post({"image": base64_of(pictures[0]), "model": name, "force": True}).json["results"]
        assert result["model"] == model


@pytest.mark.parametrize(
    "asked",
    [
        {"must": "dog"},
        {"must_not": ["dog"]},
        {"target_words": 5},
        {"no_repeat": 2},
        {"no_dangling": True},
        {"num": 2, "diversity": 0.5},
        {"attention": True},
    ],
)
def test_what_goes_word_by_word_is_refused_as_on_the_command_line(
    mixed: Served, captioner: pictell.Captioner, asked: dict[str, Any]
) -> None:
    answer = mixed.post({"image": base64_of(picture()), "model": "hf:git", **asked})
    assert (answer.status, answer.kind) == (400, "option")
    with pytest.raises(OptionError) as raised:
        captioner.caption(picture(), **asked)
    assert answer.json["error"]["message"] == raised.value.message
    assert "hf:git" in raised.value.message
    tiny = {**asked, "must": "word1"} if "must" in asked else asked
    assert mixed.post({"image": base64_of(picture()), **tiny}).status == 200


def test_it_is_listed(mixed: Served, hf_folders: dict[str, Path]) -> None:
    told = mixed.ask("GET", "/v1/models").json
    assert [(model["name"], model["refuses"]) for model in told["models"]] == [
        ("tiny@7", []),
        ("hf:git", list(WORD_BY_WORD)),
        ("hf:vit-gpt2", list(WORD_BY_WORD)),
    ]
    ids = [card["id"] for card in told["data"]]
    assert {"hf:git", "hf:git:alt", "hf:vit-gpt2", "tiny"} <= set(ids)
    for name in ids:
        assert mixed.ask("GET", f"/v1/models/{name}").json["id"] == name
        assert mixed.ask("GET", f"/props?model={name}").json["model_alias"] == name
    tags = {tag["name"]: tag for tag in mixed.ask("GET", "/api/tags").json["models"]}
    assert {"hf:git:latest", "hf:git:alt", "tiny:latest"} <= set(tags)
    assert tags["hf:git:latest"]["details"]["families"] == ["git"]
    assert tags["hf:git:latest"]["details"]["format"] == "safetensors"
    assert tags["hf:git:latest"]["size"] > (hf_folders["git"] / "model.safetensors").stat().st_size
    assert tags["hf:git:latest"]["digest"] != tags["hf:vit-gpt2:latest"]["digest"]
    shown = mixed.post({"model": "hf:git"}, "/api/show").json
    assert shown["model_info"]["general.name"] == "hf:git"
    assert [each["name"] for each in mixed.ask("GET", "/api/ps").json["models"]] == [
        "tiny:latest", "hf:git:latest", "hf:vit-gpt2:latest"
    ]  # fmt: skip
    assert mixed.post({"model": "hf:git", "stream": False}, "/api/pull").status == 200
    models = mixed.ask("GET", "/page/facts.json").json["models"]
    assert models[1] == {"name": "hf:git", "language": "en", "refuses": list(WORD_BY_WORD)}


def test_every_dialect_asks_it(mixed: Served, captioner: pictell.Captioner) -> None:
    content = CAT.read_bytes()
    text = captioner.caption(content).text
    assert text
    parts = [{"type": "image_url", "image_url": {"url": data_url(content)}}]
    chat = {"model": "hf:git", "messages": [{"role": "user", "content": parts}]}
    said = mixed.post(chat, "/v1/chat/completions").json
    assert (said["choices"][0]["message"]["content"], said["model"]) == (text, "hf:git")
    asked = {"model": "hf:git", "input": [{"type": "input_image", "image_url": data_url(content)}]}
    assert mixed.post(asked, "/v1/responses").json["output"][0]["content"][0]["text"] == text
    for name in ("hf:git", "hf:git:latest", "git"):
        asked = {"model": name, "images": [base64_of(content)], "stream": False}
        assert mixed.post(asked, "/api/generate").json["response"] == text
    message = {"role": "user", "content": "", "images": [base64_of(content)]}
    asked = {"model": "hf:git", "messages": [message], "stream": False}
    assert mixed.post(asked, "/api/chat").json["message"]["content"] == text
    assert mixed.ask("POST", "/models/hf:git", content).json == [{"generated_text": text}]
    for path in ("/api/v1/vision/caption", "/caption"):
        told = mixed.post({"model": "hf:git", "images": [data_url(content)]}, path).json
        assert told["result"]["caption"] == {"text": text, "source": "image"}
        assert told["model"]["name"] == "hf:git"
    asked = {"model": "hf:git", "image": base64_of(content)}
    assert mixed.post(asked, "/sdapi/v1/interrogate").json == {"caption": text}
    alt = captioner.caption(content, style="alt").text
    asked = {"model": "hf:git:alt", "images": [base64_of(content)], "stream": False, "options": {"num_predict": 3}}
    short = captioner.caption(content, style="alt", max_words=3).text
    assert mixed.post(asked, "/api/generate").json["response"] == short
    assert mixed.post({**chat, "model": "hf:git:alt"}, "/v1/chat/completions").json["choices"][0]["message"] == {
        "role": "assistant", "content": alt, "refusal": None
    }  # fmt: skip


def test_as_the_default_it_is_asked_by_programs_that_name_none(
    hf_folders: dict[str, Path], captioner: pictell.Captioner, tmp_path: Path
) -> None:
    content = CAT.read_bytes()
    (tmp_path / "photo.jpg").write_bytes(content)
    with running("--model", f"hf:{hf_folders['git']}", "--lazy", "--photo-root", tmp_path) as served:
        assert not served.ask("GET", "/health").json["models"][0]["loaded"]
        told = served.post({"image_path": str(tmp_path / "photo.jpg")}, "/generate-caption")
        assert told.json == {"caption": captioner.caption(content).text}
        assert served.ask("GET", "/health").json["models"][0]["loaded"]
        assert served.ask("GET", "/unload-model").status == 200
        assert not served.ask("GET", "/health").json["models"][0]["loaded"]
        assert served.post({"image": base64_of(content)}).status == 200


# -- finding them -----------------------------------------------------------------------------------------------------


def test_a_folder_that_is_called_like_a_style(hf_folders: dict[str, Path], tmp_path: Path) -> None:
    from pictell.server.dialects.catalogue import choose

    (tmp_path / "alt").symlink_to(hf_folders["git"])
    folder = tmp_path / "plain"
    folder.mkdir()
    for file in hf_folders["git"].iterdir():
        (folder / file.name).symlink_to(file)
    models = Models([f"hf:{tmp_path / 'alt'}", f"hf:{folder}"], threads=1, most_pixels=1)
    assert [model.label for model in models.all] == ["hf:git", "hf:plain"], "a link is called as what it leads to"
    assert choose(models, "hf:plain").id == "hf:plain"
    assert choose(models, "hf:plain:alt").style == "alt"


@pytest.fixture
def hub(hf_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of the model some/one, which was fetched before; there is no network."""
    import huggingface_hub.constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    kept = tmp_path / "hub" / "models--some--one"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit, encoding="utf-8")
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / commit).symlink_to(hf_folders["git"])
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return commit


def test_a_model_of_the_hub_is_loaded_again_as_it_was_found(hub: str, tmp_path: Path) -> None:
    models = Models(["hf:some/one"], threads=1, most_pixels=10**8)
    [model] = models.all
    assert (model.label, model.name) == (f"hf:some/one@{hub[:7]}", "hf:some/one")
    assert model.about.version == hub[:7]
    for name in ("hf:some/one", "some/one", f"some/one@{hub[:7]}", f"hf:some/one@{hub[:7]}"):
        assert models.find(name) is model
    (tmp_path / "hub" / "models--some--one" / "refs" / "main").write_text("f" * 40, encoding="utf-8")
    captioner = model.captioner()
    assert captioner.model == model.label
    assert captioner.caption(picture(), force=True).model == model.label


@pytest.mark.parametrize("wrong", ["hf:/no/such/folder", "hf:FOLDER"])
def test_what_has_no_captions_keeps_the_service_from_starting(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(BundleError):
        about(wrong.replace("FOLDER", str(tmp_path)))


def test_it_speaks_alone(tiny_bundle: Path, hf_folders: dict[str, Path]) -> None:
    with pytest.raises(OptionError, match="no ensemble"):
        about(f"{tiny_bundle},hf:{hf_folders['git']}")
