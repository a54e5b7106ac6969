"""`pictell score`, on files in every layout."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pictell.metrics import METRICS_BY_DEFAULT, score

REFERENCES = {
    "dog.jpg": ["A dog runs over the grass.", "A brown dog's running."],
    "cat.jpg": ["A cat sleeps on a chair.", "The cat is asleep!"],
    "car.jpg": ["A red car is parked in a street.", "a car"],
    "sea.jpg": ["People swim in the sea.", "swimmers in the water"],
}
CANDIDATES = {
    "dog.jpg": "a dog runs on the grass",
    "cat.jpg": "a cat sleeps with a frisbee",
    "car.jpg": "a red car in the street",
    "sea.jpg": "people swim in the water",
}
WORSE = {"dog.jpg": "a dog", "cat.jpg": "a dog", "car.jpg": "a", "sea.jpg": "a man with a"}


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return write(tmp_path / "references.json", REFERENCES)


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    return write(tmp_path / "candidates.json", CANDIDATES)


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    return write(tmp_path / "worse.json", WORSE)


@pytest.fixture
def flickr8k(tmp_path: Path) -> Path:
    """Four captions of another photo, each rated by how many words it shares."""
    folder = tmp_path / "flickr8k" / "Flickr8k_text"
    folder.mkdir(parents=True)
    said = ["a bird", "the dog", "a dog sits", "a dog runs now"]
    tokens = "a.jpg#0\tA dog runs fast\n" + "".join(f"b.jpg#{n}\t{text}\n" for n, text in enumerate(said))
    (folder / "Flickr8k.token.txt").write_text(tokens)
    pairs = "".join(f"a.jpg\tb.jpg#{n}\t{n + 1}\t{n + 1}\t{n + 1}\n" for n in range(4))
    (folder / "ExpertAnnotations.txt").write_text(pairs)
    return folder.parent


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_scores_as_json(run: Any, references: Path, candidates: Path) -> None:
    ran = run("score", "--references", references, "--candidates", candidates, "--json", "--bootstrap", "50")
    assert (ran.code, ran.err) == (0, "")
    [line] = ran.lines
    found = json.loads(line)
    expected = score(REFERENCES, CANDIDATES, METRICS_BY_DEFAULT)
    assert found["scores"] == expected.corpus  # to the last digit
    assert found["versions"] == expected.versions
    assert (found["images"], found["missing"]) == (4, 0)
    assert (found["references"], found["candidates"]) == (str(references), str(candidates))
    assert found["statistics"]["distinct"] == 4
    assert found["statistics"]["references"] == {"least": 2, "mean": 2.0, "greatest": 2}
    assert found["resampling"] == {"resamples": 50, "level": 0.95, "seed": 0}
    for name in ("BLEU-1", "BLEU-4", "CIDEr-D"):
        low, high = found["intervals"][name]
        assert low <= found["scores"][name] <= high
    assert "hallucination" not in found
    assert "against" not in found


def test_scores_as_a_table(run: Any, references: Path, candidates: Path) -> None:
    ran = run("score", "--references", references, "--candidates", candidates, "--hallucination", "--bootstrap", "20")
    assert (ran.code, ran.err) == (0, "")
    for text in ("BLEU-4", "CIDEr-D", "95% interval", "distinct captions", "CHAIRs", "pictell-bleu", "tokens",
                 "4 images, references of each: 2", "20 resamples", str(candidates)):  # fmt: skip
        assert text in ran.out
    assert max(map(len, ran.lines[1:10])) <= 80
    without = run("score", "--references", references, "--candidates", candidates, "--bootstrap", "0")
    assert "interval" not in without.out


def test_only_the_metrics_that_are_asked_for(run: Any, references: Path, candidates: Path) -> None:
    ran = run("score", "--references", references, "--candidates", candidates, "--metrics", "cider-d, BLEU", "--json")
    assert list(json.loads(ran.out)["scores"]) == ["CIDEr-D", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"]


def test_every_layout_gives_the_same_scores(run: Any, tmp_path: Path, references: Path, candidates: Path) -> None:
    expected = json.loads(run("score", "--references", references, "--candidates", candidates, "--json").out)["scores"]
    numbers = {name: number for number, name in enumerate(REFERENCES, 40)}
    annotations = [
        {"image_id": numbers[name], "id": 3 * numbers[name] + n, "caption": text}
        for name, own in REFERENCES.items()
        for n, text in enumerate(own)
    ]
    images = [{"id": number, "file_name": name} for name, number in numbers.items()]
    coco = write(tmp_path / "coco", {"images": images, "annotations": annotations})
    tokens = write(
        tmp_path / "t", "".join(f"{n}#{i}\t{t}\n" for n, own in REFERENCES.items() for i, t in enumerate(own))
    )
    lines = [write(tmp_path / f"r{i}", "".join(f"{own[i]}\n" for own in REFERENCES.values())) for i in range(2)]
    results = write(
        tmp_path / "c1", [{"image_id": numbers[name], "caption": text} for name, text in CANDIDATES.items()]
    )
    as_text = write(tmp_path / "c2", [{"image_id": str(numbers[name]), "caption": t} for name, t in CANDIDATES.items()])
    printed = [{"path": f"photos/{name}", "text": text, "log_prob": -1} for name, text in reversed(CANDIDATES.items())]
    json_lines = write(tmp_path / "c3", "".join(f"{json.dumps(each)}\n" for each in printed))
    plain = write(tmp_path / "c4", "\n".join(CANDIDATES.values()))
    for people, said in (
        ([coco], results), ([coco], as_text), ([coco], json_lines), ([coco], candidates), ([tokens], json_lines),
        (lines, plain),
    ):  # fmt: skip
        named = [part for path in people for part in ("--references", path)]
        ran = run("score", *named, "--candidates", said, "--json", "--bootstrap", "0")
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(ran.out)["scores"] == pytest.approx(expected)


def test_candidates_on_standard_input(process: Any, references: Path) -> None:
    said = "".join(json.dumps({"path": name, "text": text}) + "\n" for name, text in CANDIDATES.items())
    ran = process("score", "--references", references, "--candidates", "-", "--csv", "-", stdin=said.encode())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("measure,value,low,high,version\nBLEU-1,0.")
    none = process("score", "--references", references, "--candidates", "-", stdin=b"")
    assert (none.code, none.err) == (1, "pictell: standard input: holds no captions\n")


def test_csv_and_image_by_image(run: Any, tmp_path: Path, references: Path, candidates: Path) -> None:
    table, images, rows = tmp_path / "scores.csv", tmp_path / "images.jsonl", tmp_path / "images.csv"
    command = ["score", "--references", references, "--candidates", candidates, "--hallucination", "--bootstrap", "9"]
    assert run(*command, "--csv", table, "--per-image", images).code == 0
    ran = run(*command, "--csv", "-", "--per-image", rows)
    assert ran.out == table.read_text()
    expected = score(REFERENCES, CANDIDATES, METRICS_BY_DEFAULT)
    with table.open(newline="") as file:
        measures = {row["measure"]: row for row in csv.DictReader(file)}
    for name, value in expected.corpus.items():
        assert float(measures[name]["value"]) == value
        assert measures[name]["version"] == expected.versions[name]
    assert float(measures["chair_s"]["value"]) == 0.25
    assert measures["chair_s"]["low"] == ""
    found = [json.loads(line) for line in images.read_text().splitlines()]
    assert {each["id"]: each["scores"] for each in found} == expected.per_image
    assert {each["id"]: each["caption"] for each in found} == CANDIDATES
    assert {each["id"]: each["hallucinated"] for each in found}["cat.jpg"] == ["frisbee"]
    with rows.open(newline="") as file:
        by_id = {row["id"]: row for row in csv.DictReader(file)}
    assert float(by_id["car.jpg"]["CIDEr-D"]) == expected.per_image["car.jpg"]["CIDEr-D"]
    assert by_id["cat.jpg"]["hallucinated"] == "frisbee"


def test_names_that_are_no_text_are_written_as_escapes(run: Any, tmp_path: Path) -> None:
    references = write(tmp_path / "r", '{"\\udce9.jpg": "a dog", "b": "a cat", "c\\n": "a car"}')
    for suffix in ("csv", "jsonl"):
        images = tmp_path / f"images.{suffix}"
        ran = run("score", "--references", references, "--candidates", references, "--per-image", images, "--json")
        assert (ran.code, ran.err) == (0, "")
        text = images.read_text(encoding="utf-8")
        assert ("\\xe9.jpg" if suffix == "csv" else "\\udce9.jpg") in text
        assert text.count("\n") == (4 if suffix == "csv" else 3)


def test_two_systems(run: Any, references: Path, candidates: Path, worse: Path) -> None:
    command = ["score", "--references", references, "--candidates", candidates, "--against", worse, "--bootstrap", "99"]
    found = json.loads(run(*command, "--json").out)
    assert found["against"]["candidates"] == str(worse)
    assert found["against"]["scores"] == score(REFERENCES, WORSE, METRICS_BY_DEFAULT).corpus
    for name, compared in found["against"]["comparisons"].items():
        assert compared["difference"] == pytest.approx(found["scores"][name] - found["against"]["scores"][name])
        assert 1 / 100 <= compared["bootstrap"] <= 1
        assert 1 / 100 <= compared["randomisation"] <= 1
    assert found["against"]["comparisons"]["BLEU-1"]["difference"] > 0
    assert json.loads(run(*command, "--json").out) == found
    assert json.loads(run(*command, "--json", "--seed", "1").out) != found
    table = run(*command).out
    assert "p swap" in table
    assert f"other: {worse}" in table
    assert max(len(line) for line in table.splitlines() if line.startswith(("┃", "│"))) <= 80
    [head, first, *_] = run(*command, "--csv", "-").lines
    assert head.startswith("measure,value,low,high,other,difference,difference_low,difference_high,p_bootstrap,")
    assert head.count(",") == first.count(",") - 1  # the version has one
    without = json.loads(run(*command[:-1], "0", "--json").out)
    assert without["against"]["comparisons"] == {}
    assert "p swap" not in run(*command[:-1], "0").out


def test_missing_candidates(run: Any, tmp_path: Path, references: Path) -> None:
    some = write(tmp_path / "some.json", {name: CANDIDATES[name] for name in ("cat.jpg", "dog.jpg", "sea.jpg")})
    command = ["score", "--references", references, "--candidates", some]
    ran = run(*command)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "no candidate for 'car.jpg', 1 of the 4 images" in ran.err
    ran = run(*command, "--allow-missing")
    assert ran.code == 0
    assert "without a candidate: 1\n" in ran.out
    found = json.loads(run(*command, "--allow-missing", "--json").out)
    assert (found["images"], found["missing"]) == (3, 1)
    other = write(tmp_path / "other.json", {name: WORSE[name] for name in ("cat.jpg", "dog.jpg", "car.jpg")})
    found = json.loads(run(*command, "--allow-missing", "--against", other, "--json").out)
    assert (found["images"], found["missing"]) == (2, 2)


def test_empty_captions_are_told_of(run: Any, tmp_path: Path, references: Path) -> None:
    some = write(tmp_path / "some.json", {**CANDIDATES, "car.jpg": " "})
    ran = run("score", "--references", references, "--candidates", some, "--json")
    assert ran.code == 0
    assert ran.err == f"pictell: {some}: empty captions, which score about 0: 1, first that of 'car.jpg'\n"
    people = write(tmp_path / "people.json", {**REFERENCES, "car.jpg": ["a car", ""]})
    ran = run("score", "--references", people, "--candidates", some, "--json")
    assert "images with an empty reference, which lowers their scores: 1, first 'car.jpg'\n" in ran.err


def test_one_image_has_no_cider(run: Any, tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", {"a": "a dog"})
    ran = run("score", "--references", one, "--candidates", one, "--json")
    assert ran.code == 0
    assert ran.err.startswith("pictell: CIDEr-D of one image")
    assert ran.err.count("\n") == 1


def test_copies_of_training_captions(run: Any, tmp_path: Path, references: Path, candidates: Path) -> None:
    training = write(tmp_path / "t.txt", "A dog runs on the grass.\nA bird\n")
    ran = run(
        "score", "--references", references, "--candidates", candidates, "--training-captions", training, "--json"
    )
    assert json.loads(ran.out)["statistics"]["training_copies"] == 0.25


def test_word_weights_of_another_corpus(run: Any, tmp_path: Path, references: Path, candidates: Path) -> None:
    weights = tmp_path / "df.json"
    saved = run("score", "--references", references, "--save-df", weights)
    assert (saved.code, saved.out, saved.err) == (0, "", "")
    command = ["score", "--references", references, "--candidates", candidates, "--json", "--bootstrap", "0"]
    whole = json.loads(run(*command).out)["scores"]
    assert json.loads(run(*command, "--df", weights).out)["scores"] == pytest.approx(whole)
    one = write(tmp_path / "one.json", {"dog.jpg": CANDIDATES["dog.jpg"]})
    few = ["score", "--references", references, "--candidates", one, "--allow-missing", "--json", "--df", weights]
    ran = run(*few)
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["scores"]["CIDEr-D"] == pytest.approx(
        score(REFERENCES, CANDIDATES).per_image["dog.jpg"]["CIDEr-D"]
    )
    assert run(*command, "--df", candidates).code == 1


def test_agreement_with_people(run: Any, flickr8k: Path) -> None:
    command = ["score", "--agreement", f"flickr8k-expert:{flickr8k}", "--metrics", "BLEU,CIDEr-D"]
    ran = run(*command)
    assert (ran.code, ran.err) == (0, "")
    for text in ("flickr8k-expert", "tau-c", "0.323", "4 pairs", "12 ratings", "pictell-bleu"):
        assert text in ran.out
    found = json.loads(run(*command, "--json").out)
    assert (found["pairs"], found["ratings"]) == (4, 12)
    assert found["tau_c"]["BLEU-1"] > 0.9
    assert found["published"]["BLEU-4"] == 0.308
    assert run(*command, "--csv", "-").lines[0] == "measure,tau_c,published,version"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--references", "{r}", "--candidates", "{r}"], "several candidates for 'dog.jpg', 'cat.jpg'"),
        (["--references", "{r}", "--candidates", "/nowhere.json"], "cannot read /nowhere.json"),
        (["--references", "/nowhere.json", "--candidates", "{c}"], "cannot read /nowhere.json"),
        (["--references", "{r}", "--candidates", "{c}", "--csv", "/nowhere/at/all.csv"], "there is no directory"),
        (["--references", "{r}", "--candidates", "{c}", "--per-image", "/nowhere/at/all"], "there is no directory"),
        (["--references", "{r}", "--candidates", "{c}", "--save-df", "/nowhere/at/all"], "there is no directory"),
        (["--references", "{r}", "--candidates", "{c}", "--csv", ""], "it is a directory"),
        (["--references", "{r}", "--candidates", "{c}", "--per-image", "/"], "it is a directory"),
        (["--agreement", "nope"], "write flickr8k-expert:FOLDER"),
        (["--agreement", "flickr8k-expert:/nowhere"], "/nowhere has no Flickr8k.token.txt"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Any, references: Path, candidates: Path, arguments: list[str], message: str
) -> None:
    ran = run("score", *[part.format(r=references, c=candidates) for part in arguments])
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert message in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--references"),
        (["--references", "r"], "--candidates"),
        (["--candidates", "c"], "--references"),
        (["--references", "r", "--candidates", "c", "--metrics", "BLEU,WER"], "no metric 'WER'"),
        (["--references", "r", "--candidates", "c", "--metrics", ""], "no metric ''"),
        (["--references", "r", "--candidates", "c", "--json", "--csv", "-"], "--json"),
        (["--references", "r", "--candidates", "-", "--against", "-"], "--against"),
        (["--agreement", "flickr8k-expert:f", "--candidates", "c"], "--agreement"),
        (["--references", "r", "--candidates", "c", "--bootstrap", "-1"], "--bootstrap"),
    ],
)
def test_command_lines_that_are_wrong(run: Any, arguments: list[str], message: str) -> None:
    ran = run("score", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_no_model_is_needed(environment: dict[str, str], references: Path, candidates: Path) -> None:
    program = (
        "import sys; from pictell.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: print({'torch', 'onnxruntime', 'PIL'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", program, "score", "--references", references, "--candidates", candidates, "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.endswith("\nset()\n")


def test_json_has_no_nan(run: Any, flickr8k: Path) -> None:
    tokens = flickr8k / "Flickr8k_text" / "Flickr8k.token.txt"
    tokens.write_text("a.jpg#0\tA dog runs fast\n" + "".join(f"b.jpg#{n}\ta bird\n" for n in range(4)))
    command = ["score", "--agreement", f"flickr8k-expert:{flickr8k}", "--metrics", "BLEU"]
    ran = run(*command, "--json")
    assert set(json.loads(ran.out, parse_constant=pytest.fail)["tau_c"].values()) == {None}
    assert "BLEU-1,,0.323," in run(*command, "--csv", "-").out
