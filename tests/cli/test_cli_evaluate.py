"""`pictell evaluate`, on a small data set in Flickr8k's layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.captioner import load

NAMES = [f"{number}.jpg" for number in range(6)]


@pytest.fixture
def flickr8k(photo: Callable[..., Path], tmp_path: Path, tiny_bundle: Path) -> Path:
    """Six photos; the first three are described just as the model does, the others as people do."""
    folder = tmp_path / "flickr8k"
    captioner = load(tiny_bundle, threads=1)
    lines = []
    for seed, name in enumerate(NAMES):
        path = photo(f"flickr8k/Flicker8k_Dataset/{name}", seed)
        texts = [captioner.caption(path).text if seed < 3 else "A dog runs .", "Something else entirely ."]
        lines += [f"{name}#{number}\t{text}" for number, text in enumerate(texts)]
    text = folder / "Flickr8k_text"
    text.mkdir()
    (text / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for split in ("train", "dev", "test"):
        (text / f"Flickr_8k.{split}Images.txt").write_text("\n".join(NAMES) + "\n")
    return folder


def test_scores_as_json(run: Any, flickr8k: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    captions = tmp_path / "captions.json"
    command = ["evaluate", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--json", "--captions", captions]
    ran = run(*command)
    assert (ran.code, ran.err) == (0, "")
    [line] = ran.lines
    found = json.loads(line)
    assert (found["model"], found["split"], found["photos"], found["failed"], found["beam"]) == (
        "tiny@7",
        "test",
        6,
        0,
        3,
    )
    assert (
        set(found["scores"]) == {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"} == set(found["versions"])
    )
    assert 0.3 < found["scores"]["BLEU-1"] < 1
    assert found["photos_per_second"] > 0
    results = json.loads(captions.read_text(encoding="utf-8"))
    assert [result["image_id"] for result in results] == NAMES
    captioner = load(tiny_bundle, threads=1)
    for result in results:
        assert set(result) == {"image_id", "caption"}
        assert result["caption"] == captioner.caption(flickr8k / "Flicker8k_Dataset" / result["image_id"]).text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    limited = json.loads(run(*command, "--limit", "3", "--beam", "3").out)
    assert limited["photos"] == 3
    assert limited["scores"]["BLEU-1"] == 1.0


def test_a_record_of_every_look(run: Any, flickr8k: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    record = tmp_path / "looks.csv"
    command = ["evaluate", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--record", record]
    assert run(*command, "--metrics", "bleu").code == 0
    assert run(*command, "--split", "dev").code == 0
    with record.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["model"], first["data"], first["split"], second["split"]) == ("tiny@7", "flickr8k", "test", "dev")
    assert first["BLEU-4"] == second["BLEU-4"] != ""
    assert (first["CIDEr-D"], second["CIDEr-D"] != "") == ("", True)
    assert "pictell-bleu" in first["versions"]
    assert str(tmp_path) not in record.read_text(encoding="utf-8")
    before = record.read_bytes()
    for damaged in (b"a,b\n1,2\n", b"date,model\n1,2,3\n", b"date,model\n1\n", b"\xff\n"):
        record.write_bytes(damaged)
        ran = run(*command)
        assert (ran.code, ran.err.count("\n")) == (1, 1)
        assert str(record) in ran.err
        assert record.read_bytes() == damaged
    record.write_bytes(before)
    assert run(*command).code == 0
    assert record.read_bytes().startswith(before.partition(b"\n")[0])


def test_scores_as_a_table(run: Any, flickr8k: Path, tiny_bundle: Path) -> None:
    ran = run("evaluate", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--split", "dev")
    assert (ran.code, ran.err) == (0, "")
    for text in ("tiny@7 on flickr8k dev", "BLEU-4", "CIDEr-D", "distinct captions", "photos a second", "pictell-bleu"):
        assert text in ran.out


def test_a_photo_that_fails_is_named_and_counted(run: Any, flickr8k: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    command = ["evaluate", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--json"]
    whole = json.loads(run(*command).out)
    (flickr8k / "Flicker8k_Dataset" / NAMES[1]).write_bytes(b"")
    ran = run(*command, "--captions", tmp_path / "captions.json")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert NAMES[1] in ran.err
    found = json.loads(ran.out)
    assert (found["photos"], found["failed"]) == (6, 1)
    assert found["scores"]["BLEU-1"] < whole["scores"]["BLEU-1"]
    assert json.loads((tmp_path / "captions.json").read_text())[1] == {"image_id": NAMES[1], "caption": ""}


def test_a_photo_that_is_not_there_stops_or_is_left_out_and_counted(
    run: Any, flickr8k: Path, tiny_bundle: Path
) -> None:
    command = ["evaluate", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--json"]
    (flickr8k / "Flicker8k_Dataset" / NAMES[1]).unlink()
    ran = run(*command)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert NAMES[1] in ran.err
    assert "--skip-missing" in ran.err
    ran = run(*command, "--skip-missing")
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    assert "left out: " in ran.err
    assert "1 photos of the test split are not on disk" in ran.err
    assert json.loads(ran.out)["photos"] == 5


def test_coco_photos_are_known_by_number() -> None:
    from pictell.cli.evaluate import _image_id

    assert _image_id("COCO_val2014_000000391895.jpg") == 391895
    assert _image_id("000000391895.jpg") == 391895
    assert _image_id("1000268201_693b08cb0e.jpg") == "1000268201_693b08cb0e.jpg"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nope"], "KIND:FOLDER"),
        (["--data", "flickr8k:/nowhere"], "/nowhere is not Flickr8k"),
        (["--data", "{}", "--split", "nope"], "no split 'nope'"),
        (["--data", "{}", "--captions", "/nowhere/at/all.json"], "there is no directory"),
        (["--data", "{}", "--record", "/nowhere/at/all.csv"], "there is no directory"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Any, flickr8k: Path, tiny_bundle: Path, arguments: list[str], message: str
) -> None:
    ran = run("evaluate", "--model", tiny_bundle, *[part.format(f"flickr8k:{flickr8k}") for part in arguments])
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert message in ran.err


def test_the_data_must_be_named(run: Any) -> None:
    ran = run("evaluate")
    assert ran.code == 2
    assert "--data" in ran.err


def test_agreement_of_log_probabilities_with_judgements(
    run: Any, flickr8k: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    """People who rate what the model says of a photo high, and what it says of others low, agree with it."""
    texts = flickr8k / "Flickr8k_text"
    captioner = load(tiny_bundle, threads=1)
    own = [captioner.caption(flickr8k / "Flicker8k_Dataset" / name).text for name in NAMES]
    lines = (texts / "Flickr8k.token.txt").read_text().splitlines()
    lines += [f"said.jpg#{number}\t{text}" for number, text in enumerate([*own, "Unheard words ."])]
    (texts / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    pairs = [
        f"{name}\tsaid.jpg#{other}\t" + ("4\t4\t4" if own[other] == own[number] else "1\t1\t1")
        for number, name in enumerate(NAMES)
        for other in range(len(NAMES))
    ]
    (texts / "ExpertAnnotations.txt").write_text("\n".join(pairs) + "\n")
    ran = run("evaluate", "--model", tiny_bundle, "--agreement", f"flickr8k-expert:{flickr8k}", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["model"], found["pairs"], found["ratings"], found["unknown_words"]) == ("tiny@7", 36, 108, 0)
    assert found["tau_c"] > 0.3
    (texts / "ExpertAnnotations.txt").write_text("\n".join([*pairs, f"{NAMES[0]}\tsaid.jpg#6\t1\t1\t2"]) + "\n")
    ran = run("evaluate", "--model", tiny_bundle, "--agreement", f"flickr8k-expert:{flickr8k}")
    assert "111 ratings of 37 pairs" in ran.out
    assert "0.0%" not in ran.out
    for wrong in ("flickr8k", "coco:x", f"flickr8k-expert:{tmp_path}"):
        ran = run("evaluate", "--model", tiny_bundle, "--agreement", wrong)
        assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert run("evaluate", "--model", tiny_bundle).code == 2
    assert run("evaluate", "--agreement", f"flickr8k-expert:{flickr8k}", "--beam", "2").code == 2


def test_attention_is_measured_instead_of_scores(run: Any, flickr8k: Path, tiny_bundle: Path) -> None:
    command = ["evaluate", "--attention", "--model", tiny_bundle, "--data", f"flickr8k:{flickr8k}", "--split", "dev"]
    ran = run(*command, "--limit", "3", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["model"], found["data"], found["split"]) == ("tiny@7", "flickr8k", "dev")
    assert (found["method"], found["photos"], found["failed"]) == ("attention", 3, 0)
    assert found["ratio"] == pytest.approx(found["drop"] / found["random_drop"], rel=1e-3)
    assert 0 < found["looking"]["entropy"] < found["looking"]["uniform"]
    table = run(*command).out
    for text in ("attention of tiny@7 on flickr8k dev", "faithfulness", "word by word", "moves"):
        assert text in table
    (flickr8k / "Flicker8k_Dataset" / NAMES[1]).write_bytes(b"")
    ran = run(*command)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert NAMES[1] in ran.err
    ran = run(*command, "--beam", "2")
    assert (ran.code, "goes with" in ran.err) == (2, True)
