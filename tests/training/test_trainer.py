"""Training runs: what is kept of them, when they end, and that a kill changes nothing."""

from __future__ import annotations

import contextlib
import csv
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pictell.errors import DataError, RecipeError
from pictell.language import Vocabulary
from pictell.training import Trainer, load_recipe, trainer
from pictell.training.checkpoint import load_checkpoint, save_checkpoint
from pictell.training.examples import Batch
from pictell.training.recipe import SCHEDULES, Phase


def run(recipe_file: Path, out: Path, *overrides: str) -> Path:
    return Trainer(load_recipe(recipe_file, overrides), out).run()


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, averages, the optimiser's state and all that is recorded beside them but the time, to the last bit."""
    for name in ("last.safetensors", "best.safetensors"):
        (tensors, progress), (others, other_progress) = (load_checkpoint(folder / name) for folder in (one, other))
        assert tensors.keys() == others.keys()
        assert not [key for key in tensors if not torch.equal(tensors[key], others[key])], name
        assert progress | {"seconds": 0} == other_progress | {"seconds": 0}
    for name in ("epochs.csv", "vocabulary.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`kill_after(n)`: from now on, the n-th beginning or end of a step or of a checkpoint kills the run."""
    left = [0]

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            for moment in ("before", "after"):
                left[0] -= 1
                if left[0] == 0:
                    raise Killed
                if moment == "before":
                    result = original(*arguments, **options)
            return result

        return call

    monkeypatch.setattr(Trainer, "_step", watched(Trainer._step))
    monkeypatch.setattr(trainer, "save_checkpoint", watched(save_checkpoint))

    def set_count(count: int) -> None:
        left[0] = count

    return set_count


@pytest.fixture(scope="module")
def unbroken(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed. Do not change it."""
    out = tmp_path_factory.mktemp("runs") / "unbroken"
    run(recipe_file, out)
    return out


@pytest.fixture
def copy(unbroken: Path, tmp_path: Path) -> Path:
    """Of the undisturbed run, to be changed."""
    return Path(shutil.copytree(unbroken, tmp_path / "copy"))


def test_a_run_killed_again_and_again_ends_as_an_unbroken_one(
    recipe_file: Path, tmp_path: Path, unbroken: Path, kill_after: Callable[[int], None]
) -> None:
    lives = 0
    for count in (5, 6, 7, 5, 7, 6, 5, 5, 5, 5, 5, 5, 0):
        kill_after(count)
        lives += 1
        try:
            run(recipe_file, tmp_path / "killed")
        except Killed:
            continue
        break
    assert lives >= 5
    assert_same_run(unbroken, tmp_path / "killed")


def test_what_came_after_the_last_checkpoint_is_done_again(
    recipe_file: Path, tmp_path: Path, unbroken: Path, kill_after: Callable[[int], None]
) -> None:
    """Checkpoints at the ends of epochs only; the second epoch of the first phase and the second phase are killed."""
    for count in (13, 12):
        kill_after(count)
        with pytest.raises(Killed):
            run(recipe_file, tmp_path / "killed", "checkpoint_minutes=60")
    kill_after(0)
    run(recipe_file, tmp_path / "killed", "checkpoint_minutes=60")
    assert_same_run(unbroken, tmp_path / "killed")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_run_that_the_system_kills_in_the_middle_of_writing(
    recipe_file: Path, tmp_path: Path, unbroken: Path
) -> None:
    program = """
import os, signal, sys
from pathlib import Path
import safetensors.torch, torch
from pictell.training import Trainer, load_recipe

torch.set_num_threads(1)
save, count = safetensors.torch.save_file, 0

def save_half(tensors, path, metadata=None):
    global count
    count += 1
    save(tensors, path, metadata=metadata)
    if count == 6:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

safetensors.torch.save_file = save_half
Trainer(load_recipe(Path(sys.argv[1])), Path(sys.argv[2])).run()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(recipe_file), str(tmp_path / "killed")],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert load_checkpoint(tmp_path / "killed/last.safetensors")[1] != load_checkpoint(unbroken / "last.safetensors")[1]
    run(recipe_file, tmp_path / "killed")
    assert_same_run(unbroken, tmp_path / "killed")


def test_what_a_run_leaves(unbroken: Path) -> None:
    assert sorted(path.name for path in unbroken.iterdir()) == [
        "best.safetensors", "curves.png", "epochs.csv", "features", "last.safetensors", "log.txt", "recipe.json",
        "vocabulary.json",
    ]  # fmt: skip
    with (unbroken / "epochs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["phase"], row["epoch"]) for row in rows] == [("decoder", "1"), ("decoder", "2"), ("whole", "1")]
    assert all(float(row["loss"]) > 0 for row in rows)
    assert len(list((unbroken / "features").iterdir())) == 2, "train and dev photos, for the frozen phase alone"
    assert "8 training photos, 16 captions" in (unbroken / "log.txt").read_text(encoding="utf-8")
    _, about = load_checkpoint(unbroken / "best.safetensors")
    assert max(float(row["CIDEr-D"]) for row in rows) == about["dev"]["CIDEr-D"]
    assert about["architecture"]["encoder"] == {"name": "mobilenet_v2", "size": 64}


def test_a_finished_run_has_nothing_more_to_do(recipe_file: Path, unbroken: Path, copy: Path) -> None:
    assert run(recipe_file, copy) == copy / "best.safetensors"
    assert_same_run(unbroken, copy)


def test_a_frozen_encoder_keeps_its_weights_and_a_trained_one_does_not(recipe_file: Path, tmp_path: Path) -> None:
    frozen = Trainer(load_recipe(recipe_file, ["phases.0.epochs=1", "phases.1.epochs=0"]), tmp_path / "frozen")
    before = {key: value.clone() for key, value in frozen.model.state_dict().items()}
    frozen.run()
    for key, value in frozen.model.state_dict().items():
        assert torch.equal(value, before[key]) == key.startswith("encoder."), key
    whole = Trainer(load_recipe(recipe_file, ["phases.0.epochs=0", "phases.1.encoder_from=17"]), tmp_path / "whole")
    whole.run()
    for key, value in whole.model.state_dict().items():
        still = key.startswith("encoder.") and not key.startswith("encoder.blocks.17.")
        assert torch.equal(value, before[key]) == still, key


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_warmed_up_and_lowered(schedule: str) -> None:
    phase = Phase("x", epochs=1, lr=1.0, warmup=10, schedule=schedule)
    shares = [trainer.rate(phase, step, 100) for step in range(101)]
    assert shares[0] == pytest.approx(0.1, rel=0.05)
    assert shares[:9] == sorted(shares[:9])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert max(shares) <= 1
    assert shares[-1] == pytest.approx(1.0 if schedule == "constant" else 0.1)
    assert shares[50] == pytest.approx(1.0 if schedule == "constant" else 0.55, abs=0.01)


def test_runs_may_share_their_features(recipe_file: Path, tmp_path: Path, unbroken: Path) -> None:
    shared = tmp_path / "shared"
    for number in range(2):
        run(recipe_file, tmp_path / f"{number}", f"features={shared}")
        assert_same_run(tmp_path / f"{number}", unbroken)
        assert not (tmp_path / f"{number}/features").exists()
    assert len(list(shared.iterdir())) == 2


def test_the_time_of_all_lives_is_added_up(
    recipe_file: Path, tmp_path: Path, kill_after: Callable[[int], None]
) -> None:
    spent = []
    for count in (9, 0):
        kill_after(count)
        with contextlib.suppress(Killed):
            run(recipe_file, tmp_path)
        spent.append(load_checkpoint(tmp_path / "last.safetensors")[1]["seconds"])
    assert 0 < spent[0] < spent[1]


def test_an_encoder_with_rounded_weights_has_features_of_its_own(recipe_file: Path, tmp_path: Path) -> None:
    frozen = ["phases.0.epochs=1", "phases.1.encoder_lr=null"]
    for rounded, files in (("false", 2), ("true", 4)):
        run(recipe_file, tmp_path / rounded, *frozen, f"phases.1.round_weights={rounded}")
        assert len(list((tmp_path / rounded / "features").iterdir())) == files


def test_views_of_a_frozen_encoder_are_kept_and_taken_in_turn(recipe_file: Path, tmp_path: Path) -> None:
    """Each photo in every view once in as many epochs; a killed run and an unbroken one see the same."""
    seen: list[tuple[int, int]] = []
    settings = ["phases.0.views=3", "phases.0.epochs=3", "phases.1.epochs=0"]
    trainer = Trainer(load_recipe(recipe_file, settings), tmp_path / "views")
    step = trainer._step

    def watched(batch: Batch, features: Any) -> None:
        assert [len(views) for views in features] == [3]
        seen.extend(zip(batch.indices.tolist(), batch.views.tolist(), strict=True))
        step(batch, features)

    trainer._step = watched  # type: ignore[method-assign]  # watched, not replaced
    trainer.run()
    assert sorted(seen) == [(photo, view) for photo in range(8) for view in range(3)]
    files = sorted((tmp_path / "views/features").iterdir())
    assert len(files) == 4, "three views of the training photos, one of the dev photos"
    ours = [np.load(file) for file in files]
    train = [features for features in ours if len(features) == 8]
    assert not np.array_equal(train[0], train[1])
    assert "train, view 3: 8 x 4 x 1280 features take" in (tmp_path / "views/log.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("phase", ["{self_critical: {samples: 2}}", "{encoder_lr: 1e-4}", "{scheduled_sampling: 0.3}"])
def test_half_precision_comes_near_full_precision(recipe_file: Path, tmp_path: Path, phase: str) -> None:
    settings = f"phases=[{{name: one, epochs: 1, lr: 1e-4, warmup: 0, {phase.strip('{}')}}}]".replace("2}]", "2}}]")
    losses = {}
    for precision in ("fp32", "bf16"):
        out = tmp_path / precision
        run(recipe_file, out, settings, f"precision={precision}", "model.decoder.dropout=0")
        tensors, progress = load_checkpoint(out / "last.safetensors")
        losses[precision] = progress["history"][0]["loss"]
        assert {value.dtype for value in tensors.values()} <= {torch.float32, torch.int64}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)


def test_the_end_shows_every_epoch(unbroken: Path, recipe_file: Path, copy: Path) -> None:
    log = (unbroken / "log.txt").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(log) if " phase " in line and line.endswith("CIDEr-D"))
    assert [line.split()[:2] for line in log[start + 1 : start + 4]] == [
        ["decoder", "1"],
        ["decoder", "2"],
        ["whole", "1"],
    ]
    assert any(line.endswith("best") for line in log[start + 1 : start + 4])
    with Image.open(unbroken / "curves.png") as picture:
        picture.load()
        assert picture.size == (1080, 480)
        colours = picture.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 100, "something is drawn"


def test_tensorboard_shows_the_run_once_though_it_was_killed(
    recipe_file: Path, tmp_path: Path, kill_after: Callable[[int], None]
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    settings = ["tensorboard=true", "checkpoint_minutes=60"]
    kill_after(13)
    with pytest.raises(Killed):
        run(recipe_file, tmp_path / "out", *settings)
    kill_after(0)
    run(recipe_file, tmp_path / "out", *settings)
    events = accumulator.EventAccumulator(str(tmp_path / "out/events"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == list(range(6))
    assert [event.step for event in events.Scalars("dev/CIDEr-D")] == [1, 3, 5]
    assert {"train/lr", "dev/BLEU-4"} <= set(events.Tags()["scalars"])
    assert "8.png" in events.Tensors("captions/text_summary")[0].tensor_proto.string_val[0].decode()


def test_learns_what_the_photos_show(recipe_file: Path, tmp_path: Path) -> None:
    settings = ["phases.0.epochs=12", "phases.1.epochs=0", "phases.0.lr=2e-2", "checkpoint_minutes=60", "patience=99"]
    run(recipe_file, tmp_path / "out", *settings, "model.decoder.dropout=0", "ema=0", "label_smoothing=0")
    with (tmp_path / "out/epochs.csv").open(encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.8 * losses[0]


def scored(monkeypatch: pytest.MonkeyPatch, scores: Sequence[float]) -> None:
    left = iter(scores)
    monkeypatch.setattr(Trainer, "validate", lambda self, frozen: ({"CIDEr-D": next(left)}, []))


def test_stops_when_dev_scores_stop_rising_and_keeps_the_best(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, [0.1, 0.3, 0.2, 0.25, 0.3, 0.9])
    trainer = Trainer(
        load_recipe(recipe_file, ["phases.0.epochs=9", "phases.1.epochs=1", "patience=3"]), tmp_path / "out"
    )
    averages = []
    end_epoch = Trainer._end_epoch

    def remember(self: Trainer, *arguments: Any) -> None:
        averages.append({key: value.clone() for key, value in self.average.items()})
        if len(averages) == 6:  # the second phase: nothing has been better than the second epoch yet
            tensors, about = load_checkpoint(tmp_path / "out/best.safetensors")
            assert about["dev"]["CIDEr-D"] == 0.3
            assert all(torch.equal(tensors[key], averages[1][key]) for key in tensors)
        end_epoch(self, *arguments)

    monkeypatch.setattr(Trainer, "_end_epoch", remember)
    trainer.run()
    assert [row["epoch"] for row in trainer.at.history] == [1, 2, 3, 4, 5, 1]
    tensors, about = load_checkpoint(tmp_path / "out/best.safetensors")
    assert about["dev"]["CIDEr-D"] == 0.9
    assert all(torch.equal(tensors[key], averages[5][key]) for key in tensors)


def test_validation_only_every_few_epochs(recipe_file: Path, tmp_path: Path) -> None:
    """And after the last of a phase; the weights are those of a run that looks after each epoch."""
    epochs = "phases.0.epochs=3"
    run(recipe_file, tmp_path / "each", epochs)
    run(recipe_file, tmp_path / "some", epochs, "validate_every=2")
    each, some = (list(csv.DictReader((tmp_path / n / "epochs.csv").open())) for n in ("each", "some"))
    firsts = [row for row in some if row["phase"] == some[0]["phase"]]
    assert [row["CIDEr-D"] == "" for row in firsts] == [True, False, False]
    assert all(row["CIDEr-D"] for row in (some[-1], firsts[-1]))
    for row, other in zip(each, some, strict=False):
        if row["phase"] == some[0]["phase"]:
            assert row == other or (other["CIDEr-D"] == "" and row["loss"] == other["loss"])
    assert (tmp_path / "some" / "curves.png").stat().st_size > 10_000


def test_workers_change_nothing_but_the_time(recipe_file: Path, tmp_path: Path) -> None:
    whole = ["phases=[{name: whole, epochs: 1, lr: 1e-3, encoder_lr: 1e-4, warmup: 2, captions: 2}]"]
    run(recipe_file, tmp_path / "alone", *whole)
    run(recipe_file, tmp_path / "helped", *whole, "workers=2")
    assert_same_run(tmp_path / "alone", tmp_path / "helped")


def test_kept_photos_are_seen_as_read_ones(recipe_file: Path, tmp_path: Path) -> None:
    """But for the rounding of crops, of which there is none here: the same changes, words and order, resumed or helped."""
    kept = [
        "phases=[{name: whole, epochs: 2, lr: 1e-3, encoder_lr: 1e-4, warmup: 2, captions: 2}]",
        "keep_photos=true",
        "augmentation={crop: 1.0, colour: 0.2, mirror: 0.5}",
    ]
    run(recipe_file, tmp_path / "kept", *kept)
    run(recipe_file, tmp_path / "helped", *kept, "workers=2")
    assert_same_run(tmp_path / "kept", tmp_path / "helped")
    run(recipe_file, tmp_path / "read", *kept, "keep_photos=false")
    assert_same_run(tmp_path / "kept", tmp_path / "read")


def test_a_kept_photo_that_cannot_be_read_is_skipped(recipe_file: Path, flickr8k: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(flickr8k, folder)
    trainer = Trainer(
        load_recipe(
            recipe_file,
            [
                f"data.folders.flickr8k={folder}",
                "phases=[{name: whole, epochs: 1, lr: 1e-3, encoder_lr: 1e-4, captions: 2}]",
                "keep_photos=true",
            ],
        ),
        tmp_path / "out",
    )
    (folder / "Flicker8k_Dataset/3.png").write_bytes(b"no picture any more")
    trainer.run()
    assert len(trainer.skipped) == 1
    assert "3.png" in next(iter(trainer.skipped))


def test_a_phase_begins_with_the_best_weights_so_far(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, [0.5, 0.4, 0.1])
    begun = {}
    prepare_phase = Trainer._prepare_phase

    def remember(self: Trainer) -> None:
        prepare_phase(self)
        begun[self.at.phase] = {key: value.clone() for key, value in self.model.state_dict().items()}

    monkeypatch.setattr(Trainer, "_prepare_phase", remember)
    best = run(recipe_file, tmp_path / "out", "phases.1.round_weights=false")
    tensors, about = load_checkpoint(best)
    assert about["dev"]["CIDEr-D"] == 0.5
    assert all(torch.equal(tensors[key], begun[1][key]) for key in tensors)


def test_weights_that_only_work_unrounded_are_no_rival_to_rounded_ones(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export rounds the weights, so the best of the phases that round them is what it wants."""
    scored(monkeypatch, [0.5, 0.4, 0.1])
    _, about = load_checkpoint(run(recipe_file, tmp_path / "out", "phases.1.round_weights=true"))
    assert about["dev"]["CIDEr-D"] == 0.1
    assert about["round_weights"]


def test_a_run_from_before_a_setting_came_goes_on(recipe_file: Path, copy: Path, unbroken: Path) -> None:
    recipe = json.loads((copy / "recipe.json").read_text(encoding="utf-8"))
    del recipe["features"], recipe["data"]["bpe_size"], recipe["phases"][0]["schedule"]
    (copy / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    run(recipe_file, copy)
    assert_same_run(copy, unbroken)


def test_another_recipes_run_is_refused(recipe_file: Path, copy: Path) -> None:
    before = {path.name: path.read_bytes() for path in copy.glob("*.json")}
    for override, named in (("seed=4", "seed"), ("phases.0.lr=1e-5", "phases"), ("model.decoder.hidden=16", "model")):
        with pytest.raises(RecipeError, match=named) as caught:
            Trainer(load_recipe(recipe_file, [override]), copy)
        assert caught.value.kind == "other-recipe"
        assert str(copy) in caught.value.message
    assert {path.name: path.read_bytes() for path in copy.glob("*.json")} == before
    Trainer(load_recipe(recipe_file, ["checkpoint_minutes=7"]), copy)
    (copy / "recipe.json").write_text("{", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.json"):
        Trainer(load_recipe(recipe_file), copy)


def test_captions_that_changed_under_a_run_are_refused(recipe_file: Path, flickr8k: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(flickr8k, tmp_path / "data"))
    overrides = [f"data.folders.flickr8k={data}", "phases.0.epochs=1", "phases.1.epochs=0"]
    run(recipe_file, tmp_path / "out", *overrides)
    tokens = data / "Flickr8k_text/Flickr8k.token.txt"
    tokens.write_text(tokens.read_text(encoding="utf-8").replace("stripe", "band"), encoding="utf-8")
    with pytest.raises(RecipeError, match="captions have changed") as caught:
        run(recipe_file, tmp_path / "out", *overrides)
    assert caught.value.kind == "other-vocabulary"
    assert "stripe" in Vocabulary.load(tmp_path / "out/vocabulary.json")


def test_a_checkpoint_of_something_else_is_refused(recipe_file: Path, copy: Path, tmp_path: Path) -> None:
    best = copy / "best.safetensors"
    with pytest.raises(RecipeError, match=f"{best} is of another network") as caught:
        run(recipe_file, tmp_path / "other", f"model.start_from={best}", "model.decoder.hidden=16")
    for content in (best.read_bytes(), b"garbage"):
        (copy / "last.safetensors").write_bytes(content)
        with pytest.raises(RecipeError, match=r"last\.safetensors") as caught:
            run(recipe_file, copy)
        assert caught.value.kind == "checkpoint"


def test_a_run_may_start_from_another_ones_weights(recipe_file: Path, unbroken: Path, tmp_path: Path) -> None:
    start = f"model.start_from={unbroken / 'best.safetensors'}"
    trainer = Trainer(load_recipe(recipe_file, [start, "phases.0.epochs=0", "phases.1.epochs=0"]), tmp_path / "other")
    trainer.run()
    best, _ = load_checkpoint(unbroken / "best.safetensors")
    assert all(torch.equal(value.cpu(), best[key]) for key, value in trainer.model.state_dict().items())


def test_a_fresh_decoder_may_get_a_trained_encoder_and_its_words(
    recipe_file: Path, unbroken: Path, tmp_path: Path
) -> None:
    start = unbroken / "best.safetensors"
    run(
        recipe_file, tmp_path / "other", f"model.start_from={start}", "model.encoder_only=true", "model.weights=null",
        "model.decoder={name: show_and_tell, embedding: 8, hidden: 8}", "data.min_count=1",
        "phases=[{name: decoder, epochs: 1, lr: 1e-3, warmup: 2, captions: 2}]",
    )  # fmt: skip
    before, after = (load_checkpoint(folder / "best.safetensors")[0] for folder in (unbroken, tmp_path / "other"))
    encoder = [name for name in before if name.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(before[name], after[name]) for name in encoder)
    decoders = [{name for name in weights if name.startswith("decoder.")} for weights in (before, after)]
    assert decoders[0] != decoders[1]
    assert (tmp_path / "other" / "vocabulary.json").read_bytes() == (unbroken / "vocabulary.json").read_bytes()


@pytest.mark.parametrize(
    ("override", "error", "named"),
    [
        ("data.train=[coco/train2014]", RecipeError, "coco"),
        ("data.train=[flickr8k]", DataError, "split"),
        ("data.dev=flickr8k/test", RecipeError, r"validate on \(flickr8k/test\)"),
        ("data.train=[flickr8k/test]", RecipeError, r"train on \(flickr8k/test\)"),
        ("data.folders.flickr8k=nowhere", DataError, "nowhere"),
        ("data.min_count=99", RecipeError, r"no word comes 99 times .* lower data\.min_count"),
        ("model.encoder.name=vgg", RecipeError, "vgg"),
        ("model.weights=nowhere", DataError, "nowhere"),
        ("model.start_from=nowhere", RecipeError, "nowhere"),
    ],
)
def test_a_recipe_that_cannot_run_is_refused(
    recipe_file: Path, tmp_path: Path, override: str, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named) as caught:
        run(recipe_file, tmp_path / "out", override)
    assert "\n" not in str(caught.value)


def test_the_recipe_is_recorded(recipe_file: Path, tmp_path: Path) -> None:
    Trainer(load_recipe(recipe_file, ["clip=0.5"]), tmp_path / "out")
    recorded = json.loads((tmp_path / "out/recipe.json").read_text(encoding="utf-8"))
    assert (recorded["name"], recorded["clip"], recorded["phases"][0]["captions"]) == ("tiny", 0.5, 2)


def test_a_run_whose_gradient_is_no_number_stops_and_keeps_its_checkpoint(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second epoch goes wrong: the checkpoint of the first stays."""
    out, steps = tmp_path / "diverged", itertools.count()

    def loss(decoder: Any, *_: Any) -> torch.Tensor:
        total = sum(parameter.sum() for parameter in decoder.parameters())
        assert isinstance(total, torch.Tensor)
        if next(steps) == 2:
            return total * torch.nan
        return total

    monkeypatch.setattr(trainer, "caption_loss", loss)
    with pytest.raises(RecipeError, match=r"gradient is nan at step 3 of phase 'decoder'.*lower"):
        run(recipe_file, out)
    tensors, progress = load_checkpoint(out / "last.safetensors")
    assert progress["step"] == 2
    steps = itertools.count(2)
    with pytest.raises(RecipeError, match=r"lower the phase's lr$"):
        run(recipe_file, tmp_path / "at once")
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values() if tensor.is_floating_point())


def test_photos_that_cannot_be_read_do_not_stop_a_run(
    recipe_file: Path, flickr8k: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither at its start, nor where features are computed, nor where photos are augmented."""
    damaged = tmp_path / "flickr8k"
    shutil.copytree(flickr8k, damaged)
    settings = [f"data.folders.flickr8k={damaged}"]
    (damaged / "Flicker8k_Dataset/0.png").write_bytes(b"no photo")
    run(recipe_file, tmp_path / "compared", *settings)
    assert "left out 0.png" in (tmp_path / "compared/log.txt").read_text()
    run(recipe_file, tmp_path / "not compared", *settings, "data.held_out=[]")
    text = (tmp_path / "not compared/log.txt").read_text()
    assert text.count("skipped 0.png") == 1
    assert "1 photos could not be read" in text


def test_a_run_none_of_whose_photos_can_be_read_stops(recipe_file: Path, flickr8k: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(flickr8k, tmp_path / "flickr8k"))
    for number in range(8):
        (damaged / f"Flicker8k_Dataset/{number}.png").write_bytes(b"no photo")
    for encoder_lr in ("null", "1e-4"):
        settings = [f"data.folders.flickr8k={damaged}", "data.held_out=[]", f"phases.0.encoder_lr={encoder_lr}"]
        with pytest.raises(RecipeError, match="not one of the training photos could be read"):
            run(recipe_file, tmp_path / encoder_lr, *settings)
        assert not (tmp_path / encoder_lr / "best.safetensors").exists()


def test_dev_photos_that_cannot_be_read_count_as_captioned_with_nothing(
    recipe_file: Path, flickr8k: Path, tmp_path: Path
) -> None:
    damaged = Path(shutil.copytree(flickr8k, tmp_path / "flickr8k"))
    for name in ("8.png", "9.png"):
        (damaged / "Flicker8k_Dataset" / name).write_bytes(b"no photo")
    trainer = Trainer(load_recipe(recipe_file, [f"data.folders.flickr8k={damaged}"]), tmp_path / "out")
    trainer.run()
    text = (tmp_path / "out/log.txt").read_text()
    assert all(
        text.count(f"{what} {name}: ") == 1 for what in ("not compared", "skipped") for name in ("8.png", "9.png")
    )
    assert "2 photos could not be read" in text
    for frozen in (True, False):
        captions = dict(trainer.validate(frozen)[1])
        assert [captions[f"{number}.png"] != "" for number in range(8, 12)] == [False, False, True, True]
    for name in ("10.png", "11.png"):
        (damaged / "Flicker8k_Dataset" / name).write_bytes(b"no photo")
    assert set(dict(trainer.validate(False)[1]).values()) == {""}


def test_a_log_that_finds_no_room_stops_nothing(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer._LogFile, "flush", full)
        assert run(recipe_file, tmp_path / "out").exists()
    said = capsys.readouterr().err
    assert "best dev CIDEr-D" in said
    assert "Traceback" not in said


def test_a_model_that_training_makes_worse_is_kept(
    recipe_file: Path,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kill_after: Callable[[int], None],
) -> None:
    """What a run goes on from is scored first, and once, however often the run is killed."""
    start = f"model.start_from={unbroken / 'best.safetensors'}"
    begun, _ = load_checkpoint(unbroken / "best.safetensors")
    scored(monkeypatch, [0.5, 0.4, 0.5, 0.3])
    kill_after(5)  # in the first step, after both checkpoints of the beginning
    with pytest.raises(Killed):
        run(recipe_file, tmp_path / "worse", start, "phases.1.round_weights=false")
    kill_after(0)
    best = run(recipe_file, tmp_path / "worse", start, "phases.1.round_weights=false")
    tensors, about = load_checkpoint(best)
    assert all(torch.equal(tensors[key], begun[key]) for key in begun)
    assert about["dev"] == {"phase": "decoder", "epoch": 0, "loss": "", "reward": "", "CIDEr-D": 0.5}
    rows = list(csv.DictReader((tmp_path / "worse/epochs.csv").open(encoding="utf-8")))
    assert [(row["phase"], row["epoch"]) for row in rows] == [
        ("decoder", "0"), ("decoder", "1"), ("decoder", "2"), ("whole", "1"),
    ]  # fmt: skip
    assert "no epoch was better than the model" in (tmp_path / "worse/log.txt").read_text(encoding="utf-8")
    assert (tmp_path / "worse/curves.png").exists()
    scored(monkeypatch, [0.5, 0.4, 0.6, 0.3])
    _, about = load_checkpoint(run(recipe_file, tmp_path / "better", start, "phases.1.round_weights=false"))
    assert (about["dev"]["epoch"], about["dev"]["CIDEr-D"]) == (2, 0.6)
    assert "no epoch was better" not in (tmp_path / "better/log.txt").read_text(encoding="utf-8")


def test_a_run_that_began_without_a_score_of_its_start_goes_on_without(
    recipe_file: Path,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kill_after: Callable[[int], None],
) -> None:
    start = f"model.start_from={unbroken / 'best.safetensors'}"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_score_start", lambda self: None)
        kill_after(5)
        with pytest.raises(Killed):
            run(recipe_file, tmp_path / "old", start)
    kill_after(0)
    run(recipe_file, tmp_path / "old", start)
    rows = list(csv.DictReader((tmp_path / "old/epochs.csv").open(encoding="utf-8")))
    assert [row["epoch"] for row in rows] == ["1", "2", "1"]


def test_one_dev_photo_chooses_no_epoch(recipe_file: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """CIDEr-D of one photo is always 0, so the last weights are kept."""
    settings = ["data.limit={flickr8k/dev: 1}", "phases.0.epochs=3", "phases.1.epochs=0", "patience=1"]
    trainer = Trainer(load_recipe(recipe_file, settings), tmp_path / "out")
    tensors, about = load_checkpoint(trainer.run())
    assert (about["dev"]["epoch"], "CIDEr-D" in about["dev"]) == (3, False)
    assert all(torch.equal(tensors[key], value.cpu()) for key, value in trainer.average.items())
    log = (tmp_path / "out/log.txt").read_text(encoding="utf-8")
    assert "always 0" in log
    assert "the last epoch's weights after" in log
    assert "best dev" not in log
    assert not [warning for warning in recwarn if "CIDEr" in str(warning.message)]
