"""What cannot be imported is named in one line; nothing in a file is run, and nothing is left behind."""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import HEADS, KINDS, WORDS, Arrays, Write, as_state_dict, tensors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pictell.engines.onnx import OnnxEngine
from pictell.errors import BundleError, CheckpointError, PictellError
from pictell.importing import import_checkpoint
from pictell.importing.into_bundle import FAMILIES
from pictell.importing.layout import choose_family
from pictell.importing.reading import read_tensors
from pictell.importing.words import read_words


def bring(path: Path, words: Path, **changes: Any) -> None:
    given = {"name": "theirs", "size": 64, "heads": HEADS} | changes
    import_checkpoint(path, words, given.pop("encoder", "pictell-default"), path.parent / "bundle", **given)


def refused(path: Path, words: Path, says: str, **changes: Any) -> PictellError:
    before = sorted(path.parent.iterdir())
    with pytest.raises(PictellError) as caught:
        bring(path, words, **changes)
    assert "\n" not in caught.value.message
    assert re.search(says, caught.value.message), caught.value.message
    assert sorted(path.parent.iterdir()) == before
    return caught.value


def saved(folder: Path, arrays: Arrays) -> Path:
    path = folder / "changed.pth"
    torch.save(as_state_dict(arrays), path)
    return path


class Harm:
    """Unpickled, it makes a folder."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.at),)


@pytest.mark.parametrize("how", ["archive", "old", "plain", "beside tensors", "npz"])
def test_code_in_a_checkpoint_does_not_run(how: str, write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    harm = Harm(tmp_path / "harmed")
    if how == "npz":
        np.savez(path.with_suffix(".npz"), harm=np.array([harm], dtype=object))
        path = path.with_suffix(".npz")
    elif how == "plain":
        path.write_bytes(pickle.dumps(harm))
    else:
        content: Any = as_state_dict(tensors_of("fc")) | {"harm": harm} if how == "beside tensors" else harm
        torch.save(content, path, _use_new_zipfile_serialization=how != "old")
    error = refused(
        path, words, "more than tensors .*mkdir" if how in ("archive", "old", "beside tensors") else "no checkpoint"
    )
    assert error.kind == ("code" if how in ("archive", "old", "beside tensors") else "damaged")
    assert not (tmp_path / "harmed").exists()
    if how != "npz":  # the file would have done it
        with path.open("rb") as file:
            torch.load(file, weights_only=False) if how != "plain" else pickle.load(file)
        assert (tmp_path / "harmed").exists()


@pytest.mark.parametrize("kind", ["fc", "im2txt"])
def test_a_file_cut_short_is_named(kind: str, write: Write) -> None:
    path, words = write(kind)
    whole = path.read_bytes()
    for length in (0, 1, 10, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, words, path.name)
    path.unlink()
    refused(path, words, f"cannot read .*{path.name}: No such file")
    path.mkdir()
    refused(path, words, f"cannot read .*{path.name}: Is a directory")


@pytest.mark.parametrize("kind", ["fc", "old", "im2txt"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_damage_is_one_line(kind: str, write: Write, data: st.DataObject) -> None:
    """Bytes overwritten anywhere: the tensors are read, or the file is refused."""
    path, _ = write("fc" if kind == "old" else kind)
    if kind == "old":
        torch.save(as_state_dict(tensors_of("fc")), path, _use_new_zipfile_serialization=False)
    content = bytearray(path.read_bytes())
    # The names and shapes stand at both ends.
    places = (
        st.integers(0, len(content) - 1) | st.integers(0, 3000) | st.integers(len(content) - 2000, len(content) - 1)
    )
    for place in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    message = f"{path}"
    try:
        choose_family(path, read_tensors(path), FAMILIES)
    except PictellError as error:
        message = error.message
    assert "\n" not in message
    assert str(path) in message


def test_a_tensor_that_claims_more_than_is_stored(write: Write) -> None:
    path, words = write("fc")
    torch.save({"embed.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, path)
    refused(path, words, "not stored whole")


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"state_dict": {"a": torch.zeros(2)}}, {1: torch.zeros(2)}, torch.zeros(3), {"embed.weight": 3}],
    ids=["list", "nested", "numbered", "tensor", "number"],
)
def test_what_is_no_state_dict(content: Any, write: Write) -> None:
    path, words = write("fc")
    torch.save(content, path)
    refused(path, words, "no state_dict")


def test_another_architecture_is_named_with_what_does_not_fit(write: Write, tmp_path: Path) -> None:
    _, words = write("fc")
    arrays = tensors_of("updown-bn0")
    arrays["core.new.weight"] = arrays.pop("core.lang_lstm.weight_hh")
    arrays["ctx2att.bias"] = arrays["ctx2att.bias"][:-1]
    says = (
        r"changed.pth is nearest to Up-Down .*core.lang_lstm.weight_hh is missing; core.new.weight does not belong to it; "
        r"ctx2att.bias is 4, not 5$"
    )
    refused(saved(tmp_path, arrays), words, says)
    del arrays["logit.bias"], arrays["ctx2att.weight"]
    error = refused(saved(tmp_path, arrays), words, r"; and \d more$")
    assert error.message.count(";") == 3
    refused(
        saved(tmp_path, {"layer1.0.conv1.weight": np.zeros((3, 3))}), words, "of no kind .*FC.*im2txt.*layer1.0.conv1"
    )
    refused(saved(tmp_path, {}), words, "no tensors")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_name_is_needed_and_every_shape(kind: str, tmp_path: Path) -> None:
    arrays = tensors_of(kind)
    # `use_bn` is told by these names alone.
    optional = {"model.tgt_embed.1.pe", *(name for name in arrays if name.endswith("num_batches_tracked"))}

    def family_of(changed: Arrays) -> str:
        tensors = {name: torch.from_numpy(array).double() for name, array in changed.items() if array.ndim}
        return choose_family(tmp_path, tensors, FAMILIES).name

    family = family_of(arrays)
    for name in arrays:
        without = {other: array for other, array in arrays.items() if other != name}
        if name in optional:
            assert family_of(without) == family
            continue
        with pytest.raises(CheckpointError):
            family_of(without)
        if name != "image_embedding/weights":  # whose first side no other tensor has
            longer = np.concatenate([arrays[name], arrays[name][:1]])
            with pytest.raises(CheckpointError):
                family_of({**arrays, name: longer})
        with pytest.raises(CheckpointError):
            family_of({**arrays, name: arrays[name][None]})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value: float, write: Write, tmp_path: Path) -> None:
    _, words = write("fc")
    arrays = tensors_of("fc")
    arrays["core.h2h.weight"][3, 2] = value
    refused(saved(tmp_path, arrays), words, "changed.pth: core.h2h.weight has values that are no finite numbers")


def test_channels_that_the_encoder_does_not_give(write: Write, tmp_path: Path) -> None:
    arrays = tensors_of("fc")
    arrays["img_embed.weight"] = np.zeros((len(arrays["img_embed.bias"]), 2048))
    _, words = write("fc")
    refused(
        saved(tmp_path, arrays), words, "changed.pth reads 2048 channels, and the encoder pictell-default gives 1280"
    )


def test_heads_that_do_not_divide(write: Write) -> None:
    refused(*write("transformer-bn0"), "heads", heads=3)


def test_a_batch_norm_that_turns_signs(write: Write, tmp_path: Path) -> None:
    """In a residual stream it is part of no other layer."""
    _, words = write("transformer-bn2")
    arrays = tensors_of("transformer-bn2")
    arrays["att_embed.4.weight"][2] *= -1
    refused(saved(tmp_path, arrays), words, "signs")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda named: named.pop(str(len(WORDS))), "has 11 words, .* and the checkpoint has 12"),
        (lambda named: named.update({str(len(WORDS) + 1): "cat"}), "has 13 words, .* and the checkpoint has 12"),
        (lambda named: named.update({"2": "man"}), "twice"),
        (lambda named: named.update({"2": "<pad>"}), "<pad>"),
        (lambda named: named.update({"2": "two words"}), "'two words', which is no word"),
        (lambda named: named.update({"2": ""}), "'', which is no word"),
        (lambda named: named.update({"2": 7}), "7, which is no word"),
        (lambda named: named.update({"2": "do@@"}), "pieces of words"),
        (lambda named: named.update({"0": named.pop("1")}), "1, 2, 3"),
        (lambda named: named.update({"one": "one"}), "no ix_to_word"),
    ],
)
def test_words_that_do_not_fit(change: Callable[[dict[str, Any]], None], says: str, write: Write) -> None:
    path, words = write("fc")
    named = json.loads(words.read_text(encoding="utf-8"))["ix_to_word"]
    change(named)
    words.write_text(json.dumps({"ix_to_word": named}), encoding="utf-8")
    assert refused(path, words, says).kind == "vocabulary"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no line <S>"),
        (b"{", "no ix_to_word"),
        (b"[1]", "no line <S>"),
        (b'{"words": []}', "no ix_to_word"),
        (b'{"ix_to_word": ["a"]}', "no ix_to_word"),
        (b"{" + b'"ix_to_word": {"1":' * 2000, "no ix_to_word"),
        (b"\xff\xfe\x80", "no text"),
        (b"<S> 3\n</S> 3\n\ndog 2\n", "'', which is no word"),
        (b"a 4\n<S> 3\n<S> 3\n</S> 3\n", "no line <S>"),
    ],
)
def test_files_of_words_that_are_none(content: bytes, says: str, write: Write) -> None:
    path, words = write("fc")
    words.write_bytes(content)
    assert refused(path, words, says).kind == "vocabulary"
    words.unlink()
    refused(path, words, "cannot read the words .*: No such file")


@given(st.text() | st.text().map(lambda text: f'{{"ix_to_word": {{"1": {json.dumps(text)}}}}}'))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_words_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "words"
    path.write_text(text, encoding="utf-8", errors="replace")
    message = ""
    try:
        words = read_words(path)
        assert len(words.vocabulary) == len(words.read) == len(words.said)
    except CheckpointError as error:
        message = error.message
    assert "\n" not in message


def test_a_checkpoint_without_unknown_words_says_none(write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    words.write_text(words.read_text(encoding="utf-8").replace("UNK", "cat"), encoding="utf-8")
    bundle = import_checkpoint(path, words, "pictell-default", tmp_path / "bundle", name="theirs", size=64).bundle
    assert bundle.vocabulary.tokens[4:] == (*WORDS[:5], "cat", *WORDS[6:])
    engine = OnnxEngine(bundle)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    log_probs, _, _ = engine.step(np.full(2, 1), engine.start(engine.encode(pixels)))
    assert (log_probs[:, [0, 1, 3]] < -29).all()
    assert (log_probs[:, 4:] > -29).all()


def test_words_that_pictell_never_says_are_left_out(write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    text = words.read_text(encoding="utf-8").replace('"horse"', '"hobo"')
    words.write_text(text, encoding="utf-8")
    made = import_checkpoint(path, words, "pictell-default", tmp_path / "bundle", name="theirs", size=64)
    assert made.left_out == 1
    assert "hobo" not in made.bundle.vocabulary.tokens
    assert made.bundle.vocabulary.tokens[4:] == tuple(word for word in WORDS if word not in ("horse", "UNK"))


def test_rows_that_no_word_uses_are_left_out(write: Write, tmp_path: Path) -> None:
    """im2txt's tables are larger than its vocabulary."""
    arrays = tensors_of("im2txt")
    for name, axis in (("seq_embedding/map", 0), ("logits/weights", 1), ("logits/biases", 0)):
        arrays[name] = np.concatenate([arrays[name], np.take(arrays[name], [0, 0], axis)], axis)
    path, words = write("im2txt", arrays)
    made = import_checkpoint(path, words, "pictell-default", tmp_path / "bundle", name="theirs", size=64)
    assert made.bundle.vocabulary.tokens == ("<pad>", "<start>", "<end>", "<unk>", "a", ".", "dog", "man", "horse",
                                             "on", "grass", "runs")  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ("lstm/basic_lstm_cell/weights", "lstm/basic_lstm_cell/biases"),
        ("lstm/BasicLSTMCell/Linear/Matrix", "lstm/BasicLSTMCell/Linear/Bias"),
    ],
)
def test_older_names_of_tensorflow(names: tuple[str, str], write: Write) -> None:
    arrays = tensors_of("im2txt")
    for old, new in zip(names, ("kernel", "bias"), strict=True):
        arrays[old] = arrays.pop(f"lstm/basic_lstm_cell/{new}")
    path, _ = write("im2txt", arrays)
    assert choose_family(path, read_tensors(path), FAMILIES).name == "Show and Tell (im2txt)"


def test_names_behind_a_parallel_module(write: Write, tmp_path: Path) -> None:
    path = saved(tmp_path, {f"module.{name}": array for name, array in tensors_of("updown-bn2").items()})
    assert choose_family(path, read_tensors(path), FAMILIES).name.startswith("Up-Down")


def test_encoders_that_are_none(write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    refused(path, words, "no model 'nothing'", encoder="nothing")
    folder = tmp_path / "vit"
    folder.mkdir()
    refused(path, words, "config.json is missing", encoder=str(folder))
    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    refused(path, words, "is a bert, which is no encoder of pictell's: it has .*mobilenet_v2", encoder=str(folder))
    (folder / "config.json").write_text('{"model_type": "mobilenet_v2"}', encoding="utf-8")
    refused(path, words, "not a MobileNetV2", encoder=str(folder))
    refused(path, words, "size is 65", size=65)


def test_what_is_in_the_way_stays(write: Write, tmp_path: Path) -> None:
    path, words = write("fc")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "dear.jpg").write_bytes(b"irreplaceable")
    with pytest.raises(BundleError, match=r"dear\.jpg"):
        bring(path, words)
    assert (tmp_path / "bundle" / "dear.jpg").read_bytes() == b"irreplaceable"
