"""Training, validation, going on and bundles of models that read region features, in every layout."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pictell
from pictell.bundle import Bundle
from pictell.captioner import RegionCaptioner
from pictell.cli import main
from pictell.engines.onnx import OnnxEngine
from pictell.engines.torch import TorchEngine
from pictell.errors import BundleError, DataError, OptionError, PictellError, RecipeError, RegionError
from pictell.models import build_model
from pictell.regions import RegionSettings, open_regions
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint
from pictell.training.from_run import bundle_from_run
from pictell.training.parity import compare
from pictell.training.start import settings_to_go_on_from

CHANNELS, MOST = 10, 6
PHOTOS = 12


def regions_of(number: int) -> dict[str, Any]:
    """Of a photo of the tiny data set, 1 to 5 regions that tell its colour and shape, and boxes in pixels of 64."""
    generator = np.random.default_rng(number)
    count = 1 + number % 5
    features = generator.uniform(0.1, 0.4, (count, CHANNELS))
    features[:, number // 3] += 2  # the colour
    features[:, 4 + number % 3] += 2  # the shape
    corners = np.sort(generator.uniform(0, 64, (count, 2, 2)), axis=1).reshape(count, 4)
    return {"x": features.astype(np.float32), "bbox": corners.astype(np.float32), "image_w": 64, "image_h": 64}


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file a photo. Do not write into it."""
    folder = tmp_path_factory.mktemp("regions") / "features"
    folder.mkdir()
    for number in range(PHOTOS):
        np.savez(folder / f"{number}.npz", **regions_of(number))
    return folder


@pytest.fixture(scope="session")
def recipe_of_regions(flickr8k: Path, features: Path) -> Path:
    """Cross-entropy, then SCST. Do not change it."""
    path = features.parent / "regions.yaml"
    path.write_text(
        f"""
name: tiny-regions
seed: 3
data:
  folders: {{flickr8k: {flickr8k}}}
  train: [flickr8k/train]
  dev: flickr8k/dev
  held_out: [flickr8k/dev, flickr8k/test]
  regions: {features}
  min_count: 1
  max_words: 9
model:
  encoder: {{name: regions, regions: {MOST}, channels: {CHANNELS}}}
  decoder: {{name: up_down, embedding: 8, hidden: 16, attention: 8, dropout: 0.2}}
batch_size: 4
beam: 2
checkpoint_minutes: 0
phases:
  - {{name: words, epochs: 3, lr: 2e-2, warmup: 2, captions: 2}}
  - {{name: scst, epochs: 1, lr: 1e-3, warmup: 2, captions: 2, self_critical: {{samples: 2, cross_entropy: 0.5}}}}
""",
        encoding="utf-8",
    )
    return path


def train(recipe: Path, out: Path, *overrides: str) -> Trainer:
    trainer = Trainer(load_recipe(recipe, overrides), out)
    trainer.run()
    return trainer


@pytest.fixture(scope="session")
def run(recipe_of_regions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed. Do not change it."""
    out = tmp_path_factory.mktemp("runs") / "regions"
    train(recipe_of_regions, out)
    return out


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(run / "last.safetensors")[0]


def assert_same_weights(one: Path, other: Path) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    assert not [name for name in ours if not torch.equal(ours[name], theirs[name])]


def test_it_learns_from_regions_and_says_what_is_in_them(recipe_of_regions: Path, tmp_path: Path) -> None:
    """Half of each caption can be known from the features alone; the dev photos' colour was never seen in training."""
    longer = [
        "phases.0.epochs=60",
        "phases.0.lr=1e-2",
        "phases.1.epochs=0",
        "validate_every=60",
        "data.dev=flickr8k/train",
    ]
    trainer = train(recipe_of_regions, tmp_path / "run", *longer)
    assert trainer.at.best > 2
    assert not (tmp_path / "run/features").exists(), "what was computed already is not computed again"


def test_a_run_that_is_stopped_ends_as_an_unbroken_one(
    recipe_of_regions: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    step, left = Trainer._step, [0]

    def killed(self: Trainer, *arguments: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", killed)
    for count in (2, 4, 3):
        left[0] = count
        with pytest.raises(Killed):
            train(recipe_of_regions, tmp_path / "killed")
    train(recipe_of_regions, tmp_path / "killed")
    assert_same_weights(run, tmp_path / "killed")


def test_processes_that_read_change_nothing(recipe_of_regions: Path, run: Path, tmp_path: Path) -> None:
    train(recipe_of_regions, tmp_path / "workers", "workers=2")
    assert_same_weights(run, tmp_path / "workers")


def test_a_frozen_encoders_grid_is_regions_too(recipe_file: Path, recipe_of_regions: Path, tmp_path: Path) -> None:
    """Its features, read from files, train what the encoder itself trains."""
    settings = [
        "model.decoder={name: up_down, embedding: 8, hidden: 16, attention: 8, dropout: 0.2}", "phases.0.epochs=2",
        "phases.1.epochs=0", "phases.1.round_weights=false", "phases.1.encoder_lr=null",
    ]  # fmt: skip
    one = Trainer(load_recipe(recipe_file, settings), tmp_path / "photos")
    for weight in one.model.encoder.parameters():
        if weight.ndim == 4:
            torch.nn.init.kaiming_normal_(weight, generator=torch.Generator().manual_seed(0))
    one.average = {name: value.detach().clone() for name, value in one.model.state_dict().items()}
    first = {name: value.clone() for name, value in one.model.decoder.state_dict().items()}
    one.run()
    photos = [*(example.photo for example in one.examples), *one.dev]
    grid = one._features(photos, "all")
    assert np.ptp(np.asarray(grid, np.float32), axis=0).max() > 0.1, "photos are told apart"
    (tmp_path / "features").mkdir()
    for photo, features in zip(photos, grid, strict=True):
        np.save(tmp_path / f"features/{photo.id.removesuffix('.png')}.npy", features)
    encoder = f"model.encoder={{name: regions, regions: {grid.shape[1]}, channels: {grid.shape[2]}}}"
    recipe = load_recipe(recipe_file, [*settings, encoder, f"data.regions={tmp_path / 'features'}"])
    other = Trainer(recipe, tmp_path / "regions")
    other.model.decoder.load_state_dict(first)
    other.average = {name: value.detach().clone() for name, value in other.model.state_dict().items()}
    other.run()
    for name, value in one.model.decoder.state_dict().items():
        torch.testing.assert_close(other.model.decoder.state_dict()[name], value, atol=2e-4, rtol=1e-3)
    assert [row["loss"] for row in other.at.history] == pytest.approx([row["loss"] for row in one.at.history], abs=2e-4)


def test_room_for_more_regions_changes_nothing_but_the_last_bits(recipe_of_regions: Path, tmp_path: Path) -> None:
    found = []
    for most in (MOST, 3 * MOST):
        out = tmp_path / str(most)
        train(recipe_of_regions, out, f"model.encoder.regions={most}", "model.decoder.dropout=0.0", "phases.1.epochs=0")
        found.append(weights_of(out))
    for name, weight in found[0].items():
        if name.startswith("model."):
            torch.testing.assert_close(weight, found[1][name], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("layout", ["tsv", "lmdb"])
def test_other_layouts_train_the_same(recipe_of_regions: Path, run: Path, tmp_path: Path, layout: str) -> None:
    if layout == "tsv":
        lines = []
        for number in range(PHOTOS):
            found = regions_of(number)
            boxes, values = (base64.b64encode(found[name].tobytes()).decode() for name in ("bbox", "x"))
            lines.append(f"{number}\t64\t64\t{len(found['x'])}\t{boxes}\t{values}\n")
        path = tmp_path / "features.tsv"
        path.write_text("".join(lines), encoding="ascii")
    else:
        lmdb = pytest.importorskip("lmdb")
        path = tmp_path / "features.lmdb"
        with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
            for number in range(PHOTOS):
                content = io.BytesIO()
                np.savez(content, **regions_of(number))
                transaction.put(str(number).encode(), content.getvalue())
    train(recipe_of_regions, tmp_path / "run", f"data.regions={path}", "workers=1")
    assert_same_weights(run, tmp_path / "run")


def test_photos_need_not_be_there(recipe_of_regions: Path, flickr8k: Path, run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(flickr8k, tmp_path / "flickr8k"))
    for photo in (folder / "Flicker8k_Dataset").iterdir():
        photo.unlink()
    train(recipe_of_regions, tmp_path / "run", f"data.folders.flickr8k={folder}")
    assert_same_weights(run, tmp_path / "run")


def test_boxes_are_read_where_the_model_wants_them(recipe_of_regions: Path, tmp_path: Path) -> None:
    trainer = train(recipe_of_regions, tmp_path / "run", "model.encoder.boxes=true")
    assert trainer.model.encoder.channels == CHANNELS + 5
    assert trainer.regions is not None
    rows = trainer.regions.of(trainer.examples[1].photo)
    found = regions_of(int(trainer.examples[1].photo.id.removesuffix(".png")))
    np.testing.assert_allclose(rows[: len(found["x"]), CHANNELS:-1], found["bbox"] / 64, atol=1e-6)


@pytest.fixture
def copy(features: Path, tmp_path: Path) -> Path:
    """Of the features, to be changed."""
    return Path(shutil.copytree(features, tmp_path / "features"))


def refused(recipe: Path, out: Path, *overrides: str) -> PictellError:
    with pytest.raises(PictellError) as caught:
        train(recipe, out, *overrides)
    assert "\n" not in caught.value.message
    return caught.value


def test_a_photo_without_features_stops_the_run_or_is_left_out(
    recipe_of_regions: Path, copy: Path, tmp_path: Path
) -> None:
    (copy / "3.npz").unlink()
    (copy / "5.npz").unlink()
    error = refused(recipe_of_regions, tmp_path / "run", f"data.regions={copy}")
    assert isinstance(error, DataError)
    assert f"2 photos of the train split have no region features in {copy}, first 3.png" in error.message
    assert "--skip-missing" in error.message
    trainer = train(recipe_of_regions, tmp_path / "run", f"data.regions={copy}", "data.skip_missing=true")
    assert len(trainer.examples) == 6
    assert "2 photos of the train split have no region features" in (tmp_path / "run/log.txt").read_text(
        encoding="utf-8"
    )


Spoil = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda found: found | {"x": found["x"] * np.nan}, "no finite numbers in region 1"),
        (lambda found: found | {"bbox": found["bbox"][1:]}, "boxes"),
        (
            lambda found: found | {"x": np.ones((MOST + 1, CHANNELS), np.float32), "bbox": np.ones((MOST + 1, 4))},
            "7 regions",
        ),
    ],
)
def test_a_photo_whose_features_are_bad_is_named_and_skipped(
    recipe_of_regions: Path, copy: Path, tmp_path: Path, spoil: Spoil, says: str
) -> None:
    for number in (3, 9):  # one to train on, one for dev
        np.savez(copy / f"{number}.npz", **spoil(regions_of(number)))
    train(recipe_of_regions, tmp_path / "run", f"data.regions={copy}", "workers=1", "phases.1.epochs=0")
    told = (tmp_path / "run/log.txt").read_text(encoding="utf-8")
    for number in (3, 9):
        (line,) = (line for line in told.splitlines() if f"skipped {number}.png: " in line)
        assert says in line
    assert "2 photos could not be read" in told


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model.encoder.channels=11"], "its features are 10 wide, and the model reads 11"),
        (
            ["data.train=[flickr8k/dev]", "data.held_out=[]", "model.encoder.regions=1"],
            "has 4 regions, and the model reads up to 1",
        ),
        (["data.regions=null"], "data.regions=PATH"),
        (["data.regions=nowhere"], "no region features at nowhere"),
        (["model.encoder={name: mobilenet_v2, size: 64}"], "data.regions is for"),
        (["phases.0.encoder_lr=1e-3"], "nothing to learn"),
        (["phases.0.views=2"], "nothing to learn"),
        (["keep_photos=true"], "keep_photos"),
        (["phases.0.round_weights=true"], "round_weights"),
        (["model.encoder.regions=0"], "regions is 0"),
        (["model.encoder.channels=many"], "channels is 'many'"),
        (["model.encoder.boxes=1"], "boxes is 1"),
        (["model.encoder.size=224"], "has no 'size'"),
        (["model.weights=somewhere"], "mobilenet_v2"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    recipe_of_regions: Path, tmp_path: Path, overrides: list[str], says: str
) -> None:
    error = refused(recipe_of_regions, tmp_path / "run", *overrides)
    assert isinstance(error, RecipeError | DataError)
    assert says in error.message


# -- bundles ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_from_run(run, tmp_path_factory.mktemp("bundles") / "regions", name="tiny", version=1)


def test_a_bundle_of_it_has_no_encoder(bundle: Bundle) -> None:
    assert not {"encoder.onnx", "preprocessing.json"} & {*bundle.files}
    assert bundle.regions == RegionSettings(MOST, CHANNELS)
    bundle.check()


def test_the_bundle_says_what_the_network_says(bundle: Bundle, run: Path, features: Path) -> None:
    """Word by word, with the attention, and none of it on what fills up; the same alone and among others."""
    tensors, about = load_checkpoint(run / "best.safetensors")
    model = build_model(about["architecture"], len(bundle.vocabulary))
    model.load_state_dict(tensors)
    photos = RegionSettings(MOST, CHANNELS)
    rows = np.stack([photos.fit(open_regions(features).read(str(number)), "") for number in range(PHOTOS)])
    one, other = TorchEngine(model.eval()), OnnxEngine(bundle)
    difference, same = compare(one, other, rows)
    assert difference < 1e-3
    assert same == 1
    np.testing.assert_allclose(one.features(one.encode(rows)), other.features(other.encode(rows)), atol=1e-5)
    for engine in (one, other):
        _, _, attention = engine.step(np.full(PHOTOS, 1), engine.start(engine.encode(rows)))  # type: ignore[attr-defined]
        assert attention is not None
        assert not attention[~rows.any(axis=2)].any()
        np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)


def test_photos_are_captioned_by_id(bundle: Bundle, features: Path) -> None:
    captioner = pictell.load(bundle.directory, regions=features, threads=2)
    assert isinstance(captioner, RegionCaptioner)
    names = [f"{number}.png" for number in range(PHOTOS)]
    captions = captioner.caption_many([*names, "13.png"], attention=True)
    assert isinstance(captions[-1], RegionError)
    assert captions[-1].message == f"13.png: there are no features of it in {features}"
    for number, caption in enumerate(captions[:-1]):
        assert isinstance(caption, pictell.Caption)
        regions = captioner.regions.read(str(number))
        again = captioner.caption(regions, attention=True)
        assert again == caption
        assert caption.attention is not None
        assert regions.boxes is not None
        assert caption.attention.shape == (len(caption.words), len(regions.boxes))
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, atol=1e-5)
    given = pictell.load(bundle.directory, regions={"5": captioner.regions.read("5").features})
    assert given.caption("5") == captioner.caption("5.png")
    assert given.caption("5", sample=True, seed=3) == captioner.caption(Path("somewhere/5.png"), sample=True, seed=3)


@pytest.mark.parametrize("source", [b"photo", np.zeros((9, 9, 3), np.uint8)])
def test_a_photo_is_no_features(bundle: Bundle, features: Path, source: Any) -> None:
    captioner = pictell.load(bundle.directory, regions=features)
    with pytest.raises(OptionError, match="name a photo by its id"):
        captioner.caption(source)


def test_models_and_regions_that_do_not_go_together(bundle: Bundle, features: Path) -> None:
    with pytest.raises(OptionError, match=r"tiny@1 reads region features and sees no photo.*--regions PATH ID"):
        pictell.load(bundle.directory)
    with pytest.raises(OptionError, match="looks at photos and reads no region features"):
        pictell.load(regions=features)
    with pytest.raises(OptionError, match="looks at photos and reads no region features"):
        pictell.load("hf:somewhere", regions=features)
    with pytest.raises(DataError, match="no region features at nowhere"):
        pictell.load(bundle.directory, regions="nowhere")
    with pytest.raises(OptionError, match="looks at photos"):
        pictell.load([bundle.directory, "default"], regions=features)


def test_an_ensemble_of_them(bundle: Bundle, features: Path) -> None:
    alone, both = (pictell.load(models, regions=features) for models in ([bundle.directory], [bundle.directory] * 2))
    one, other = alone.caption("4"), both.caption("4")
    assert one.text == other.text
    assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)


def test_a_run_goes_on_from_the_bundle(recipe_of_regions: Path, bundle: Bundle, tmp_path: Path) -> None:
    settings = settings_to_go_on_from(str(bundle.directory))
    trainer = train(recipe_of_regions, tmp_path / "run", *settings, "phases.1.epochs=0")
    assert trainer.at.history[0]["epoch"] == 0


def test_it_has_no_8_bits_and_no_model_of_transformers(
    run: Path, bundle: Bundle, flickr8k: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="mobilenet_v2"):
        bundle_from_run(
            run, tmp_path / "b", name="b", version=1, calibration_photos=[flickr8k / "Flicker8k_Dataset/0.png"]
        )
    pytest.importorskip("transformers")
    from pictell.hf import export_to_hf

    with pytest.raises(BundleError, match="reads region features"):
        export_to_hf(bundle, tmp_path / "hf")


@pytest.mark.parametrize("command", ["caption", "evaluate"])
def test_the_commands(
    command: str, bundle: Bundle, features: Path, flickr8k: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([command, *map(str, arguments), "--model", str(bundle.directory)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    if command == "caption":
        photo = flickr8k / "Flicker8k_Dataset/0.png"
        code, out, err = run_command(photo)
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert "reads region features and sees no photo" in err
        assert "--regions PATH" in err
        code, alone, _ = run_command("--regions", features, "7")
        assert code == 0
        assert alone.strip()
        (tmp_path / "list.txt").write_text("7.png\n", encoding="utf-8")
        code, out, err = run_command("--regions", features, "7", "99", "--files-from", tmp_path / "list.txt")
        assert code == 1
        assert out == f"7\t{alone}7.png\t{alone}"
        assert err == f"pictell: 99: there are no features of it in {features}\n"
        code, out, _ = run_command("--regions", features, photo, "--json")
        assert code == 0
        assert json.loads(out)["path"] == str(photo)
        assert run_command("--regions", features, "-")[0] == 2
        return
    data = ["--data", f"flickr8k:{flickr8k}", "--split", "dev", "--json"]
    code, out, _ = run_command(*data, "--regions", features)
    assert code == 0
    assert json.loads(out)["photos"] == 4
    some = Path(shutil.copytree(features, tmp_path / "some"))
    (some / "9.npz").unlink()
    code, out, err = run_command(*data, "--regions", some)
    assert code == 1
    assert "1 photos of the dev split have no region features" in err
    code, out, err = run_command(*data, "--regions", some, "--skip-missing")
    assert code == 0
    assert json.loads(out)["photos"] == 3
    assert "first 9.png" in err
    np.savez(some / "9.npz", **regions_of(9) | {"x": np.ones((1, CHANNELS + 1), np.float32), "bbox": np.ones((1, 4))})
    code, out, err = run_command(*data, "--regions", some)
    assert code == 1
    assert json.loads(out)["photos"] == 4
    assert f"9.png: its features are {CHANNELS + 1} wide, and the model reads {CHANNELS}" in err
    assert run_command(*data)[0] == 2


def test_its_confidence_is_fitted(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Path(shutil.copytree(bundle.directory, tmp_path / "model"))
    features, texts = tmp_path / "features", tmp_path / "flickr8k" / "Flickr8k_text"
    features.mkdir()
    texts.mkdir(parents=True)
    (texts.parent / "Flicker8k_Dataset").mkdir()
    for number in range(24):
        np.savez(features / f"{number}.npz", **regions_of(number))
    captioner = pictell.load(bundle.directory, regions=features, threads=1)
    said = [captioner.caption(str(number)).text if number % 2 else "Something else ." for number in range(24)]
    lines = [f"{number}.png#0\t{text}\n{number}.png#1\tThing {number} .\n" for number, text in enumerate(said)]
    (texts / "Flickr8k.token.txt").write_text("".join(lines), encoding="utf-8")
    for split, numbers in (("train", []), ("dev", range(24)), ("test", [])):
        names = "".join(f"{number}.png\n" for number in numbers)
        (texts / f"Flickr_8k.{split}Images.txt").write_text(names, encoding="utf-8")

    def fit(*more: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["calibrate", str(model), "--data", f"flickr8k:{texts.parent}", *more])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    code, out, err = fit()
    assert (code, out) == (2, "")
    assert "reads region features and sees no photo" in err
    code, out, err = fit("--regions", str(features))
    assert (code, err) == (0, "")
    assert "median of 24 dev photos" in out
    found = pictell.load(model, regions=features, threads=1).caption_many([str(number) for number in range(24)])
    confidences = {each.confidence for each in found if isinstance(each, pictell.Caption)}
    assert len(confidences) > 10
    assert all(each is not None and 0 < each < 1 for each in confidences)
    (features / "3.npz").unlink()
    code, out, err = fit("--regions", str(features))
    assert (code, out) == (1, "")
    assert "1 photos of the dev split have no region features" in err
    code, out, _ = fit("--regions", str(features), "--skip-missing")
    assert code == 0
    assert "median of 23 dev photos" in out
