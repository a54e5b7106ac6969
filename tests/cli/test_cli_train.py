"""`pictell train` and `pictell export`: what they hand on, and what they say when something is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

RECIPE = """\
name: small
data: {folders: {flickr8k: data}, train: [flickr8k/train], dev: flickr8k/dev, max_words: 9}
model: {encoder: {name: mobilenet_v2, size: 32}, decoder: {name: spatial_attention}}
phases: [{name: decoder, epochs: 1, lr: 1e-3}]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small recipe.yaml"
    path.write_text(RECIPE)
    return path


class FakeTrainer:
    """Notes what it was given; `end` is what happens when it runs."""

    given: tuple[Any, Path]
    processes = SimpleNamespace(first=True)
    end: BaseException | None = None

    def __init__(self, recipe: Any, out: Path) -> None:
        type(self).given = (recipe, out)

    def run(self) -> Path:
        if self.end is not None:
            raise self.end
        return self.given[1] / "best.safetensors"


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> type[FakeTrainer]:
    pytest.importorskip("torch", reason="training is an optional part")
    import pictell.training

    class Fresh(FakeTrainer):
        pass

    monkeypatch.setattr(pictell.training, "Trainer", Fresh)
    return Fresh


def test_a_recipe_is_run_in_its_folder(run: Any, recipe: Path, trainer: type[FakeTrainer]) -> None:
    ran = run("train", recipe, "seed=5", "phases.0.epochs=2")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{Path('runs/small/best.safetensors')}\n"
    given, out = trainer.given
    assert (given.name, given.seed, given.phases[0].epochs) == ("small", 5, 2)
    assert out == Path("runs/small")
    assert not given.data.skip_missing
    run("train", recipe, "out=elsewhere", "--skip-missing")
    assert trainer.given[1] == Path("elsewhere")
    assert trainer.given[0].data.skip_missing


def test_an_interrupt_says_how_to_go_on(run: Any, recipe: Path, trainer: type[FakeTrainer], tmp_path: Path) -> None:
    trainer.end = KeyboardInterrupt()
    out = f"out={tmp_path / 'run'}"
    ran = run("train", recipe, out)
    assert (ran.code, ran.out, ran.err.count("\n")) == (130, "", 1)
    assert ran.err.startswith("pictell: stopped before the first checkpoint")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.safetensors").touch()
    ran = run("train", recipe, out)
    assert ran.code == 130
    assert ran.err.startswith("pictell: stopped; to go on from the last checkpoint")
    assert ran.err.endswith(f"pictell train '{recipe}' {out}\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [(["seed=many"], "seed"), (["nope"], "KEY=VALUE"), (["nope.at.all=1"], "nope")],
)
def test_a_wrong_recipe_is_one_line(
    run: Any, recipe: Path, trainer: type[FakeTrainer], settings: list[str], message: str
) -> None:
    ran = run("train", recipe, *settings)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert message in ran.err
    assert run("train", recipe.parent / "none.yaml").code == 1


@pytest.mark.parametrize("module", ["torch", "yaml", "safetensors"])
@pytest.mark.parametrize("command", [["train", "recipe.yaml"], ["export", "run", "--to", "model"]])
def test_a_missing_part_is_one_line(environment: dict[str, str], module: str, command: list[str]) -> None:
    program = "import sys; sys.modules[sys.argv[1]] = None; from pictell.cli import main; main(sys.argv[2:])"
    done = subprocess.run(
        [sys.executable, "-c", program, module, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pictell: pictell {command[0]} needs an optional part: pip install 'pictell[train]'\n"


# -- export -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with random weights, and its data beside it."""
    torch = pytest.importorskip("torch", reason="training is an optional part")
    from pictell.language import Vocabulary
    from pictell.models import build_model
    from pictell.training.checkpoint import save_checkpoint

    run = tmp_path_factory.mktemp("runs") / "small"
    run.mkdir()
    torch.manual_seed(0)
    vocabulary = Vocabulary.build([[f"word{number}" for number in range(20)]], min_count=1)
    decoder = {"name": "spatial_attention", "embedding": 16, "hidden": 16, "heads": 2}
    model = build_model({"encoder": {"name": "mobilenet_v2", "size": 32}, "decoder": decoder}, len(vocabulary))
    about = {"dev": {"epoch": 3, "CIDEr-D": 0.5}, "architecture": model.architecture, "recipe": "small"}
    save_checkpoint(run / "best.safetensors", model.state_dict(), about)
    (run / "vocabulary.json").write_text(vocabulary.to_json())
    recipe = {
        "name": "small",
        "seed": 3,
        "beam": 4,
        "length_penalty": 0.5,
        "data": {"train": ["flickr8k/train"], "dev": "flickr8k/dev", "max_words": 9},
    }
    (run / "recipe.json").write_text(json.dumps(recipe))
    return run


@pytest.fixture
def data(photo: Callable[..., Path], tmp_path: Path) -> Path:
    names = [f"{number}.jpg" for number in range(5)]
    for seed, name in enumerate(names):
        photo(f"data/Flicker8k_Dataset/{name}", seed)
    text = tmp_path / "data" / "Flickr8k_text"
    text.mkdir()
    (text / "Flickr8k.token.txt").write_text("".join(f"{name}#0\tA dog .\n" for name in names))
    (text / "Flickr_8k.trainImages.txt").write_text("\n".join(names[:4]))
    return tmp_path / "data"


def test_a_run_becomes_a_model(
    run: Any, finished: Path, data: Path, tmp_path: Path, photo: Callable[..., Path]
) -> None:
    pytest.importorskip("onnx", reason="exporting is an optional part")
    from pictell.bundle import Bundle

    model = tmp_path / "models" / "mine"
    ran = run("export", finished, "--to", model, "--name", "mine", "--version", "3")
    assert (ran.code, ran.err) == (0, "")
    assert "mine@3" in ran.out
    bundle = Bundle.open(model)
    bundle.check()
    assert "Flickr8k" in bundle.terms
    generation = bundle.generation
    assert (generation.beam, generation.max_words, generation.length_penalty) == (4, 9, 0.5)
    assert "CIDEr-D: 0.5" in (model / "README.md").read_text()
    ran = run("caption", photo("a.png"), "--model", model)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("word")

    card = tmp_path / "card.md"
    card.write_text("# Größe\n", encoding="utf-8")
    options = ["--calibration", f"flickr8k:{data}", "--beam", "2", "--length-penalty", "0", "--card", card]
    ran = run("export", finished, "--to", model, *options)
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"MB; \d+% of the words that full precision chooses are chosen with 8-bit weights\n$", ran.out)
    quantised = Bundle.open(model)
    assert quantised.label == "custom@1"
    assert quantised.read("README.md").decode() == "# Größe\n"
    assert quantised.size < 0.7 * bundle.size
    assert (quantised.generation.beam, quantised.generation.length_penalty) == (2, 0)
    assert [path.name for path in model.parent.iterdir()] == ["mine"], "what was made on the way is gone"
    assert run("caption", photo("a.png"), "--model", model).code == 0


def test_calibration_photos_are_of_the_training_split_and_follow_the_seed(finished: Path, data: Path) -> None:
    from pictell.training.from_run import choose_calibration

    photos = {data / "Flicker8k_Dataset" / f"{number}.jpg" for number in range(4)}
    assert set(choose_calibration(finished, f"flickr8k:{data}")) == photos
    chosen = choose_calibration(finished, f"flickr8k:{data}", count=2)
    assert len(set(chosen)) == 2
    assert chosen == choose_calibration(finished, f"flickr8k:{data}", count=2)


def test_what_cannot_be_exported_is_one_line(run: Any, finished: Path, data: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "recipe.json").write_bytes((finished / "recipe.json").read_bytes())
    for arguments, message in (
        ([tmp_path / "none", "--to", tmp_path / "x"], "not the folder of a training run"),
        ([unfinished, "--to", tmp_path / "x"], "best.safetensors"),
        ([finished, "--to", precious], "thesis.txt"),
        ([finished, "--to", tmp_path / "x", "--calibration", f"coco:{data}"], "was trained on"),
        ([finished, "--to", tmp_path / "x", "--card", tmp_path / "none.md"], "none.md"),
    ):
        ran = run("export", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert message in ran.err
    assert (precious / "thesis.txt").exists()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("option", [["--beam", "0"], ["--length-penalty", "nan"]])
def test_a_search_that_cannot_be_is_no_models_choice(
    run: Any, finished: Path, tmp_path: Path, option: list[str]
) -> None:
    ran = run("export", finished, "--to", tmp_path / "x", *option)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "a beam of 1 or more and a finite length penalty" in ran.err
    assert not (tmp_path / "x").exists()


def test_the_card_says_what_the_reward_counted(run: Any, finished: Path, tmp_path: Path) -> None:
    critical = tmp_path / "critical"
    shutil.copytree(finished, critical)
    recipe = json.loads((critical / "recipe.json").read_text())
    recipe["phases"] = [{"self_critical": {"samples": 5}}, {"self_critical": None}]
    (critical / "recipe.json").write_text(json.dumps(recipe))
    for folder, said in ((finished, False), (critical, True)):
        assert run("export", folder, "--to", tmp_path / "model").code == 0
        assert ("with the end of a caption in the reward" in (tmp_path / "model/README.md").read_text()) == said


def test_a_bundle_with_something_beside_it_is_not_replaced(
    run: Any, finished: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / "notes.txt").write_text("mine")
    ran = run("export", finished, "--to", copy)
    assert ran.code == 1
    assert "notes.txt" in ran.err
    assert (copy / "notes.txt").read_text() == "mine"


def test_the_mean_of_runs_is_a_run(run: Any, finished: Path, tmp_path: Path) -> None:
    ran = run("average", finished, finished, "--to", tmp_path / "mean", "--weight", "2", "--weight", "1")
    assert (ran.code, ran.err, ran.out) == (0, "", f"{tmp_path / 'mean/best.safetensors'}\n")
    assert run("export", tmp_path / "mean", "--to", tmp_path / "model").code == 0
    ran = run("average", finished, "--to", tmp_path / "alone")
    assert (ran.code, ran.out) == (1, "")
    assert "two runs or more" in ran.err


def test_export_to_transformers(run: Any, finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="models of transformers are an optional part")
    ran = run("export", finished, "--to", tmp_path / "model", "--to-hf", tmp_path / "hf", "--name", "mine")
    assert (ran.code, ran.err.count("Traceback")) == (0, 0)
    assert ran.lines[0].startswith(f"{tmp_path / 'model'}: mine@1, ")
    assert ran.lines[1].startswith(f"{tmp_path / 'hf'}: mine@1 for transformers, ")
    alone = run("export", finished, "--to-hf", tmp_path / "alone")
    assert alone.code == 0, alone.err
    bundle = run("export", tmp_path / "model", "--to-hf", tmp_path / "of-a-model")
    assert bundle.code == 0, bundle.err
    weights = {(tmp_path / name / "model.safetensors").read_bytes() for name in ("hf", "alone", "of-a-model")}
    assert len(weights) == 1
    again = run("export", tmp_path / "model", "--to-hf", tmp_path / "hf")
    assert (again.code, again.out) == (1, "")
    assert "is not empty" in again.err
    nowhere = run("export", finished)
    assert nowhere.code == 2
    assert "--to DIR, --to-hf DIR or both" in nowhere.err
