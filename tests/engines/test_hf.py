from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import pictell
from pictell.captioner import Captioner
from pictell.errors import BundleError, OptionError

BEGUN = ("blip", "git", "vit-gpt2", "blip-2")  # whose captions may be begun
FAMILIES = (*BEGUN, "blip-2-t5")


@pytest.fixture(scope="module")
def captioners(hf_folders: dict[str, Path]) -> dict[str, Captioner]:
    return {name: pictell.load(f"hf:{folder}", threads=1) for name, folder in hf_folders.items()}


def captions(captioner: Captioner, pictures: list[np.ndarray], **named: Any) -> list[pictell.Caption]:
    results = captioner.caption_many(pictures, force=True, **named)
    assert all(isinstance(result, pictell.Caption) for result in results), results
    return results  # type: ignore[return-value]


def theirs(folder: Path) -> tuple[Any, Any, Any]:
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    return model, transformers.AutoTokenizer.from_pretrained(folder), processor


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_captions_are_those_of_transformers(
    captioners: dict[str, Captioner], hf_folders: dict[str, Path], pictures: list[np.ndarray], family: str, beam: int
) -> None:
    ours = captions(captioners[family], pictures, beam=beam, num=beam)
    model, tokenizer, processor = theirs(hf_folders[family])
    compared = 0
    for picture, caption in zip(pictures, ours, strict=True):
        pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
        found = model.generate(pixel_values=pixels, num_beams=beam, num_return_sequences=beam, max_new_tokens=21)
        texts = [" ".join(text.split()) for text in tokenizer.batch_decode(found, skip_special_tokens=True)]
        if family == "blip":
            ended = (found == 3).any(dim=1).all()
        else:
            ended = (
                (found[:, 1 if family == "blip-2-t5" else 5 :] == model.generation_config.eos_token_id).any(dim=1).all()
            )
        if ended:  # pictell lets a sentence that is cut off end there
            assert [caption.text, *(other.text for other in caption.alternatives)] == list(dict.fromkeys(texts))
            compared += 1
    assert compared or beam == 1 or family.startswith("blip")
    assert len({caption.text for caption in ours}) > 1


def log_probs_by_teacher_forcing(folder: Path, family: str, picture: np.ndarray, tokens: list[int]) -> list[float]:
    model, _, processor = theirs(folder)
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    if family == "vit-gpt2":
        prompt = [model.generation_config.decoder_start_token_id]
        read = {"decoder_input_ids": torch.tensor([[*prompt, *tokens]])}
    elif family == "blip-2":
        prompt = [model.config.image_token_id] * 4 + [model.config.text_config.bos_token_id]
        read = {"input_ids": torch.tensor([[*prompt, *tokens]])}
    else:
        prompt = [2]
        read = {"input_ids": torch.tensor([[*prompt, *tokens]])}
    with torch.inference_mode():
        logits = model(pixel_values=pixels, **read).logits[0, -len(tokens) - 1 : -1]
    return torch.log_softmax(logits, -1)[torch.arange(len(tokens)), tokens].tolist()


@pytest.mark.parametrize("start", ["", "a dog"])
@pytest.mark.parametrize("family", BEGUN)
def test_log_probabilities_are_the_models(
    captioners: dict[str, Captioner], hf_folders: dict[str, Path], pictures: list[np.ndarray], family: str, start: str
) -> None:
    captioner = captioners[family]
    engine = captioner._sentences  # type: ignore[attr-defined]
    seen: list[list[int]] = []
    sentence = engine._sentence

    def watched(tokens: list[int], log_probs: list[float]) -> Any:
        seen.append(tokens)
        return sentence(tokens, log_probs)

    engine._sentence = watched
    try:
        found = captions(captioner, pictures[:3], beam=3, max_words=6, start=start)
    finally:
        del engine._sentence
    for picture, caption, tokens in zip(pictures, found, seen, strict=False):
        expected = log_probs_by_teacher_forcing(hf_folders[family], family, picture, tokens)
        assert caption.log_prob == pytest.approx(sum(expected), abs=1e-3)
        ends = expected[-1]
        assert sum(np.log(word.prob) for word in caption.words) == pytest.approx(sum(expected) - ends, abs=1e-3)
        assert caption.text is not None
        assert [word.text for word in caption.words] == caption.text.split()
        assert caption.text.startswith(start)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beam", [1, 3])
def test_batched_equals_single(
    captioners: dict[str, Captioner], pictures: list[np.ndarray], family: str, beam: int
) -> None:
    asked = {"beam": beam, "num": beam, "max_words": 8, "features": True}
    together = captions(captioners[family], pictures, batch_size=6, **asked)
    alone = [captions(captioners[family], [picture], **asked)[0] for picture in pictures]
    assert [caption.text for caption in together] == [caption.text for caption in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3)
        assert one.features is not None
        assert other.features is not None
        np.testing.assert_allclose(one.features, other.features, atol=1e-4)
    assert not np.allclose(together[0].features, together[1].features, atol=1e-2)


@pytest.mark.parametrize("family", BEGUN)
def test_lengths_and_beginnings(captioners: dict[str, Captioner], pictures: list[np.ndarray], family: str) -> None:
    for beam in (1, 3):
        for caption in captions(captioners[family], pictures, max_words=3, beam=beam):
            assert len(caption.words) <= 3
        for caption in captions(captioners[family], pictures, min_words=7, max_words=9, beam=beam):
            assert 7 <= len(caption.words) <= 9
        for caption in captions(captioners[family], pictures, start="a dog", max_words=4, beam=beam):
            assert [word.text for word in caption.words[:2]] == ["a", "dog"]
            assert len(caption.words) <= 4
        for caption in captions(captioners[family], pictures, start="a dog", max_words=2, beam=beam):
            assert caption.text == "a dog"


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_depend_on_the_photo_and_the_seed_alone(
    captioners: dict[str, Captioner], pictures: list[np.ndarray], family: str
) -> None:
    asked: dict[str, Any] = {"sample": True, "num": 2, "temperature": 1.5, "max_words": 6}
    before = torch.random.get_rng_state()
    first = captions(captioners[family], pictures, seed=3, **asked)
    again = [captions(captioners[family], [picture], seed=3, **asked)[0] for picture in reversed(pictures)][::-1]
    assert torch.equal(before, torch.random.get_rng_state())
    assert first == again
    assert first != captions(captioners[family], pictures, seed=4, **asked)
    assert first != captions(captioners[family], pictures, **asked)


@pytest.mark.parametrize(
    "asked",
    [{"must": "dog"}, {"must_not": "dog"}, {"target_words": 5}, {"no_repeat": 2}, {"no_dangling": True},
     {"num": 2, "diversity": 0.5}],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(captioners: dict[str, Captioner], asked: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"{list(asked)[-1]} cannot be asked of hf:git"):
        captioners["git"].check(pictell.CaptionOptions(**asked))


def test_a_model_that_reads_a_question_is_not_begun(captioners: dict[str, Captioner]) -> None:
    with pytest.raises(OptionError, match="start cannot be asked of hf:blip-2-t5"):
        captioners["blip-2-t5"].check(pictell.CaptionOptions(start="a dog"))


def test_an_unknown_word_at_the_beginning_is_named(captioners: dict[str, Captioner]) -> None:
    with pytest.raises(OptionError, match="cannot spell 'a zebra'"):
        captioners["blip"].check(pictell.CaptionOptions(start="a zebra"))


def test_what_is_no_photo_gets_a_reason(captioners: dict[str, Captioner]) -> None:
    caption = captioners["blip"].caption(np.zeros((40, 40, 3), np.uint8))
    assert caption.text is None
    assert caption.reason


def test_styles_word_its_captions(captioners: dict[str, Captioner], pictures: list[np.ndarray]) -> None:
    plain = captioners["git"].caption(pictures[1], force=True)
    hedged = captioners["git"].caption(pictures[1], force=True, style="hedged")
    assert hedged.text == f"Possibly: {plain.text}"


def test_several_models_are_no_ensemble(hf_folders: dict[str, Path]) -> None:
    with pytest.raises(OptionError, match="no ensemble"):
        pictell.load([f"hf:{hf_folders['git']}", "pictell-default"])


def test_what_goes_word_by_word_is_refused(captioners: dict[str, Captioner]) -> None:
    for part in ("bundle", "engine"):
        with pytest.raises(OptionError, match="only gives whole sentences"):
            getattr(captioners["git"], part)


def test_a_kind_without_captions_is_refused(tmp_path: Path) -> None:
    transformers.ViTModel(
        transformers.ViTConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(tmp_path)
    with pytest.raises(BundleError, match="of the kind 'vit'") as raised:
        pictell.load(f"hf:{tmp_path}")
    assert "\n" not in raised.value.message


def test_weights_that_are_not_there_are_named(hf_folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(hf_folders["git"], tmp_path / "git"))
    weights = load_file(folder / "model.safetensors")
    weights.pop("output.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BundleError, match=r"lacks 1 of the weights .* output.weight"):
        pictell.load(f"hf:{folder}")


def test_a_file_that_is_missing_is_one_line(hf_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hf_folders["git"], tmp_path / "git"))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(BundleError) as raised:
        pictell.load(f"hf:{folder}")
    assert raised.value.kind == "broken-model"
    assert "\n" not in raised.value.message


def test_a_folder_needs_no_network(
    hf_folders: dict[str, Path], pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert pictell.load(f"hf:{hf_folders['git']}").caption(pictures[0], force=True).text is not None


def test_the_label_names_the_folder(captioners: dict[str, Captioner], pictures: list[np.ndarray]) -> None:
    assert captions(captioners["git"], pictures[:1])[0].model == "hf:git"
    assert captioners["git"].encoder != captioners["blip"].encoder
    assert json.dumps(captioners["git"].encoder)
